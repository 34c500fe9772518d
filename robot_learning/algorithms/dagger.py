"""Data set aggregation (Ross, Gordon, Bagnell 2011, arXiv 1011.0686, algorithm 3.1).

A clone drifts into states that its expert never showed. Here the learner acts, the expert says
what it would have done there, and the next policy is fitted to everything said so far. Of the
policies of all rounds the one that agrees best with the expert, in states that it visits by
itself, is the result: the bound of theorem 3.1 is for that one, not for the last.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import Count, Spaces, Unit
from robot_learning.algorithms.bc import BC, BCHyperParameters
from robot_learning.algorithms.imitation import ImitationHyperParameters, OnEpoch
from robot_learning.networks import InputNormaliser, Policy
from robot_learning.replay.dataset import Dataset, Label


class DAggerHyperParameters(BCHyperParameters):
    """Behaviour cloning's, and the rounds."""

    demonstration_episodes: Count = Field(
        5, description="Episodes of each round; those of the first are the expert's alone."
    )
    rounds: Count = Field(4, description="Rounds of gathering and fitting.")
    expert_share_decay: Unit = Field(
        0.0,
        description="Beta in round i, from 0, is this to the power of i; 0 leaves the expert the "
        "first round only, which is best in most of the paper's experiments (section 5).",
    )
    validation_episodes: Count = Field(
        2, description="Episodes of the new policy alone that it is judged by in each round."
    )


class DAgger(BC):
    """Behaviour cloning in rounds, in the learner's own states."""

    name: ClassVar[str] = "dagger"
    source: ClassVar[str] = "Ross, Gordon, Bagnell 2011, algorithm 3.1"
    hyper_parameters: ClassVar[type[ImitationHyperParameters]] = DAggerHyperParameters
    label: ClassVar[Label] = "requested_action"
    asks_expert: ClassVar[bool] = True

    def __init__(self, spaces: Spaces, hyper: DAggerHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)
        self._dagger = hyper
        self._best = self.network.copy()
        self._best_normalise = InputNormaliser(spaces.input_size, hyper.input_clip)
        self._best_loss = math.inf

    @property
    def rounds(self) -> int:
        """See `ImitationAlgorithm.rounds`."""
        return self._dagger.rounds

    @property
    def validation_episodes(self) -> int:
        """See `ImitationAlgorithm.validation_episodes`."""
        return self._dagger.validation_episodes

    def expert_share(self, number: int) -> float:
        """The mixing schedule: beta of round `number` is decay to that power, 1 in the first."""
        return float(self._dagger.expert_share_decay**number)

    def fit(self, data: Dataset, on_epoch: OnEpoch | None = None) -> dict[str, float]:
        """Fits a new network to everything aggregated so far."""
        figures = super().fit(data, on_epoch)
        if math.isinf(self._best_loss):  # nothing was judged yet: the newest is the best known
            self._keep()
        return figures

    def judge(self, data: Dataset) -> dict[str, float]:
        """Keeps the newest policy if it agrees better with the expert than all before it."""
        loss = self.loss_on(data)
        if loss < self._best_loss:
            self._best_loss = loss
            self._keep()
        return {"own_states_loss": loss, "best_own_states_loss": self._best_loss}

    def policy(self) -> Policy:
        """The best of all rounds."""
        return self._policy_of(self._best, self._best_normalise)

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The newest network's state, and the best one."""
        tensors, values = super().state_dict()
        tensors["best"] = self._best.flat.clone()
        for key, array in self._best_normalise.state_dict().items():
            tensors[f"best.{key}"] = torch.from_numpy(array)
        loss = None if math.isinf(self._best_loss) else self._best_loss
        return tensors, values | {"best_loss": loss}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        super().load_state_dict(tensors, values)
        self._best.flat.copy_(tensors["best"])
        self._best_normalise.load_state_dict(
            {key: tensors[f"best.{key}"].numpy() for key in ("count", "mean", "squares")}
        )
        self._best_loss = math.inf if values["best_loss"] is None else values["best_loss"]

    def _keep(self) -> None:
        self._best.flat.copy_(self.network.flat)
        self._best_normalise.load_state_dict(self._normalise.state_dict())
