"""Soft actor-critic (Haarnoja et al. 2018, arXiv 1812.05905): SVG(0) with an entropy bonus.

The gradient of the values goes through the action into a stochastic actor by reparametrisation,
which is SVG(0) (Heess et al. 2015, arXiv 1510.09142, section 4.3); the entropy bonus and its
learned weight make it SAC. Read `update` top to bottom. With many critics of which a random few
give the target, layer normalisation in them and no entropy in the target it is the learner of
RLPD (Ball et al. 2023).
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robot_learning.algorithms.base import ActorCriticHyperParameters, Count, Spaces
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.algorithms.value_learner import (
    ValueHyperParameters,
    ValueLearner,
    polyak,
    weighted,
)
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.networks import Adam, BufferedMlp, GaussianPolicy, Mlp, Policy
from robot_learning.networks.gaussian_policy import LOG_STD_MAX, LOG_STD_MIN
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


class SACHyperParameters(ActorCriticHyperParameters, ValueHyperParameters):
    """The entropy bonus, and what many critics need."""

    actor_learning_rate: Positive = Field(3e-4, description="Adam, actor (appendix D).")
    critic_learning_rate: Positive = Field(3e-4, description="Adam, critics (appendix D).")
    exploration_std: NonNegative = Field(0.0, description="None: the policy itself is random.")
    exploration_std_final: NonNegative = Field(0.0, description="None, see there.")
    temperature: Positive = Field(1.0, description="Weight of the entropy at first (alpha).")
    temperature_learning_rate: NonNegative = Field(
        3e-4, description="Adam, logarithm of the temperature (section 5); 0 keeps it as it is."
    )
    target_entropy: float | None = Field(
        None, description="Entropy that the temperature aims at; none: -1 a dimension of actions."
    )
    entropy_backup: bool = Field(
        True, description="Future entropy is part of the value; RLPD leaves it out at times."
    )
    critics: Count = Field(2, description="Critics (section 6; Ball et al. 2023: 10).")
    target_critics: Count | None = Field(
        None,
        description="Critics, drawn anew each time, whose minimum is the target (Chen et al. 2021: "
        "2 of 10); none: all.",
    )
    actor_value: Literal["min", "mean"] = Field(
        "min", description="What of the critics the actor climbs; the mean in Chen et al. 2021."
    )
    policy_delay: Count = Field(1, description="Critic updates per actor update.")

    @model_validator(mode="after")
    def _subset_fits(self) -> Self:
        if self.target_critics is not None and self.target_critics > self.critics:
            raise ValueError(
                f"target_critics {self.target_critics} is above critics {self.critics}"
            )
        return self


class Sampled(NamedTuple):
    """Actions drawn from the actor, and what their gradient needs.

    Attributes:
        actions: tanh(mean + std noise), shape (n, a).
        log_probabilities: of the actions, shape (n,).
        scaled_noise: std noise, shape (n, a); what the action moves by as log std does.
        free: 1 where the log std is within its bounds, shape (n, a).
    """

    actions: Tensor
    log_probabilities: Tensor
    scaled_noise: Tensor
    free: Tensor


class SAC(ValueLearner):
    """Squashed Gaussian actor, a set of critics as one batched product, learned temperature."""

    name: ClassVar[str] = "sac"
    source: ClassVar[str] = "Haarnoja et al. 2018 (1812.05905), algorithm 1; Heess et al. 2015"
    hyper_parameters: ClassVar[type[SACHyperParameters]] = SACHyperParameters

    _hyper: SACHyperParameters

    def __init__(self, spaces: Spaces, hyper: SACHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)
        inputs, actions, hidden = spaces.input_size, spaces.action_size, hyper.hidden_sizes
        self.actor = Mlp((inputs, *hidden, 2 * actions), self._generator)
        self.critic = Mlp(
            (inputs + actions, *hidden, 1),
            self._generator,
            members=hyper.critics,
            layer_norm=hyper.critic_layer_norm,
        )
        self.critic_target = self.critic.copy()
        self.log_temperature = torch.tensor([math.log(hyper.temperature)])
        self._actor_adam = Adam(self.actor.flat, hyper.actor_learning_rate)
        self._critic_adam = Adam(self.critic.flat, hyper.critic_learning_rate)
        self._temperature_adam = Adam(self.log_temperature, hyper.temperature_learning_rate)
        entropy = hyper.target_entropy
        self._target_entropy = float(-actions) if entropy is None else entropy
        self._acting, self._judging = BufferedMlp(self.actor), BufferedMlp(self.critic)
        self._judging_choice = BufferedMlp(self.critic)
        self._target_judging = BufferedMlp(self.critic_target)
        self._bonus = 0.0  # of the entropy in the newest target: mean size per step

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """Draws from the actor, or gives the squashed mean."""
        with torch.no_grad():
            normalised = self._normalise(inputs)
            if explore:
                return self.sample(normalised).actions.numpy()
            mean = self.actor(normalised)[:, : self._spaces.action_size]
            actions: Float32 = torch.tanh(mean).numpy()
        return actions

    @torch.no_grad()
    def update(self, batch: Batch) -> dict[str, float]:
        """Updates the critics and their targets, then the actor and the temperature."""
        hyper = self._hyper
        inputs, next_inputs = self._normalise(batch.inputs), self._normalise(batch.next_inputs)
        joined = torch.cat((inputs, torch.from_numpy(batch.actions)), 1)
        target = self.target(batch, next_inputs)

        values = self._judging.forward(joined)
        errors = values[..., 0] - target
        critic_loss = 0.5 * weighted(errors.square(), batch).sum()
        slopes = errors if batch.weights is None else errors * torch.from_numpy(batch.weights)
        self._errors = self._distance(errors, target, joined)
        self._critic_adam.step(self._judging.backward(slopes.unsqueeze(-1) / len(target)))
        polyak(self.critic_target, self.critic, hyper.polyak)
        self._updates += 1
        metrics = {"critic_loss": critic_loss.item(), "q_mean": values.mean().item()}
        metrics["reward_bonus"] = self._bonus
        if self._updates % hyper.policy_delay == 0:
            metrics |= self._update_actor(inputs)
        return metrics

    @torch.no_grad()
    def target(self, batch: Batch, next_inputs: Tensor) -> Tensor:
        """The target r + gamma (1 - terminated) (min_i Q_i'(o', a') - alpha log pi(a')), (n,).

        `next_inputs` are normalised. A truncated episode is not terminated: its o' counts.
        """
        hyper = self._hyper
        sampled = self.sample(next_inputs)
        values = self._target_judging.forward(torch.cat((next_inputs, sampled.actions), 1))
        values = values[..., 0]
        if hyper.target_critics is not None and hyper.target_critics < hyper.critics:
            drawn = torch.randperm(hyper.critics, generator=self._generator)
            values = values[drawn[: hyper.target_critics]]
        lowest = values.amin(0)
        if hyper.entropy_backup:
            bonus = -self.log_temperature.exp() * sampled.log_probabilities
            self._bonus = bonus.abs().mean().item()
            lowest = lowest + bonus
        return self._bootstrapped(batch, lowest)

    @torch.no_grad()
    def sample(self, inputs: Tensor) -> Sampled:
        """Draws actions for normalised inputs, shape (n, o + g)."""
        outputs = self._acting.forward(inputs)
        mean, raw = outputs.chunk(2, 1)
        log_std = raw.clamp(LOG_STD_MIN, LOG_STD_MAX)
        noise = torch.empty_like(mean).normal_(generator=self._generator)
        scaled = log_std.exp() * noise
        before = mean + scaled
        # log(1 - tanh(x)^2), in a form that does not round to log(0)
        squash = 2.0 * (math.log(2.0) - before - torch.nn.functional.softplus(-2.0 * before))
        densities = -0.5 * noise.square() - log_std - _LOG_SQRT_2PI - squash
        return Sampled(torch.tanh(before), densities.sum(1), scaled, (raw == log_std).float())

    def _update_actor(self, inputs: Tensor) -> dict[str, float]:
        """One step of the actor on alpha log pi(a) - Q(o, a), and one of the temperature."""
        n, alpha = len(inputs), self.log_temperature.exp()
        sampled = self.sample(inputs)
        actions, log_probabilities, scaled, free = sampled
        values = self._judging_choice.forward(torch.cat((inputs, actions), 1))[..., 0]
        if self._hyper.actor_value == "min":
            value, lowest = values.min(0)
            back = torch.zeros_like(values).scatter_(0, lowest.unsqueeze(0), -1.0 / n)
        else:
            value = values.mean(0)
            back = torch.full_like(values, -1.0 / values.numel())
        loss = (alpha * log_probabilities - value).mean()
        slopes = self._judging_choice.backward_to_inputs(back.unsqueeze(-1))[:, inputs.shape[1] :]
        # For what tanh squashes: of -Q through tanh, and of alpha log pi = -alpha log(1 - tanh^2).
        slopes = slopes * (1.0 - actions.square()) + (2.0 * alpha / n) * actions
        of_log_std = (slopes * scaled - alpha / n) * free  # log pi has -log std besides
        self._actor_adam.step(self._acting.backward(torch.cat((slopes, of_log_std), 1)))
        entropy_gap = (log_probabilities + self._target_entropy).mean()
        if self._hyper.temperature_learning_rate:
            self._temperature_adam.step(-entropy_gap.view(1))
        return {
            "actor_loss": loss.item(),
            "entropy": -log_probabilities.mean().item(),
            "temperature": alpha.item(),
        }

    def _distance(self, errors: Tensor, target: Tensor, joined: Tensor) -> Float32 | None:
        """What `priorities` says of a batch, before the critics move."""
        if self._hyper.replay_priority == "uniform":
            return None
        if self._hyper.replay_priority == "target_error":
            errors = self._target_judging.forward(joined)[..., 0] - target
        distance: Float32 = errors.abs().mean(0).numpy()
        return distance

    def policy(self) -> Policy:
        """The actor and the normaliser; the weights are views of the learner's."""
        return GaussianPolicy(
            weights=tuple(weight.detach().numpy() for weight in self.actor.weights),
            biases=tuple(bias.detach().numpy() for bias in self.actor.biases),
            **self._policy_fields(),
        )

    def _learned(self) -> LearnedState:
        return LearnedState(
            {"actor": self.actor, "critic": self.critic, "critic_target": self.critic_target},
            {
                "actor_adam": self._actor_adam,
                "critic_adam": self._critic_adam,
                "temperature_adam": self._temperature_adam,
            },
            self._normalise,
            self._generator,
            {"log_temperature": self.log_temperature},
        )
