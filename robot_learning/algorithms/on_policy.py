"""What methods that learn from rollouts of their own newest policy have in common.

`training.on_policy_trainer` drives them: it collects a rollout, hands it over once, and throws it
away.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from robot_learning.algorithms.base import Algorithm, Count, HyperParameters, Sizes, Spaces, Unit
from robot_learning.contract.base import Positive
from robot_learning.networks import InputNormaliser, Mlp, MlpPolicy, Policy
from robot_learning.replay.step import Float32

Bool = NDArray[np.bool_]


class OnPolicyHyperParameters(HyperParameters):
    """What every on-policy method has: rollouts of several environments side by side."""

    hidden_sizes: Sizes = Field(
        (64, 64), description="Hidden layers, tanh (Schulman et al. 2017, section 6.1)."
    )
    input_clip: Positive = Field(
        10.0, description="Normalised inputs stay within this (Huang et al. 2022, detail 7)."
    )
    environments: Count = Field(1, description="Environments that run side by side.")
    rollout_steps: Count = Field(
        2048,
        description="Steps of each environment per update; where whole episodes are needed, "
        "the episode then running is played to its end.",
    )
    normalise_observations: bool = Field(
        False, description="Inputs by running mean and deviation, clipped to `input_clip`."
    )
    constraint_probabilities: tuple[Unit, ...] = Field(
        (),
        strict=False,
        description="Constraints as terminations: the greatest probability of termination by each "
        "of the values that the environment reports as info['constraints'] (Chane-Sane et al. "
        "2024: 0.25 for soft ones, 1 for hard ones).",
    )


@dataclass(frozen=True, slots=True)
class Rollout:
    """t steps of n environments; arrays are time-major, float32 or bool.

    Attributes:
        inputs: observation and goal before each step, raw, (t, n, o + g).
        actions: as the method drew them, not clipped, (t, n, a).
        log_probabilities: of them, under the policy that drew them, (t, n).
        rewards: (t, n).
        next_inputs: what each step led to, also where the episode ended there, (t, n, o + g).
        terminated: (t, n).
        truncated: cut off and not terminated, (t, n).
        counted: belongs to the rollout, (t, n); a method that asked for whole episodes leaves out
            the steps that were made while the last episode was still running elsewhere.
        constraints: what the environment reports; above zero is a violation, (t, n, c).
    """

    inputs: Float32
    actions: Float32
    log_probabilities: Float32
    rewards: Float32
    next_inputs: Float32
    terminated: Bool
    truncated: Bool
    counted: Bool
    constraints: Float32


class OnPolicyAlgorithm(Algorithm):
    """Learns from whole rollouts of its own newest policy.

    Attributes:
        whole_episodes: rollouts begin and end with episodes.
    """

    hyper_parameters: ClassVar[type[OnPolicyHyperParameters]]
    whole_episodes: ClassVar[bool] = False

    @abstractmethod
    def act(self, inputs: Float32) -> tuple[Float32, Float32]:
        """Draws actions to collect a rollout with: (n, o + g) -> (n, a), and log-probabilities.

        Row i of every call is environment i. Continuous actions are in units of [-1, 1] and not
        clipped to them.
        """

    @abstractmethod
    def update(self, rollout: Rollout) -> dict[str, float]:
        """Learns from a rollout of the policy as it is; returns metrics by name."""


def deployable(network: Mlp, normaliser: InputNormaliser, spaces: Spaces, head: str) -> Policy:
    """A network behind its normaliser as a policy; it shares memory with both."""
    return MlpPolicy(
        weights=tuple(weight.detach().numpy() for weight in network.weights),
        biases=tuple(bias.detach().numpy() for bias in network.biases),
        head=head,
        activation=network.activation,
        mean=normaliser.mean_now,
        std=normaliser.std_now,
        clip=normaliser.clip,
        action_low=np.array(spaces.action_low, np.float32),
        action_high=np.array(spaces.action_high, np.float32),
        goal_size=spaces.goal_size,
    )
