"""Advantage actor-critic (Mnih et al. 2016, arXiv 1602.01783, algorithm S3), in step.

The asynchronous workers of the paper are environments side by side here, as in OpenAI's A2C.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import Actions, Count, Spaces
from robot_learning.algorithms.on_policy import Rollout
from robot_learning.algorithms.policy_gradient import (
    PolicyGradient,
    PolicyGradientHyperParameters,
    normalised,
)
from robot_learning.algorithms.returns import k_step_advantages
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.networks.rms_prop import RmsProp
from robot_learning.networks.stochastic_actor import StateDependentActor


class A2CHyperParameters(PolicyGradientHyperParameters):
    """Defaults: those of stable-baselines3, after OpenAI's."""

    learning_rate: Positive = Field(7e-4, description="RMSProp (the paper's, section 8).")
    environments: Count = Field(8, description="Environments that run side by side.")
    rollout_steps: Count = Field(5, description="Steps of each environment per update (t_max).")
    advantage_steps: Count = Field(
        5, description="k: rewards in an advantage before the value takes over."
    )
    value_coefficient: NonNegative = Field(0.5, description="Weight of the error of values.")


class A2C(PolicyGradient):
    """One step along the policy gradient for each short rollout."""

    name: ClassVar[str] = "a2c"
    source: ClassVar[str] = "Mnih et al. 2016, algorithm S3"
    hyper_parameters: ClassVar[type[A2CHyperParameters]] = A2CHyperParameters
    actions: ClassVar[Actions] = "either"
    _hyper: A2CHyperParameters

    def __init__(self, spaces: Spaces, hyper: A2CHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """One gradient step on all of the rollout."""
        hyper = self._hyper
        made = self._prepare(rollout)
        found = k_step_advantages(
            made.rewards,
            made.values,
            made.next_values,
            made.terminated,
            rollout.truncated,
            hyper.gamma,
            hyper.advantage_steps,
        )
        targets = torch.from_numpy((found + made.values).ravel())
        advantages = torch.from_numpy(found.ravel())
        if hyper.normalise_advantages:
            advantages = normalised(advantages)
        logs, entropies = self.actor.judge(made.inputs, made.actions)
        policy_loss, entropy = -(advantages * logs).mean(), entropies.mean()
        value_loss = (self.critic(made.inputs).squeeze(1) - targets).square().mean()
        self._step(
            policy_loss - hyper.entropy_coefficient * entropy,
            hyper.value_coefficient * value_loss,
        )
        if isinstance(self.actor, StateDependentActor):
            self.actor.forget_noise()
        return {
            "policy_loss": policy_loss.item(),
            "value_loss": value_loss.item(),
            "entropy": entropy.item(),
        }

    def _optimiser(self, weights: Tensor) -> RmsProp:
        return RmsProp(weights, self._hyper.learning_rate)
