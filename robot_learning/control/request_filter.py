"""Which requests are fit to be heard: right contract, in order, not repeated, not old."""

from __future__ import annotations

import math
from dataclasses import dataclass

from robot_learning.contract import Contract


@dataclass(slots=True)
class _Newest:
    sequence: int
    stamp_s: float


class RequestFilter:
    """Remembers the newest request of every source.

    A source that restarts counts from the beginning again: a smaller number with a newer
    observation is a restart, with an older or the same observation it is a message out of order.
    """

    def __init__(self, contract: Contract) -> None:
        self._sha256 = contract.sha256
        self._age_max_s = contract.task.action_age_max_s
        self._newest: dict[str, _Newest] = {}
        self._now_s = -math.inf

    def accept(
        self, source: str, sequence: int, stamp_s: float, now_s: float, contract_sha256: str
    ) -> str | None:
        """Judges one request, and remembers it when it is accepted.

        Args:
            source: who asks.
            sequence: the source's count.
            stamp_s: stamp of the observation that the request answers.
            now_s: the present on the clock of the stamps.
            contract_sha256: contract under which the request was made.

        Returns:
            None when accepted; else one line on why not, beginning with the name of the rule.
        """
        if now_s < self._now_s:
            self._newest.clear()  # the clock of the stamps began anew, as in a restarted simulator
        self._now_s = now_s
        if contract_sha256 != self._sha256:
            return (
                f"contract: {source} acts under {contract_sha256[:12] or 'none'}, here is "
                f"{self._sha256[:12]}: start it with this robot and task"
            )
        age_s = now_s - stamp_s
        if not math.isfinite(age_s):
            return f"stamp: {source} sent {stamp_s}, which is no time"
        if age_s > self._age_max_s + 1e-9:
            return (
                f"stale: {source} answers an observation {age_s:.3f} s old "
                f"(limit {self._age_max_s} s)"
            )
        if age_s < -self._age_max_s:
            return f"future: {source} answers an observation {-age_s:.3f} s ahead of the clock"
        newest = self._newest.get(source)
        if newest is not None and sequence <= newest.sequence:
            if sequence == newest.sequence:
                return f"duplicate: {source} sent number {sequence} again"
            if stamp_s <= newest.stamp_s:
                return f"out of order: {source} sent number {sequence} after {newest.sequence}"
        self._newest[source] = _Newest(sequence, stamp_s)
        return None
