"""Actor, critic, normalisers and optimisers that REINFORCE, A2C and PPO share.

Of the details of continuous control that Huang et al. 2022 ("The 37 implementation details of
PPO") list, these are here: a Gaussian with a deviation that does not depend on the state,
independent components, separate networks, the environment given the clipped action and the method
the unclipped one, inputs normalised and clipped, rewards scaled and clipped. All but the networks
can be switched.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import Count, Spaces
from robot_learning.algorithms.constraints import ConstraintTerminations
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.algorithms.on_policy import (
    OnPolicyAlgorithm,
    OnPolicyHyperParameters,
    Rollout,
    deployable,
)
from robot_learning.algorithms.reward_scaler import RewardScaler
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.networks import Adam, InputNormaliser, Mlp, Policy
from robot_learning.networks.rms_prop import RmsProp
from robot_learning.networks.stochastic_actor import (
    CategoricalActor,
    GaussianActor,
    StateDependentActor,
    StochasticActor,
)
from robot_learning.replay.step import Float32


class PolicyGradientHyperParameters(OnPolicyHyperParameters):
    """Step sizes, exploration and normalisation."""

    learning_rate: Positive = Field(3e-4, description="Of both networks.")
    anneal_steps: Count | None = Field(
        None, description="Steps over which the learning rate goes to zero, linear; none: never."
    )
    max_gradient_norm: Positive = Field(
        0.5, description="Of both networks together (Huang et al. 2022, detail 11)."
    )
    entropy_coefficient: NonNegative = Field(0.0, description="Weight of the entropy bonus.")
    initial_log_std: Annotated[float, Field(ge=-10.0, le=2.0)] = Field(
        0.0, description="Logarithm of the first deviation, actions in [-1, 1]."
    )
    state_dependent_exploration: bool = Field(
        False, description="Noise that is a function of the state (Raffin et al. 2021)."
    )
    noise_hold_steps: Count = Field(
        4, description="Steps for which that function is held (the same, section 4)."
    )
    normalise_rewards: bool = Field(
        False, description="Rewards by the deviation of the discounted return, clipped to 10."
    )
    normalise_advantages: bool = Field(
        False, description="Advantages of a batch to mean 0 and deviation 1."
    )


class Prepared(NamedTuple):
    """A rollout as it is learned from.

    Attributes:
        inputs: normalised, (t n, o + g).
        actions: (t n, a).
        rewards: scaled, (t, n).
        values: of the critic before the update, (t, n).
        next_values: the same of what followed, (t, n).
        terminated: probability that nothing follows, (t, n).
    """

    inputs: Tensor
    actions: Tensor
    rewards: Float32
    values: Float32
    next_values: Float32
    terminated: Float32


class PolicyGradient(OnPolicyAlgorithm):
    """A stochastic actor and a critic of the state's value, as two networks."""

    hyper_parameters: ClassVar[type[PolicyGradientHyperParameters]]

    def __init__(self, spaces: Spaces, hyper: PolicyGradientHyperParameters, seed: int) -> None:
        self._spaces, self._hyper = spaces, hyper
        self._generator = torch.Generator().manual_seed(seed)
        self.actor = _actor(spaces, hyper, self._generator)
        sizes = (spaces.input_size, *hyper.hidden_sizes, 1)
        self.critic = Mlp(sizes, self._generator, activation="tanh", output_gain=1.0)
        self._optimisers = {
            "actor": self._optimiser(self.actor.network.flat),
            "log_std": self._optimiser(self.actor.log_std.detach()),
            "critic": self._optimiser(self.critic.flat),
        }
        self._normalise = InputNormaliser(spaces.input_size, hyper.input_clip)
        self._scale_rewards = RewardScaler(hyper.gamma)
        self._constraints = ConstraintTerminations(hyper.constraint_probabilities)
        self._steps = 0

    def act(self, inputs: Float32) -> tuple[Float32, Float32]:
        """See `OnPolicyAlgorithm.act`."""
        with torch.inference_mode():
            actions, logs = self.actor.sample(self._normalise(inputs), self._generator)
        return actions.numpy(), logs.numpy()

    def policy(self) -> Policy:
        """The mean action, or the likeliest choice."""
        return deployable(self.actor.network, self._normalise, self._spaces, self.actor.head)

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Networks, moments, normalisers, held noise and random state."""
        tensors = self._learned().tensors() | self._scale_rewards.tensors()
        tensors["log_std"] = self.actor.log_std.detach().clone()
        values = {"steps": self._steps, "constraints": self._constraints.state()}
        if isinstance(self.actor, StateDependentActor):
            tensors["noise"] = self.actor.noise.clone()
            values["noise_held_steps"] = self.actor.held_steps
        return tensors, values

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._learned().restore(tensors)
        self._scale_rewards.restore(tensors)
        self.actor.log_std.detach().copy_(tensors["log_std"])
        self._steps = int(values["steps"])
        self._constraints.restore(values["constraints"])
        if isinstance(self.actor, StateDependentActor):
            self.actor.noise = tensors["noise"].clone()
            self.actor.held_steps = int(values["noise_held_steps"])

    @property
    def _remaining(self) -> float:
        """Share of the annealing that is left."""
        total = self._hyper.anneal_steps
        return 1.0 if total is None else max(0.0, 1.0 - self._steps / total)

    def _prepare(self, rollout: Rollout) -> Prepared:
        """Takes a rollout into the normalisers and values its states; sets the learning rate."""
        hyper = self._hyper
        flat = (-1, self._spaces.input_size)
        for optimiser in self._optimisers.values():
            optimiser.learning_rate = hyper.learning_rate * self._remaining
        self._steps += rollout.rewards.size
        if hyper.normalise_observations:
            self._normalise.update(rollout.inputs.reshape(flat))
        rewards = rollout.rewards
        if hyper.normalise_rewards:
            rewards = self._scale_rewards(rewards, rollout.terminated | rollout.truncated)
        inputs = self._normalise(rollout.inputs.reshape(flat))
        return Prepared(
            inputs=inputs,
            actions=torch.from_numpy(rollout.actions.reshape(-1, self._spaces.action_size)),
            rewards=rewards,
            values=self._values(inputs).reshape(rewards.shape),
            next_values=self._values(self._normalise(rollout.next_inputs.reshape(flat))).reshape(
                rewards.shape
            ),
            terminated=self._constraints.probabilities(rollout.terminated, rollout.constraints),
        )

    def _values(self, inputs: Tensor) -> Float32:
        with torch.inference_mode():
            values: Float32 = self.critic(inputs).numpy()
        return values

    def _step(self, actor_loss: Tensor | None, critic_loss: Tensor | None) -> None:
        """One step against the losses that are given, the gradient's length bounded."""
        gradients: dict[str, Tensor] = {}
        if actor_loss is not None:
            gradients["actor"], gradients["log_std"] = self.actor.gradient(actor_loss)
        if critic_loss is not None:
            gradients["critic"] = self.critic.gradient(critic_loss)
        norm = torch.cat(list(gradients.values())).norm()
        shrink = (self._hyper.max_gradient_norm / (norm + 1e-6)).clamp(max=1.0)
        for part, gradient in gradients.items():
            self._optimisers[part].step(gradient * shrink)

    def _optimiser(self, weights: Tensor) -> Adam | RmsProp:
        return Adam(weights, self._hyper.learning_rate, epsilon=1e-5)

    def _learned(self) -> LearnedState:
        networks = {"actor": self.actor.network, "critic": self.critic}
        optimisers = {f"{part}_optimiser": one for part, one in self._optimisers.items()}
        return LearnedState(networks, optimisers, self._normalise, self._generator)


def normalised(advantages: Tensor) -> Tensor:
    """To mean 0 and deviation 1; one advantage alone stays as it is."""
    if len(advantages) < 2:
        return advantages
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def _actor(
    spaces: Spaces, hyper: PolicyGradientHyperParameters, generator: torch.Generator
) -> StochasticActor:
    sizes = (spaces.input_size, *hyper.hidden_sizes, spaces.choices or spaces.action_size)
    if spaces.choices:
        return CategoricalActor(sizes, generator)
    if hyper.state_dependent_exploration:
        hold = hyper.noise_hold_steps
        return StateDependentActor(sizes, generator, hyper.initial_log_std, hold)
    return GaussianActor(sizes, generator, hyper.initial_log_std)
