"""What an evaluation says of single decisions: how long they took, how much they were doubted."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.contract.robot import DoubtLimits
from robot_learning.control.doubt import share_of_speed


class Decisions:
    """Takes one decision after the other."""

    def __init__(self, limits: DoubtLimits | None) -> None:
        """With the limits of the robot's contract; None where nothing is slowed or refused."""
        self._limits = limits
        self._took_s: list[float] = []
        self._doubts: list[float] = []

    def add(self, took_s: float, doubt: float) -> None:
        """One more: seconds that it took, and the ratio of `control.doubt`."""
        self._took_s.append(took_s)
        self._doubts.append(doubt)

    def as_json(self) -> dict[str, Any]:
        """Times in ms; of a policy with a model also its doubt.

        `slowed` and `refused` are shares of the decisions, by what the safety gate does to them.
        """
        facts: dict[str, Any] = {"decision_ms": _median_and_p99(1e3 * np.array(self._took_s))}
        doubts = np.array(self._doubts)
        if self._limits is not None and doubts.any():
            left = np.array([share_of_speed(self._limits, doubt) for doubt in doubts])
            facts["doubt"] = {
                **_median_and_p99(doubts[np.isfinite(doubts)]),
                "slowed": round(float(((left > 0.0) & (left < 1.0)).mean()), 4),
                "refused": round(float((left == 0.0).mean()), 4),
            }
        return facts


def _median_and_p99(values: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(values if values.size else [0.0], (50, 99))
    return {"median": round(float(low), 3), "p99": round(float(high), 3)}
