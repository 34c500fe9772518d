"""Adversarial imitation: be what a discriminator takes for the demonstrator.

GAIL (Ho and Ermon 2016, arXiv 1606.03476) looks at states and actions; adversarial motion priors
(AMP; Peng et al. 2021, arXiv 2104.02180) at transitions alone, so that a motion without actions
will do, and add the reward to that of a task. Both here drive TD3 from its replay, as Kostrikov et
al. 2019 (arXiv 1809.02925) do; every batch is given the newest reward.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import Count, OffPolicyAlgorithm, Sizes, Spaces
from robot_learning.algorithms.discriminator import Discriminator, Features, Loss
from robot_learning.algorithms.td3 import TD3, TD3HyperParameters
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.networks import Policy
from robot_learning.replay import Batch
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.step import Float32


class GAILHyperParameters(TD3HyperParameters):
    """TD3's, the discriminator's, and how the two rewards are mixed."""

    own_rewards: ClassVar[bool] = True

    n_step: Literal[1] = Field(1, description="The reward is of one transition.")
    features: Features = Field("state_action", description="What the discriminator sees.")
    discriminator_loss: Loss = Field("logistic", description="Cross-entropy, or least squares.")
    discriminator_sizes: Sizes = Field((128, 128), description="Hidden layers.")
    discriminator_learning_rate: Positive = Field(1e-3, description="Adam.")
    discriminator_interval: Count = Field(
        4, description="Updates of the learner per update of the discriminator."
    )
    gradient_penalty: NonNegative = Field(
        10.0, description="Weight of the squared slope at demonstrations (Peng et al., 4.2)."
    )
    style_weight: NonNegative = Field(1.0, description="Weight of the discriminator's reward.")
    task_weight: NonNegative = Field(0.0, description="Weight of the environment's reward.")


class AMPHyperParameters(GAILHyperParameters):
    """The same with AMP's choices (Peng et al. 2021, sections 4 and 6)."""

    features: Features = Field("transition", description="What the discriminator sees.")
    discriminator_loss: Loss = Field(
        "least_squares", description="Cross-entropy, or least squares."
    )
    style_weight: NonNegative = Field(0.5, description="Weight of the discriminator's reward.")
    task_weight: NonNegative = Field(0.5, description="Weight of the environment's reward.")


class GAIL(OffPolicyAlgorithm):
    """TD3 whose rewards come from a discriminator."""

    name: ClassVar[str] = "gail"
    source: ClassVar[str] = "Ho and Ermon 2016, algorithm 1; Kostrikov et al. 2019 (off-policy)"
    hyper_parameters: ClassVar[type[TD3HyperParameters]] = GAILHyperParameters
    needs_demonstrations: ClassVar[bool] = True
    replays_demonstrations: ClassVar[bool] = False

    def __init__(self, spaces: Spaces, hyper: GAILHyperParameters, seed: int) -> None:
        self._hyper = hyper
        self._learner = TD3(spaces, hyper, seed)
        self.discriminator = Discriminator(
            spaces.input_size,
            spaces.action_size,
            hidden_sizes=hyper.discriminator_sizes,
            features=hyper.features,
            loss=hyper.discriminator_loss,
            learning_rate=hyper.discriminator_learning_rate,
            gradient_penalty=hyper.gradient_penalty,
            input_clip=hyper.input_clip,
            generator=torch.Generator().manual_seed(seed + 1),
        )
        self._rng = np.random.default_rng([seed, 4])
        self._demonstrations: Dataset | None = None
        self._updates = 0

    def take_demonstrations(self, demonstrations: Dataset) -> None:
        """See `OffPolicyAlgorithm.take_demonstrations`."""
        if self._demonstrations is None and not self._updates:
            self.discriminator.observe(demonstrations.inputs)
        self._demonstrations = demonstrations

    def observe(self, inputs: Float32) -> None:
        """Takes new inputs into the learner's normaliser; the discriminator's stays."""
        self._learner.observe(inputs)

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The learner's actions."""
        return self._learner.act(inputs, explore)

    def update(self, batch: Batch) -> dict[str, float]:
        """Now and then the discriminator, then the learner under the new reward."""
        if self._demonstrations is None:
            raise ValueError(f"{self.name} needs demonstrations: give --demonstrations FILE")
        figures = dict[str, float]()
        if self._updates % self._hyper.discriminator_interval == 0:
            rows = self._rng.integers(0, len(self._demonstrations), len(batch.rewards))
            figures = self.discriminator.update(batch, self._demonstrations.take(rows))
        self._updates += 1
        rewards = self.rewards(batch)
        figures |= self._learner.update(batch._replace(rewards=rewards))
        # Values are of these rewards: who judges them knows those of the environment alone.
        bonus = float(np.abs(rewards - batch.rewards).max())
        return figures | {"style_reward": float(rewards.mean()), "reward_bonus": bonus}

    def rewards(self, batch: Batch) -> Float32:
        """The mixed reward of each row, shape (n,)."""
        hyper = self._hyper
        style: Float32 = hyper.style_weight * self.discriminator.rewards(batch)
        if not hyper.task_weight:
            return style
        mixed: Float32 = style + np.float32(hyper.task_weight) * batch.rewards
        return mixed

    def policy(self) -> Policy:
        """The learner's."""
        return self._learner.policy()

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Learner, discriminator and the random state; demonstrations stay in their file."""
        tensors, values = self._learner.state_dict()
        judge = self.discriminator.state_dict()
        return tensors | {f"discriminator.{key}": tensor for key, tensor in judge.items()}, {
            "learner": values,
            "rng": dict(self._rng.bit_generator.state),
            "style_updates": self._updates,
        }

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._learner.load_state_dict(tensors, values["learner"])
        prefix = "discriminator."
        self.discriminator.load_state_dict(
            {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        )
        self._rng.bit_generator.state = values["rng"]
        self._updates = int(values["style_updates"])


class AMP(GAIL):
    """The same discriminator on transitions, beside the reward of a task."""

    name: ClassVar[str] = "amp"
    source: ClassVar[str] = "Peng et al. 2021, section 4, over TD3"
    hyper_parameters: ClassVar[type[TD3HyperParameters]] = AMPHyperParameters
