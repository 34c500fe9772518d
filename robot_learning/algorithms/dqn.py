"""Deep Q-learning (Mnih et al. 2015), double (van Hasselt et al. 2015) and dueling (Wang et al.).

Departures: inputs are normalised by running statistics; the two streams of a dueling network
share all hidden layers and part at the last one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from robot_learning.algorithms.base import (
    Actions,
    Count,
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
    Unit,
)
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.networks import Adam, InputNormaliser, Mlp, MlpPolicy, Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class DQNHyperParameters(OffPolicyHyperParameters):
    """Pace and exploration are for CartPole-v1 within 50,000 steps (rl-baselines3-zoo)."""

    double: bool = Field(
        True,
        description="The network chooses the next action, its target judges it (van Hasselt et "
        "al. 2015, section 4); else the target does both.",
    )
    dueling: bool = Field(
        False, description="Value and advantages apart (Wang et al. 2016, equation 9)."
    )
    learning_rate: Positive = Field(2.3e-3, description="Adam (zoo).")
    batch_size: Count = Field(64, description="Transitions per update (zoo).")
    replay_capacity: Count = Field(100_000, description="Transitions remembered (zoo).")
    updates_per_step: Positive = Field(
        0.5, description="Gradient updates per environment step (zoo: 128 each 256 steps)."
    )
    update_every_steps: Count = Field(
        256, description="Steps from one burst of updates to the next (zoo: train_freq)."
    )
    target_lag_updates: Count = Field(
        128, description="Updates after which the target becomes the network (zoo: each burst)."
    )
    random_action_fraction: Unit = Field(
        1.0, description="Epsilon as learning begins (Mnih et al. 2015, extended data table 1)."
    )
    random_action_fraction_final: Unit | None = Field(0.04, description="Epsilon's end (zoo).")
    exploration_decay_steps: Count = Field(
        7_000, description="Steps after the warm-up until then (zoo: 16 % of 50,000 in all)."
    )
    gradient_norm_max: NonNegative = Field(
        10.0, description="Longer gradients are scaled down to this (Wang et al. 2016); 0: none."
    )


class DQN(OffPolicyAlgorithm):
    """One network with a value for each choice, and a lagging copy that gives the targets."""

    name: ClassVar[str] = "dqn"
    source: ClassVar[str] = "Mnih et al. 2015, algorithm 1; van Hasselt et al. 2015; Wang 2016"
    hyper_parameters: ClassVar[type[DQNHyperParameters]] = DQNHyperParameters
    actions: ClassVar[Actions] = "discrete"

    def __init__(self, spaces: Spaces, hyper: DQNHyperParameters, seed: int) -> None:
        self._spaces, self._hyper = spaces, hyper
        self._generator = torch.Generator().manual_seed(seed)
        outputs = spaces.choices + hyper.dueling
        self.network = Mlp((spaces.input_size, *hyper.hidden_sizes, outputs), self._generator)
        self.target_network = self.network.copy()
        self._adam = Adam(self.network.flat, hyper.learning_rate)
        self._normalise = InputNormaliser(spaces.input_size, hyper.input_clip)
        self._updates = 0
        self._errors: Tensor | None = None

    def observe(self, inputs: Float32) -> None:
        """Takes new inputs into the running statistics."""
        self._normalise.update(inputs)

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The choices of highest value; random ones are mixed in by training.exploration."""
        del explore
        with torch.inference_mode():
            values = self.values(self.network, self._normalise(inputs))
            choices: Float32 = values.argmax(1, keepdim=True).float().numpy()
        return choices

    def values(self, network: Mlp, inputs: Tensor) -> Tensor:
        """The value of every choice, (n, o + g) -> (n, choices); inputs are normalised."""
        outputs = network(inputs)
        if not self._hyper.dueling:
            return outputs
        value, advantages = outputs[:, :1], outputs[:, 1:]
        return value + advantages - advantages.mean(1, keepdim=True)

    def update(self, batch: Batch) -> dict[str, float]:
        """One step of Adam on the Huber loss; now and then the target follows."""
        hyper = self._hyper
        inputs, next_inputs = self._normalise(batch.inputs), self._normalise(batch.next_inputs)
        target = self.target(batch, next_inputs)
        choices = torch.from_numpy(batch.actions).long()
        values = self.values(self.network, inputs).gather(1, choices).squeeze(1)
        losses = functional.huber_loss(values, target, reduction="none")
        if batch.weights is not None:
            losses = losses * torch.from_numpy(batch.weights)
        loss = losses.mean()
        gradient = self.network.gradient(loss)
        norm = gradient.norm().item()
        if hyper.gradient_norm_max and norm > hyper.gradient_norm_max:
            gradient.mul_(hyper.gradient_norm_max / norm)
        self._adam.step(gradient)
        self._errors = (values.detach() - target).abs_()
        self._updates += 1
        if self._updates % hyper.target_lag_updates == 0:
            self.target_network.flat.copy_(self.network.flat)
        return {
            "critic_loss": loss.item(),
            "critic_gradient_norm": norm,
            "q_mean": values.mean().item(),
        }

    @torch.no_grad()
    def target(self, batch: Batch, next_inputs: Tensor) -> Tensor:
        """R + gamma (1 - terminated) Q'(o', a*), shape (n,); `next_inputs` are normalised.

        A truncated episode is not terminated: its o' counts.
        """
        following = self.values(self.target_network, next_inputs)
        if self._hyper.double:
            best = self.values(self.network, next_inputs).argmax(1, keepdim=True)
            value = following.gather(1, best).squeeze(1)
        else:
            value = following.amax(1)
        discounts = torch.from_numpy(batch.discounts_at(self._hyper.gamma))
        return torch.from_numpy(batch.rewards) + discounts * value

    def priorities(self) -> Float32 | None:
        """See `OffPolicyAlgorithm.priorities`."""
        return None if self._errors is None else self._errors.numpy()

    def policy(self) -> Policy:
        """The network as it is; of a dueling one the advantages, whose best is the best choice."""
        first = int(self._hyper.dueling)  # the value is in front of the advantages
        weights = [weight.detach().numpy() for weight in self.network.weights]
        biases = [bias.detach().numpy() for bias in self.network.biases]
        return MlpPolicy(
            weights=(*weights[:-1], weights[-1][:, first:]),
            biases=(*biases[:-1], biases[-1][first:]),
            head="argmax",
            mean=self._normalise.mean_now,
            std=self._normalise.std_now,
            clip=self._normalise.clip,
            action_low=torch.tensor(self._spaces.action_low).numpy(),
            action_high=torch.tensor(self._spaces.action_high).numpy(),
            goal_size=self._spaces.goal_size,
        )

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Network, target, moments and normaliser."""
        return self._learned().tensors(), {"updates": self._updates}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._learned().restore(tensors)
        self._updates = int(values["updates"])

    def _learned(self) -> LearnedState:
        networks = {"network": self.network, "target_network": self.target_network}
        return LearnedState(networks, {"adam": self._adam}, self._normalise, self._generator)
