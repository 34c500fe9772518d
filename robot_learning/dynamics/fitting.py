"""What every fit is: pieces of work until there is a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_learning.dynamics.model import StoredModel, require_enough
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Transitions


@dataclass(frozen=True, slots=True)
class FitReport:
    """What came of a fit.

    Attributes:
        epochs: passes over the data.
        transitions: learned from, and held out.
        loss: mean of the members' in the last pass; of a model that is solved for, its error as
            below on what it was learned from.
        error: mean squared error of each member's mean on what was held out, in units of the
            changes' variance: 1 is no better than the mean change.
    """

    epochs: int
    transitions: tuple[int, int]
    loss: float
    error: tuple[float, ...]

    def figures(self) -> dict[str, float]:
        """For the run's metrics."""
        return {
            "model_epochs": float(self.epochs),
            "model_transitions": float(sum(self.transitions)),
            "model_loss": self.loss,
            "model_error": float(np.mean(self.error)),
        }


class Fit(Protocol):
    """A fit under way.

    Attributes:
        learned: what is learned from.
        held: episodes that are held out.
        report: once it is done.
    """

    learned: Transitions
    held: Transitions
    report: FitReport | None

    def advance(self) -> bool:
        """Does a piece of the work; whether the fit is done, and has a report."""


class SolvedModel(StoredModel, Protocol):
    """A model that is solved for, not descended to."""

    def fit_pieces(self, data: Transitions) -> Iterator[None]:
        """Fits the model in pieces; it changes at the end of the last one.

        Raises:
            DynamicsError: there is too little data.
        """


class PiecewiseFit:
    """The fit of a model that is solved for (it is a `Fit`)."""

    def __init__(self, model: SolvedModel, data: Transitions, rng: np.random.Generator) -> None:
        """Begins.

        Args:
            model: is asked again only when the fit is done.
            data: of which some episodes are held out.
            rng: not asked.

        Raises:
            DynamicsError: there is too little data; the message says how much is wanted.
        """
        del rng
        settings = model.settings
        require_enough(len(data), settings.transitions_min)
        self._model = model
        self.learned, self.held = data.split(settings.held_out_share)
        self._pieces = model.fit_pieces(self.learned)
        self.report: FitReport | None = None

    def advance(self) -> bool:
        """See `Fit`."""
        if self.report is not None:
            return True
        for _ in self._pieces:
            return False
        counts = len(self.learned), len(self.held)
        loss, error = self._error(self.learned), self._error(self.held)
        self.report = FitReport(1, counts, loss, (error,))
        return True

    def _error(self, data: Transitions) -> float:
        mean, _ = self._model.predict(data.observations[None], data.actions[None])
        scaling = Scaling.of_outputs(self.learned.changes)
        error = ((mean[0] - data.next_observations) / scaling.std).square()
        return float((error * scaling.varies).mean())
