"""Is the learner still learning? Watches what a diverging value function shows first.

Function approximation, bootstrapping and off-policy data together may diverge (van Hasselt et al.
2018, arXiv 1812.02648: in 61 % of their runs values left the range that rewards and discount
allow, and most came back). So a value out of that range is a warning, and one far out of it, or
anything that is not finite, is a divergence: such a policy must not reach an arm.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from robot_learning.replay.step import Float32


class Health(IntEnum):
    """The higher, the worse."""

    GOOD = 0
    WARNING = 1
    DIVERGED = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        level: how bad it is.
        name: of the sign.
        text: one line: what was seen, against what, what to do.
    """

    level: Health
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """From where on a sign is a finding.

    Attributes:
        soft_share: values may leave their range by this part of its width before a warning.
        hard_share: and by this part before the run counts as diverged.
        gradient_factor: a gradient norm this many times its running median is a warning.
        entropy_min: least entropy of a stochastic policy per action dimension, nats.
        dead_units_max: largest share of hidden units that are never active.
        age_max_updates: oldest label that may be learned from, in updates.
    """

    soft_share: float = 0.1
    hard_share: float = 3.0
    gradient_factor: float = 100.0
    entropy_min: float = -10.0
    dead_units_max: float = 0.9
    age_max_updates: float = math.inf


VALUE_WIDTH_MIN = 1.0


class HealthMonitor:
    """Judges the figures of every update.

    It knows figures by name and needs none of them: `q_min` and `q_max` (or `q_mean`), any
    `*_loss`, `*_gradient_norm`, `entropy`, `dead_units` (a share), `label_age` (updates). The
    range of values comes from the rewards seen and the discount; a bonus on the reward, as for
    entropy, comes as `reward_bonus`, its size per step: of what was given, the largest counts.
    """

    _MEMORY = 200  # gradient norms that the running median is of
    _ENOUGH = 50

    def __init__(self, gamma: float, limits: HealthLimits | None = None) -> None:
        self._horizon = 1.0 / (1.0 - gamma)
        self._limits = limits or HealthLimits()
        self._reward_min = self._reward_max = self._bonus = 0.0
        self._norms: dict[str, deque[float]] = {}
        self.findings: list[Finding] = []

    @property
    def level(self) -> Health:
        """The worst of the newest findings."""
        return max((finding.level for finding in self.findings), default=Health.GOOD)

    def rewards(self, rewards: Float32) -> None:
        """Widens the range of rewards; 0, the reward of having ended, is always within it."""
        if len(rewards):
            self._reward_min = min(self._reward_min, float(np.min(rewards)))
            self._reward_max = max(self._reward_max, float(np.max(rewards)))

    def value_range(self, bonus: float = 0.0) -> tuple[float, float]:
        """What a discounted sum of the rewards seen can be, with a bonus of either sign."""
        low = (self._reward_min - abs(bonus)) * self._horizon
        high = (self._reward_max + abs(bonus)) * self._horizon
        return low, high

    def check(self, figures: Mapping[str, float]) -> Health:
        """Judges one update's figures; `findings` then says what is wrong with them."""
        self.findings = [
            *self._not_finite(figures),
            *self._values(figures),
            *self._gradients(figures),
            *self._signs(figures),
        ]
        return self.level

    def _not_finite(self, figures: Mapping[str, float]) -> list[Finding]:
        return [
            Finding(
                Health.DIVERGED,
                name,
                f"{name} is {value}: the learner diverged; go back to the last good policy and "
                "lower the learning rate",
            )
            for name, value in figures.items()
            if not math.isfinite(value)
        ]

    def _values(self, figures: Mapping[str, float]) -> list[Finding]:
        bonus = abs(figures.get("reward_bonus", 0.0))
        if math.isfinite(bonus):
            self._bonus = max(self._bonus, bonus)  # values follow a bonus that shrinks slowly
        low, high = self.value_range(self._bonus)
        if not high > low:  # no reward but 0 was seen yet
            return []
        # Random first values are about 1 high, however small the rewards are.
        width = max(high - low, VALUE_WIDTH_MIN)
        q_min = figures.get("q_min", figures.get("q_mean"))
        q_max = figures.get("q_max", figures.get("q_mean"))
        if q_min is None or q_max is None:
            return []
        beyond = max(low - q_min, q_max - high) / width
        if not beyond > self._limits.soft_share:  # what is not finite is told elsewhere
            return []
        level = Health.DIVERGED if beyond > self._limits.hard_share else Health.WARNING
        return [
            Finding(
                level,
                "values",
                f"values reach from {q_min:.3g} to {q_max:.3g}, rewards and discount allow "
                f"{low:.3g} to {high:.3g}: overestimation; lower the learning rate or tau, "
                "or bound the target (return_min, return_max)",
            )
        ]

    def _gradients(self, figures: Mapping[str, float]) -> list[Finding]:
        found = []
        for name, norm in figures.items():
            if not name.endswith("gradient_norm") or not math.isfinite(norm):
                continue
            seen = self._norms.setdefault(name, deque(maxlen=self._MEMORY))
            usual = float(np.median(seen)) if len(seen) >= self._ENOUGH else math.inf
            if norm > self._limits.gradient_factor * usual:
                found.append(
                    Finding(
                        Health.WARNING,
                        name,
                        f"{name} is {norm:.3g}, its median {usual:.3g}: look for outliers in "
                        "observations and rewards",
                    )
                )
            seen.append(norm)
        return found

    def _signs(self, figures: Mapping[str, float]) -> list[Finding]:
        limits = self._limits
        signs = (  # name, which side is bad, limit, what it means
            ("entropy", -1.0, limits.entropy_min, "the policy explores no more"),
            ("dead_units", 1.0, limits.dead_units_max, "units are never active: lower the rate"),
            ("label_age", 1.0, limits.age_max_updates, "labels are stale: add updaters"),
        )
        found = []
        for name, side, limit, meaning in signs:
            if name in figures and side * figures[name] > side * limit:
                text = f"{name} is {figures[name]:.3g}, the limit {limit:.3g}: {meaning}"
                found.append(Finding(Health.WARNING, name, text))
        return found
