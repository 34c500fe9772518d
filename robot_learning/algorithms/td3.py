"""Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018, arXiv 1802.09477).

Read `update` top to bottom: it is algorithm 1 of the paper. Three departures: inputs are
normalised by running statistics, targets may be bounded to the returns that are possible, and the
deployed actor may be a running average of the learned one.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robot_learning.algorithms.base import (
    ActorCriticHyperParameters,
    Count,
    OffPolicyAlgorithm,
    Spaces,
)
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.contract.base import Fraction, NonNegative
from robot_learning.networks import Adam, InputNormaliser, Mlp, MlpPolicy, Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class TD3HyperParameters(ActorCriticHyperParameters):
    """The three additions to DDPG, and the bound on targets."""

    critics: Count = Field(2, description="Critics; the target is their minimum (section 4.2).")
    policy_delay: Count = Field(
        2, description="Critic updates per actor and target update (section 5.2)."
    )
    target_noise_std: NonNegative = Field(
        0.2, description="Noise on the target action, in [-1, 1] units (section 5.3)."
    )
    target_noise_clip: NonNegative = Field(0.5, description="Bound of that noise (section 5.3).")
    return_min: float | None = Field(
        None, description="Lowest return possible; bounds the target (Andrychowicz et al., app. A)."
    )
    return_max: float | None = Field(None, description="Highest return possible.")
    average_share: Fraction = Field(
        1.0,
        description="Share of the new actor in the deployed one per actor update; 1 deploys the "
        "actor itself. Averaging weights steadies a policy (Polyak and Juditsky 1992; QT-Opt).",
    )
    action_penalty: NonNegative = Field(
        0.0, description="Weight of the mean squared action in the actor loss (same appendix)."
    )

    @model_validator(mode="after")
    def _bounds_ordered(self) -> Self:
        low, high = self.return_min, self.return_max
        if low is not None and high is not None and low >= high:
            raise ValueError(f"return_min {low} is not below return_max {high}")
        return self


class TD3(OffPolicyAlgorithm):
    """Deterministic actor, a set of critics as one batched product, and slow copies of both."""

    name: ClassVar[str] = "td3"
    source: ClassVar[str] = "Fujimoto, van Hoof, Meger 2018, algorithm 1"
    hyper_parameters: ClassVar[type[TD3HyperParameters]] = TD3HyperParameters

    def __init__(self, spaces: Spaces, hyper: TD3HyperParameters, seed: int) -> None:
        self._spaces, self._hyper = spaces, hyper
        self._generator = torch.Generator().manual_seed(seed)
        inputs, actions, hidden = spaces.input_size, spaces.action_size, hyper.hidden_sizes
        self.actor = Mlp((inputs, *hidden, actions), self._generator)
        self.critic = Mlp((inputs + actions, *hidden, 1), self._generator, members=hyper.critics)
        self.actor_target, self.critic_target = self.actor.copy(), self.critic.copy()
        self.deployed = self.actor.copy()
        self._actor_adam = Adam(self.actor.flat, hyper.actor_learning_rate)
        self._critic_adam = Adam(self.critic.flat, hyper.critic_learning_rate)
        self._normalise = InputNormaliser(inputs, hyper.input_clip)
        self._updates = 0

    def observe(self, inputs: Float32) -> None:
        """Takes new inputs into the running statistics."""
        self._normalise.update(inputs)

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The deployed actor's actions; there is nothing random in them."""
        del explore  # deterministic: noise is added outside, by training.exploration
        with torch.inference_mode():
            actions: Float32 = torch.tanh(self.deployed(self._normalise(inputs))).numpy()
        return actions

    def update(self, batch: Batch) -> dict[str, float]:
        """Updates the critics, and every `policy_delay` times the actor and the targets."""
        hyper = self._hyper
        inputs, next_inputs = self._normalise(batch.inputs), self._normalise(batch.next_inputs)
        actions = torch.from_numpy(batch.actions)
        target = self.target(batch, next_inputs)

        values = self.critic(torch.cat((inputs, actions), 1)).squeeze(-1)
        critic_loss = (values - target).square().mean(1).sum()
        self._critic_adam.step(self.critic.gradient(critic_loss))
        self._updates += 1
        metrics = {"critic_loss": critic_loss.item(), "q_mean": values.mean().item()}

        if self._updates % hyper.policy_delay == 0:
            chosen = torch.tanh(self.actor(inputs))
            # The gradient is asked for the actor alone, so none is computed for critic weights.
            actor_loss = -self.critic.member(0, torch.cat((inputs, chosen), 1)).mean()
            if hyper.action_penalty:
                actor_loss = actor_loss + hyper.action_penalty * chosen.square().mean()
            self._actor_adam.step(self.actor.gradient(actor_loss))
            polyak(self.actor_target, self.actor, hyper.polyak)
            polyak(self.critic_target, self.critic, hyper.polyak)
            polyak(self.deployed, self.actor, hyper.average_share)
            metrics["actor_loss"] = actor_loss.item()
        return metrics

    @torch.no_grad()
    def target(self, batch: Batch, next_inputs: Tensor) -> Tensor:
        """The target r + gamma (1 - terminated) min_i Q_i'(o', a'), shape (n,).

        `next_inputs` are normalised. A truncated episode is not terminated: its o' counts.
        """
        hyper = self._hyper
        actions = torch.tanh(self.actor_target(next_inputs))
        if hyper.target_noise_std:
            noise = torch.empty_like(actions).normal_(generator=self._generator)
            noise.mul_(hyper.target_noise_std)
            noise.clamp_(-hyper.target_noise_clip, hyper.target_noise_clip)
            actions = actions.add_(noise).clamp_(-1.0, 1.0)
        values = self.critic_target(torch.cat((next_inputs, actions), 1)).squeeze(-1).amin(0)
        going_on = 1.0 - torch.from_numpy(batch.terminated)
        target: Tensor = torch.from_numpy(batch.rewards) + hyper.gamma * going_on * values
        if hyper.return_min is not None or hyper.return_max is not None:
            target = target.clamp(hyper.return_min, hyper.return_max)
        return target

    def policy(self) -> Policy:
        """The deployed actor and its normaliser; the weights are views of the learner's."""
        actor = self.deployed
        return MlpPolicy(
            weights=tuple(weight.detach().numpy() for weight in actor.weights),
            biases=tuple(bias.detach().numpy() for bias in actor.biases),
            mean=self._normalise.mean_now,
            std=self._normalise.std_now,
            clip=self._normalise.clip,
            action_low=_float32(self._spaces.action_low),
            action_high=_float32(self._spaces.action_high),
            goal_size=self._spaces.goal_size,
        )

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Networks, targets, moments, normaliser and the state of the target noise."""
        return self._learned().tensors(), {"updates": self._updates}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._learned().restore(tensors)
        self._updates = int(values["updates"])

    def _learned(self) -> LearnedState:
        networks = {
            "actor": self.actor,
            "critic": self.critic,
            "actor_target": self.actor_target,
            "critic_target": self.critic_target,
            "deployed": self.deployed,
        }
        optimisers = {"actor_adam": self._actor_adam, "critic_adam": self._critic_adam}
        return LearnedState(networks, optimisers, self._normalise, self._generator)


def polyak(target: Mlp, source: Mlp, share: float) -> None:
    """Moves every weight of `target` towards `source` by `share` (tau)."""
    target.flat.lerp_(source.flat, share)


def _float32(values: tuple[float, ...]) -> Float32:
    return torch.tensor(values, dtype=torch.float32).numpy()
