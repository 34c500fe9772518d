"""Fitting an ensemble, a gradient step at a time, until held-out episodes are no better for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_learning.dynamics.ensemble import Ensemble
from robot_learning.dynamics.fitting import FitReport
from robot_learning.dynamics.model import DynamicsError, require_enough
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Transitions

_PROGRESS = 0.01  # a member is better for it when its error has fallen by this share


class EnsembleFit:
    """A fit under way; `advance` until it is done.

    Weights go on from where the last fit left them; each member ends with the weights that were
    best on the held-out episodes. It is a `Fit`.
    """

    def __init__(self, model: Ensemble, data: Transitions, rng: np.random.Generator) -> None:
        """Begins.

        Raises:
            DynamicsError: there is too little data; the message says how much is wanted.
        """
        settings = model.settings
        require_enough(len(data), settings.transitions_min)
        self._model, self._rng = model, rng
        self.learned, self.held = data.split(settings.held_out_share)
        learned = self.learned
        model.inputs = Scaling.of_inputs(learned.inputs)
        model.changes = Scaling.of_outputs(learned.changes)
        model.restart_optimiser()
        self._rows, self._wanted = self._scaled(learned)
        self._held_rows, self._held_wanted = self._scaled(self.held)
        self._counts = len(learned), len(self.held)
        self._epoch = self._waited = 0
        self._loss, self._sum, self._batches = 0.0, 0.0, 0
        self._best = model.network.flat.clone()
        self._errors = model.errors(self._held_rows, self._held_wanted)
        n, members = len(learned), settings.members
        self._seen = (
            torch.from_numpy(rng.integers(0, n, (members, n)))
            if settings.diversity == "bootstrap"
            else torch.arange(n).repeat(members, 1)
        )
        self._order: list[Tensor] = []
        self.report: FitReport | None = None

    def advance(self) -> bool:
        """One gradient step; whether the fit is done, and has a report."""
        if self.report is not None:
            return True
        if not self._order:
            self._order = self._shuffled()
        rows = self._order.pop()
        self._sum += self._model.descend(self._rows[rows], self._wanted[rows])
        self._batches += 1
        if not self._order:
            self._end_epoch()
        return self.report is not None

    def run(self, on_epoch: Callable[[dict[str, Any]], None] | None = None) -> FitReport:
        """All of it at once."""
        epoch = self._epoch
        while not self.advance():
            if on_epoch and self._epoch != epoch:
                epoch = self._epoch
                on_epoch({"epoch": epoch, "fit_loss": self._loss})
        assert self.report is not None
        return self.report

    def _scaled(self, data: Transitions) -> tuple[Tensor, Tensor]:
        return self._model.inputs.scale(data.inputs), self._model.changes.scale(data.changes)

    def _shuffled(self) -> list[Tensor]:
        """Rows of each batch of an epoch, (members, batch): every member in an order of its own."""
        n, members = self._seen.shape[1], self._seen.shape[0]
        order = torch.from_numpy(np.argsort(self._rng.random((members, n)), axis=1))
        rows = self._seen.gather(1, order)
        return list(torch.split(rows, self._model.settings.batch_size, dim=1))

    def _end_epoch(self) -> None:
        model, settings = self._model, self._model.settings
        self._epoch += 1
        self._loss, self._sum, self._batches = self._sum / self._batches, 0.0, 0
        if not np.isfinite(self._loss):
            raise DynamicsError(
                f"the model's loss is {self._loss} after {self._epoch} passes: lower learning_rate"
            )
        errors = model.errors(self._held_rows, self._held_wanted)
        better = errors < self._errors * (1.0 - _PROGRESS)
        for part, kept in zip(_views(model), _views(model, self._best), strict=True):
            kept[better] = part[better]
        self._errors = torch.where(better, errors, self._errors)
        self._waited = 0 if bool(better.any()) else self._waited + 1
        if self._waited >= settings.patience or self._epoch >= settings.epochs:
            self._finish()

    def _finish(self) -> None:
        model = self._model
        model.network.flat.copy_(self._best)
        model.elites = self._errors.argsort()[: model.settings.elites].sort().values
        model.fitted = True
        errors = tuple(self._errors.tolist())
        self.report = FitReport(self._epoch, self._counts, self._loss, errors)


def _views(model: Ensemble, flat: Tensor | None = None) -> list[Tensor]:
    """The weights of all members, (members, ...) each, within `flat` or the model's own."""
    parts = [part.detach() for part in model.network.parts]
    if flat is None:
        return parts
    split = torch.split(flat, [part.numel() for part in parts])
    return [piece.view(part.shape) for piece, part in zip(split, parts, strict=True)]
