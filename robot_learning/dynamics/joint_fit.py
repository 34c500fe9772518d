"""A model of dynamics, and where it is learned that of rewards, fitted to the same data."""

from __future__ import annotations

import numpy as np

from robot_learning.dynamics.kinds import begin_fit
from robot_learning.dynamics.model import StoredModel
from robot_learning.dynamics.reward_model import RewardFit, RewardModel
from robot_learning.dynamics.transitions import Transitions


class JointFit:
    """One fit after the other; the same episodes are held out for both.

    Attributes:
        figures: of both, for the run's metrics; empty until they are done.
        held: the held-out episodes.
    """

    def __init__(
        self,
        model: StoredModel,
        data: Transitions,
        rng: np.random.Generator,
        rewards: RewardModel | None = None,
    ) -> None:
        """Begins.

        Args:
            model: of the dynamics.
            data: what both learn from.
            rng: draws the order.
            rewards: None where they are known.

        Raises:
            DynamicsError: there is too little data; the message says how much is wanted.
        """
        self._rewards, self._rng = rewards, rng
        self._fit = begin_fit(model, data, rng)
        self._reward_fit: RewardFit | None = None
        self.held = self._fit.held
        self.figures: dict[str, float] = {}

    def advance(self) -> bool:
        """Does a piece of the work; whether all is done."""
        if self.figures or not self._fit.advance():
            return bool(self.figures)
        report = self._fit.report
        assert report is not None
        found = report.figures()
        if self._rewards is not None:
            if self._reward_fit is None:
                parts = self._fit.learned, self._fit.held
                self._reward_fit = RewardFit(self._rewards, *parts, self._rng)
            if not self._reward_fit.advance():
                return False
            found |= self._reward_fit.figures or {}
        self.figures = found
        return True
