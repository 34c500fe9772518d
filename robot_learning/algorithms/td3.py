"""Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018, arXiv 1802.09477).

Read `update` top to bottom: it is algorithm 1 of the paper. Three departures: inputs are
normalised by running statistics, targets may be bounded to the returns that are possible, and the
deployed actor may be a running average of the learned one. With `quantiles` the critics are
distributional.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robot_learning.algorithms.base import ActorCriticHyperParameters, Count, Spaces
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.algorithms.quantiles import quantile_huber, without_highest
from robot_learning.algorithms.value_learner import (
    ValueHyperParameters,
    ValueLearner,
    polyak,
    weighted,
)
from robot_learning.contract.base import Fraction, NonNegative
from robot_learning.networks import Adam, BufferedMlp, Mlp, MlpPolicy, Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class TD3HyperParameters(ActorCriticHyperParameters, ValueHyperParameters):
    """The three additions to DDPG, and what steadies actor and critics."""

    critics: Count = Field(2, description="Critics; the target is their minimum (section 4.2).")
    policy_delay: Count = Field(
        2, description="Critic updates per actor and target update (section 5.2)."
    )
    target_noise_std: NonNegative = Field(
        0.2, description="Noise on the target action, in [-1, 1] units (section 5.3)."
    )
    target_noise_clip: NonNegative = Field(0.5, description="Bound of that noise (section 5.3).")
    average_share: Fraction = Field(
        1.0,
        description="Share of the new actor in the deployed one per actor update; 1 deploys the "
        "actor itself. Averaging weights steadies a policy (Polyak and Juditsky 1992; QT-Opt).",
    )
    l2: NonNegative = Field(
        0.0, description="Weight of the squared weights of actor and critics, halved, in the loss."
    )
    action_penalty: NonNegative = Field(
        0.0, description="Weight of the mean squared action in the actor loss (same appendix)."
    )
    quantiles: Count = Field(
        1,
        description="Quantiles of the return that a critic gives; 1: its mean alone (Dabney et al. "
        "2018; Kuznetsov et al. 2020: 25).",
    )
    dropped_quantiles: Annotated[int, Field(ge=0)] = Field(
        2,
        description="With quantiles, the highest of each critic that the target leaves out, in "
        "place of the minimum of critics (Kuznetsov et al. 2020: 2 of 25).",
    )

    @model_validator(mode="after")
    def _quantiles_left(self) -> Self:
        if 1 < self.quantiles <= self.dropped_quantiles:
            raise ValueError(
                f"dropped_quantiles {self.dropped_quantiles} leaves none of {self.quantiles}"
            )
        return self


class TD3(ValueLearner):
    """Deterministic actor, a set of critics as one batched product, and slow copies of both."""

    name: ClassVar[str] = "td3"
    source: ClassVar[str] = "Fujimoto, van Hoof, Meger 2018, algorithm 1"
    hyper_parameters: ClassVar[type[TD3HyperParameters]] = TD3HyperParameters

    _hyper: TD3HyperParameters

    def __init__(self, spaces: Spaces, hyper: TD3HyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)
        inputs, actions, hidden = spaces.input_size, spaces.action_size, hyper.hidden_sizes
        self.actor = Mlp((inputs, *hidden, actions), self._generator)
        sizes = (inputs + actions, *hidden, self._critic_outputs(hyper))
        self.critic = Mlp(
            sizes, self._generator, members=hyper.critics, layer_norm=hyper.critic_layer_norm
        )
        self.actor_target, self.critic_target = self.actor.copy(), self.critic.copy()
        self.deployed = self.actor.copy()
        self._actor_adam = Adam(self.actor.flat, hyper.actor_learning_rate, l2=hyper.l2)
        self._critic_adam = Adam(self.critic.flat, hyper.critic_learning_rate, l2=hyper.l2)
        self._acting, self._judging = BufferedMlp(self.actor), BufferedMlp(self.critic)
        self._judging_choice = BufferedMlp(self.critic, member=0)
        self._target_acting = BufferedMlp(self.actor_target)
        self._target_judging = BufferedMlp(self.critic_target)

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The deployed actor's actions; there is nothing random in them."""
        del explore  # deterministic: noise is added outside, by training.exploration
        with torch.inference_mode():
            actions: Float32 = torch.tanh(self.deployed(self._normalise(inputs))).numpy()
        return actions

    @torch.no_grad()
    def update(self, batch: Batch) -> dict[str, float]:
        """Updates the critics, and every `policy_delay` times the actor and the targets."""
        hyper = self._hyper
        inputs, next_inputs = self._normalise(batch.inputs), self._normalise(batch.next_inputs)
        actions = torch.from_numpy(batch.actions)
        target = self.target(batch, next_inputs)

        outputs = self._judging.forward(torch.cat((inputs, actions), 1)).detach().requires_grad_()
        with torch.enable_grad():
            critic_loss = self._critic_loss(outputs, target, batch)
        (slopes,) = torch.autograd.grad(critic_loss, outputs)
        self._errors = self._judge(outputs, target, inputs, actions)
        self._critic_adam.step(self._judging.backward(slopes))
        self._updates += 1
        metrics = {"critic_loss": critic_loss.item(), "q_mean": self._values(outputs).mean().item()}
        if self._updates % hyper.policy_delay == 0:
            metrics["actor_loss"] = self._update_actor(inputs)
            polyak(self.actor_target, self.actor, hyper.polyak)
            polyak(self.critic_target, self.critic, hyper.polyak)
            polyak(self.deployed, self.actor, hyper.average_share)
        return metrics

    def _update_actor(self, inputs: Tensor) -> float:
        """One step up the first critic; returns the loss -Q(o, pi(o)), with the penalty."""
        hyper, n = self._hyper, len(inputs)
        chosen = torch.tanh(self._acting.forward(inputs))
        values = self._judging_choice.forward(torch.cat((inputs, chosen), 1))
        loss = -self._values(values).mean()
        back = torch.zeros_like(values)
        back[:, : hyper.quantiles] = -1.0 / (n * hyper.quantiles)
        slopes = self._judging_choice.backward_to_inputs(back)[:, inputs.shape[1] :]
        if hyper.action_penalty:
            loss = loss + hyper.action_penalty * chosen.square().mean()
            slopes = slopes + chosen * (2.0 * hyper.action_penalty / chosen.numel())
        slopes = slopes * (1.0 - chosen.square())  # through the hyperbolic tangent
        self._actor_adam.step(self._acting.backward(slopes))
        return loss.item()

    def _critic_outputs(self, hyper: TD3HyperParameters) -> int:
        """Numbers that a critic gives for an input and an action; the first are of the return."""
        return hyper.quantiles

    def _values(self, outputs: Tensor) -> Tensor:
        """Q out of what critics gave, (..., outputs) -> (...)."""
        return outputs[..., : self._hyper.quantiles].mean(-1)

    def _critic_loss(self, outputs: Tensor, target: Tensor, batch: Batch) -> Tensor:
        """Errors of all critics, (critics, n, outputs) against `target`, by the rows' weights."""
        if (q := self._hyper.quantiles) > 1:
            return weighted(quantile_huber(outputs[..., :q], target), batch).sum()
        return weighted((outputs[..., 0] - target).square(), batch).sum()

    @torch.no_grad()
    def _judge(
        self, outputs: Tensor, target: Tensor, inputs: Tensor, actions: Tensor
    ) -> Float32 | None:
        """What `priorities` says of a batch, before the critics move."""
        if self._hyper.replay_priority == "uniform":
            return None
        if self._hyper.replay_priority == "target_error":
            outputs = self.critic_target(torch.cat((inputs, actions), 1))
        expected = target.mean(-1) if self._hyper.quantiles > 1 else target
        errors: Float32 = (self._values(outputs) - expected).abs().mean(0).numpy()
        return errors

    @torch.no_grad()
    def target(self, batch: Batch, next_inputs: Tensor) -> Tensor:
        """The target r + gamma (1 - terminated) min_i Q_i'(o', a'), shape (n,).

        With quantiles, samples of it, shape (n, k). `next_inputs` are normalised. A truncated
        episode is not terminated: its o' counts.
        """
        hyper, actions = self._hyper, self.target_actions(next_inputs)
        outputs = self._target_judging.forward(torch.cat((next_inputs, actions), 1))
        if hyper.quantiles > 1:
            quantiles = outputs[..., : hyper.quantiles]
            return self._bootstrapped(batch, without_highest(quantiles, hyper.dropped_quantiles))
        return self._bootstrapped(batch, outputs[..., 0].amin(0))

    @torch.no_grad()
    def target_actions(self, next_inputs: Tensor) -> Tensor:
        """The slow actor's actions with bounded noise, (n, o + g) -> (n, a)."""
        hyper = self._hyper
        actions = torch.tanh(self._target_acting.forward(next_inputs))
        if hyper.target_noise_std:
            noise = torch.empty_like(actions).normal_(generator=self._generator)
            noise.mul_(hyper.target_noise_std)
            noise.clamp_(-hyper.target_noise_clip, hyper.target_noise_clip)
            actions = actions.add_(noise).clamp_(-1.0, 1.0)
        return actions

    def policy(self) -> Policy:
        """The deployed actor and its normaliser; the weights are views of the learner's."""
        actor = self.deployed
        return MlpPolicy(
            weights=tuple(weight.detach().numpy() for weight in actor.weights),
            biases=tuple(bias.detach().numpy() for bias in actor.biases),
            **self._policy_fields(),
        )

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
