"""REINFORCE (Williams 1992, section 4) over whole episodes, with what lowers its variance.

The gradient of the log-probability of each action, times what came of it: the return of the whole
episode, or the reward from there on, which leaves out what the action could not change; less a
baseline, which changes the variance and not the mean (Greensmith et al. 2004).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from robot_learning.algorithms.base import Actions, Count, Spaces
from robot_learning.algorithms.on_policy import Rollout
from robot_learning.algorithms.policy_gradient import (
    PolicyGradient,
    PolicyGradientHyperParameters,
    Prepared,
    normalised,
)
from robot_learning.algorithms.returns import episode_returns, reward_to_go
from robot_learning.contract.base import Positive
from robot_learning.networks.stochastic_actor import StateDependentActor
from robot_learning.replay.step import Float32


class ReinforceHyperParameters(PolicyGradientHyperParameters):
    """What came of an action, and what it is compared with."""

    learning_rate: Positive = Field(5e-3, description="Adam (CS285, homework 2).")
    rollout_steps: Count = Field(
        1000, description="Least steps per update; whole episodes (CS285, homework 2)."
    )
    reward_to_go: bool = Field(
        True, description="Weigh an action by what came after it, not by its whole episode."
    )
    baseline: Literal["none", "average", "value"] = Field(
        "value", description="Taken off that: nothing, its mean over the rollout, a value function."
    )
    baseline_updates: Count = Field(
        5, description="Gradient steps of the value function per rollout (CS285, homework 2)."
    )
    normalise_advantages: bool = Field(
        True, description="Advantages of a rollout to mean 0 and deviation 1."
    )
    normalise_rewards: bool = Field(
        True, description="Rewards by the deviation of the discounted return, clipped to 10."
    )


class Reinforce(PolicyGradient):
    """One step along the score function's estimate for each set of whole episodes."""

    name: ClassVar[str] = "reinforce"
    source: ClassVar[str] = "Williams 1992, section 4; Greensmith et al. 2004"
    hyper_parameters: ClassVar[type[ReinforceHyperParameters]] = ReinforceHyperParameters
    actions: ClassVar[Actions] = "either"
    whole_episodes: ClassVar[bool] = True
    _hyper: ReinforceHyperParameters

    def __init__(self, spaces: Spaces, hyper: ReinforceHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """One step of the policy; a value function makes its own steps after it."""
        hyper = self._hyper
        made = self._prepare(rollout)
        counted = torch.from_numpy(rollout.counted.ravel())
        inputs = made.inputs[counted]
        advantages = torch.from_numpy(self.advantages(rollout, made).ravel())[counted]
        if hyper.normalise_advantages:
            advantages = normalised(advantages)
        logs, entropies = self.actor.judge(inputs, made.actions[counted])
        policy_loss, entropy = -(advantages * logs).mean(), entropies.mean()
        self._step(policy_loss - hyper.entropy_coefficient * entropy, None)
        metrics = {"policy_loss": policy_loss.item(), "entropy": entropy.item()}
        if hyper.baseline == "value":
            targets = torch.from_numpy(self._reward_to_go(rollout, made).ravel())[counted]
            for _ in range(hyper.baseline_updates):
                value_loss = (self.critic(inputs).squeeze(1) - targets).square().mean()
                self._step(None, value_loss)
            metrics["value_loss"] = value_loss.item()
        if isinstance(self.actor, StateDependentActor):
            self.actor.forget_noise()
        return metrics

    def advantages(self, rollout: Rollout, made: Prepared) -> Float32:
        """What each action is weighed by: what came of it, less the baseline; (t, n)."""
        hyper = self._hyper
        if hyper.reward_to_go:
            outcomes: Float32 = self._reward_to_go(rollout, made)
        else:
            follows = np.where(rollout.truncated, hyper.gamma * self._following(made), 0.0)
            ends = rollout.terminated | rollout.truncated
            outcomes = episode_returns(made.rewards + follows, ends, hyper.gamma)
        if hyper.baseline == "average":
            outcomes -= outcomes[rollout.counted].mean()
        elif hyper.baseline == "value":
            outcomes -= made.values
        return outcomes

    def _reward_to_go(self, rollout: Rollout, made: Prepared) -> Float32:
        gamma, follows = self._hyper.gamma, self._following(made)
        found: Float32 = reward_to_go(
            made.rewards, follows, made.terminated, rollout.truncated, gamma
        )
        return found

    def _following(self, made: Prepared) -> Float32:
        """Value of what a truncation cut off; without a value function nothing is known of it."""
        if self._hyper.baseline == "value":
            return made.next_values
        return np.zeros_like(made.next_values)
