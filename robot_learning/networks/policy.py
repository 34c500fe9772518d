"""The deployable part of a learner, in NumPy.

For one observation NumPy is two to three times faster than torch (the call overhead is the
cost), and an actor that only acts needs no torch at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


class Thought(NamedTuple):
    """What a search for an action came to.

    Attributes:
        seconds: that it took.
        scored: candidates.
        complete: none of the search was left out for lack of time.
    """

    seconds: float
    scored: int
    complete: bool


@dataclass(frozen=True, kw_only=True)
class Policy(ABC):
    """A network behind a normaliser that chooses actions; the same input, the same action.

    Attributes:
        mean: of the input (observation, then goal), shape (o + g,).
        std: shape (o + g,).
        clip: normalised inputs stay within [-clip, clip].
        action_low: shape (a,), in the environment's units; 0 where actions are choices.
        action_high: shape (a,); where actions are choices the number of the last one.
        goal_size: g; 0 for tasks without goals.
        version: counts up from 1 as the learner publishes; 0 before.
    """

    kind: ClassVar[str]
    remembers: ClassVar[bool] = False
    """It goes on within an episode from what it chose before; others take its place only between
    two episodes."""

    mean: Float32
    std: Float32
    clip: float
    action_low: Float32
    action_high: Float32
    goal_size: int
    version: int = 0

    @property
    def observation_size(self) -> int:
        """Length of the observation vector."""
        return len(self.mean) - self.goal_size

    @property
    def action_size(self) -> int:
        """Length of the action vector; 1 where actions are choices."""
        return len(self.action_low)

    @property
    def ready(self) -> bool:
        """It has learned enough to be asked at all."""
        return True

    @property
    def thought(self) -> Thought | None:
        """The search behind the newest action; None for a policy that does not search."""
        return None

    @property
    def lighter(self) -> str:
        """The settings that make its search faster, with their values, one line."""
        return ""

    def within(self, budget_s: float | None, threads: int | None = None) -> Self:
        """The same policy, kept to a time; one that searches is warm and has forgotten everything.

        Args:
            budget_s: that it takes to choose at most; None leaves it at its own limit.
            threads: that this process computes a search on; None leaves that as it is.
        """
        del budget_s, threads
        return self

    def begin(self) -> None:
        """An episode begins; what a policy remembers within one, it forgets."""
        return

    def act(
        self,
        observation: NDArray[np.floating] | Mapping[str, NDArray[np.floating]],
        goal: NDArray[np.floating] | None = None,
    ) -> Float32:
        """Chooses an action; the same input, or the same since `begin`, gives the same action.

        Args:
            observation: shape (o,) or (n, o); or the mapping of a goal environment with
                `observation` and `desired_goal`.
            goal: shape (g,) or (n, g); not given with a mapping or for tasks without goals.

        Returns:
            shape (a,) or (n, a), in the environment's units; the number of a choice as a float.

        Raises:
            ValueError: sizes are not those that the policy was trained for.
        """
        return self.choose(self._normalised(observation, goal))

    def explore(
        self,
        observation: NDArray[np.floating] | Mapping[str, NDArray[np.floating]],
        goal: NDArray[np.floating] | None,
        rng: np.random.Generator,
    ) -> Float32:
        """As `act`, but drawn from the policy where it is a distribution over actions."""
        return self.draw(self._normalised(observation, goal), rng)

    def doubt(self, observation: Float32, goal: Float32 | None, action: Float32) -> float:
        """How much the policy's model doubts what an action does, as the safety gate takes it.

        Args:
            observation: shape (o,).
            goal: shape (g,); None for tasks without goals.
            action: that is about to be asked for, shape (a,), in the environment's units.

        Returns:
            A ratio to what is usual, see `control.doubt`; 0 for a policy without a model.
        """
        del observation, goal, action
        return 0.0

    def draw(self, inputs: Float32, rng: np.random.Generator) -> Float32:
        """Actions for normalised inputs to explore with; those of `choose` if none is random."""
        del rng
        return self.choose(inputs)

    def _normalised(
        self,
        observation: NDArray[np.floating] | Mapping[str, NDArray[np.floating]],
        goal: NDArray[np.floating] | None,
    ) -> Float32:
        if isinstance(observation, np.ndarray):
            inputs = observation if goal is None else np.concatenate((observation, goal), axis=-1)
        else:
            parts = (observation["observation"], observation["desired_goal"])
            inputs = np.concatenate(parts, axis=-1)
        if inputs.shape[-1] != len(self.mean):
            raise ValueError(
                f"the policy takes {self.observation_size} observations and {self.goal_size} goal "
                f"values, was given {inputs.shape[-1]} in all"
            )
        x = (inputs.astype(np.float32, copy=False) - self.mean) / self.std
        clipped: Float32 = np.minimum(np.maximum(x, -self.clip), self.clip)
        return clipped

    @abstractmethod
    def choose(self, inputs: Float32) -> Float32:
        """Actions for normalised inputs, (o + g,) or (n, o + g); see `act`."""

    @abstractmethod
    def tensors(self) -> dict[str, Float32]:
        """The networks' weights by name; the fields of this class are not among them."""

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """What else `read` needs, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def read(cls, tensors: dict[str, Float32], description: dict[str, Any], **common: Any) -> Self:
        """Puts a policy together from what `tensors` and `description` gave.

        Args:
            tensors: finite, float32.
            description: as it came from a file, unchecked.
            common: the fields of `Policy`.

        Raises:
            ValueError: it does not fit together; one line, without the file's name.
        """

    def frozen(self, version: int) -> Self:
        """A copy that later learning does not change."""
        return replace(self, mean=self.mean.copy(), std=self.std.copy(), version=version)

    def to_action(self, unit: Float32) -> Float32:
        """From units of [-1, 1] to the environment's."""
        half = (self.action_high - self.action_low) * np.float32(0.5)
        action: Float32 = self.action_low + half * (unit + np.float32(1.0))
        return action
