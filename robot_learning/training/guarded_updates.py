"""Updates with a way back: a learner that diverges returns to where it last was well."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from robot_learning.algorithms import OffPolicyAlgorithm
from robot_learning.replay import Batch
from robot_learning.training.health import Health, HealthMonitor

KEEP_EVERY_UPDATES = 1_000
ROLLBACKS_MAX = 3


class DivergedError(RuntimeError):
    """Learning diverged and going back did not help; one line: what was seen, what to do."""


class GuardedUpdates:
    """An algorithm's updates, judged one by one.

    While the figures are good its state is kept now and then; at a divergence the newest kept
    state comes back, so the policy that is given out is never the diverged one.

    Attributes:
        health: judges every update.
        rollbacks: times that the learner went back.
    """

    def __init__(
        self,
        algorithm: OffPolicyAlgorithm,
        gamma: float,
        *,
        keep_every: int = KEEP_EVERY_UPDATES,
        rollbacks_max: int = ROLLBACKS_MAX,
    ) -> None:
        self.health = HealthMonitor(gamma)
        self.rollbacks = 0
        self._algorithm = algorithm
        self._keep_every = keep_every
        self._rollbacks_max = rollbacks_max
        self._since_kept = 0
        self._good: tuple[dict[str, Tensor], dict[str, Any]] = algorithm.state_dict()
        self._reason = ""

    def update(self, batch: Batch) -> dict[str, float]:
        """One update; see `OffPolicyAlgorithm.update`.

        Raises:
            DivergedError: it diverged again after it had gone back as often as is allowed; the
                algorithm is in the last good state.
        """
        self.health.rewards(batch.rewards)
        figures = self._algorithm.update(batch)
        level = self.health.check(figures)
        self._since_kept += 1
        if level is Health.DIVERGED:
            self._go_back()
            return {}
        if level is Health.GOOD and self._since_kept >= self._keep_every:
            self._good, self._since_kept = self._algorithm.state_dict(), 0
        return figures

    def restart(self) -> None:
        """The algorithm's state was set from outside; it is the good one now."""
        self._good, self._since_kept = self._algorithm.state_dict(), 0

    def lines(self) -> list[str]:
        """What a person should know."""
        lines = [finding.text for finding in self.health.findings]
        if self.rollbacks:
            lines.insert(0, f"went back {self.rollbacks} time(s), the last because {self._reason}")
        return lines

    def _go_back(self) -> None:
        self._reason = next(
            finding.text for finding in self.health.findings if finding.level is Health.DIVERGED
        )
        self._algorithm.load_state_dict(*self._good)
        self._since_kept = 0
        self.rollbacks += 1
        if self.rollbacks > self._rollbacks_max:
            raise DivergedError(
                f"learning diverged {self.rollbacks} times, the last time because {self._reason}"
            )
