"""Human-gated data set aggregation (Kelly et al. 2019, arXiv 1810.02890, algorithm 1).

DAgger asks its expert about every state, whoever acts. A person cannot answer that without feeling
what the arm does: here the policy acts until the person takes the arm, and what the person does
until it is let go is what is learned, with the demonstrations that the run began with. The arbiter
is the door that the person comes in by, and marks the steps.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import (
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
    Unit,
)
from robot_learning.algorithms.bc import BC, BCHyperParameters
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.networks import Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class HGDAggerHyperParameters(OffPolicyHyperParameters):
    """A replay that gives out nothing but what people did, and a regression on it."""

    explores: ClassVar[bool] = False

    loss: Literal["mse", "gaussian"] = Field(
        "mse", description="As of behaviour cloning; of continuous actions."
    )
    learning_rate: Positive = Field(1e-3, description="Adam.")
    demonstration_share: Unit = Field(
        1.0, ge=1.0, description="All of every batch: own steps are not to be imitated."
    )
    pretraining_updates: int = Field(
        5_000, ge=0, description="Updates on the demonstrations, before the first step."
    )
    warmup_steps: int = Field(0, ge=0, description="Random steps; there is no need of any.")
    exploration_std: NonNegative = Field(0.0, description="It does not explore.")
    exploration_std_final: NonNegative = Field(0.0, description="It does not explore.")


class HGDAgger(OffPolicyAlgorithm):
    """Behaviour cloning that goes on while a person corrects it."""

    name: ClassVar[str] = "hg_dagger"
    source: ClassVar[str] = "Kelly, Sidrane, Driggs-Campbell, Kochenderfer 2019, algorithm 1"
    hyper_parameters: ClassVar[type[OffPolicyHyperParameters]] = HGDAggerHyperParameters
    needs_demonstrations: ClassVar[bool] = True

    def __init__(self, spaces: Spaces, hyper: HGDAggerHyperParameters, seed: int) -> None:
        shared = ("hidden_sizes", "learning_rate", "input_clip", "loss")
        settings = BCHyperParameters.model_validate({key: getattr(hyper, key) for key in shared})
        self._clone = BC(spaces, settings, seed)

    def observe(self, inputs: Float32) -> None:
        """Takes new inputs into the normaliser."""
        self._clone.observe(inputs)

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The clone's actions."""
        return self._clone.act(inputs, explore)

    def update(self, batch: Batch) -> dict[str, float]:
        """One step down the error from what people did; rows of anybody else count nothing."""
        if batch.demonstrated is None:
            raise ValueError(f"{self.name}: the batch does not say who acted")
        actions, weights = torch.from_numpy(batch.actions), torch.from_numpy(batch.demonstrated)
        return {"imitation_loss": self._clone.descend(batch.inputs, actions, weights)}

    def policy(self) -> Policy:
        """The clone's."""
        return self._clone.policy()

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The clone's."""
        return self._clone.state_dict()

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._clone.load_state_dict(tensors, values)
