"""Several environments of a kind in one process, seen as arrays, an episode seed each.

An episode is a function of its seed and its actions. So what an environment is in the middle of
one is kept as just these, and brought back by playing them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray
from torch import Tensor

from robot_learning.algorithms import Spaces
from robot_learning.replay import StepError
from robot_learning.replay.step import Float32
from robot_learning.training.environments import (
    Environment,
    episode_seed,
    take_apart,
    to_action,
)
from robot_learning.training.trainer import TRAINING_STREAM

Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step of n environments led to, before any reset.

    Attributes:
        inputs: observation and goal, (n, o + g).
        rewards: (n,).
        terminated: (n,).
        truncated: cut off and not terminated, (n,).
        success: the success condition holds, (n,).
        constraints: what the environments report, (n, c).
    """

    inputs: Float32
    rewards: Float32
    terminated: Bool
    truncated: Bool
    success: Bool
    constraints: Float32

    @property
    def over(self) -> Bool:
        """Episodes that ended, (n,)."""
        return self.terminated | self.truncated


class SideBySide:
    """n environments that step together; ended episodes are begun anew when asked.

    Attributes:
        inputs: observation and goal as they are, (n, o + g).
    """

    def __init__(
        self,
        make: Callable[[], Environment],
        n: int,
        spaces: Spaces,
        *,
        name: str,
        seed: int,
        constraints: int = 0,
    ) -> None:
        """Makes them; `reset` or `restore` comes next.

        Args:
            make: makes one.
            n: how many.
            spaces: what they are like.
            name: for errors.
            seed: of the run; each episode's follows from it and the episode's number.
            constraints: how many values each reports as info["constraints"].
        """
        self._environments = SyncVectorEnv([make] * n, autoreset_mode=AutoresetMode.DISABLED)
        self._spaces, self._name, self._seed, self._constraints = spaces, name, seed, constraints
        self._low = np.array(spaces.action_low, np.float32)
        self._half = (np.array(spaces.action_high, np.float32) - self._low) / 2
        self._next_episode = 0
        self._episodes = np.zeros(n, np.int64)
        self._actions: list[list[Float32]] = [[] for _ in range(n)]
        self._steps = 0
        self.inputs = np.zeros((n, spaces.input_size), np.float32)

    def reset(self, which: Bool) -> None:
        """Begins new episodes where `which`, (n,), says so.

        Raises:
            StepError: an observation is not finite.
        """
        for index in np.flatnonzero(which):
            self._episodes[index] = self._next_episode
            self._actions[index] = []
            self._next_episode += 1
        self._begin(which)

    def step(self, actions: Float32) -> Outcome:
        """Does actions, (n, a) in units of [-1, 1], clipped to them; or choices.

        Raises:
            StepError: an observation, reward or constraint is not finite, or constraints miss.
        """
        if not self._spaces.choices:
            unit = np.clip(actions, np.float32(-1.0), np.float32(1.0))
            actions = self._low + self._half * (unit + np.float32(1.0))
        for done, action in zip(self._actions, actions, strict=True):
            done.append(action)
        observed, rewards, terminated, truncated, info = self._environments.step(
            self._as_taken(actions)
        )
        found = Outcome(
            inputs=self._finite(_inputs(observed), "the observation"),
            rewards=self._finite(rewards.astype(np.float32), "the reward"),
            terminated=terminated,
            truncated=truncated & ~terminated,
            success=_flags(info, len(actions)),
            constraints=self._finite(self._reported(info, len(actions)), "a constraint"),
        )
        self._steps += 1
        self.inputs = found.inputs
        return found

    def close(self) -> None:
        """Closes the environments."""
        self._environments.close()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The episodes they are in, by number and actions so far."""
        size = self._spaces.action_size
        actions = [np.reshape(np.array(done, np.float32), (-1, size)) for done in self._actions]
        tensors = {f"episode{i}.actions": torch.from_numpy(done) for i, done in enumerate(actions)}
        values = {
            "episodes": self._episodes.tolist(),
            "next_episode": self._next_episode,
            "steps": self._steps,
        }
        return tensors | {"episodes.inputs": torch.from_numpy(self.inputs.copy())}, values

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> bool:
        """Plays the episodes of a `state` again.

        Returns:
            Whether that led to the same observations; where not, new episodes were begun.
        """
        self._episodes = np.array(values["episodes"], np.int64)
        self._next_episode, self._steps = int(values["next_episode"]), int(values["steps"])
        for index, environment in enumerate(self._environments.envs):
            actions = tensors[f"episode{index}.actions"].numpy()
            self._actions[index] = list(actions)
            observed, _ = environment.reset(seed=self._seed_of(index))
            for action in actions:
                observed, *_ = environment.step(to_action(environment, action))
            seen = take_apart(observed)
            self.inputs[index] = np.concatenate((seen.observation, seen.desired_goal))
        if np.array_equal(self.inputs, tensors["episodes.inputs"].numpy()):
            return True
        self.reset(np.ones(len(self._episodes), bool))
        return False

    def _begin(self, which: Bool) -> None:
        seeds = [self._seed_of(i) if begin else None for i, begin in enumerate(which)]
        observed, _ = self._environments.reset(seed=seeds, options={"reset_mask": which})
        self.inputs = self._finite(_inputs(observed), "the observation after a reset")

    def _as_taken(self, actions: Float32) -> NDArray[Any]:
        space = self._environments.single_action_space
        if isinstance(space, gymnasium.spaces.Discrete):
            choices: NDArray[np.int64] = space.start + actions[:, 0].astype(np.int64)
            return choices
        return actions.reshape(len(actions), *(space.shape or ()))

    def _reported(self, info: Mapping[str, Any], n: int) -> Float32:
        if not self._constraints:
            return np.zeros((n, 0), np.float32)
        values = np.asarray(info.get("constraints", ()), np.float32)
        if values.shape != (n, self._constraints):
            raise StepError(
                f"{self._name}, step {self._steps}: constraint_probabilities is for "
                f"{self._constraints} values, info['constraints'] of the environments has shape "
                f"{values.shape}"
            )
        return values

    def _finite(self, values: Float32, what: str) -> Float32:
        if np.isfinite(values).all():
            return values
        index = int(np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0])
        wrong = values[index][~np.isfinite(values[index])]
        raise StepError(
            f"{self._name}, step {self._steps} of environment {index}: {what} is {wrong.flat[0]}; "
            "nothing of it was learned; mend the environment, then go on with --resume"
        )

    def _seed_of(self, index: int) -> int:
        return episode_seed(self._seed, TRAINING_STREAM, int(self._episodes[index]))


def _inputs(observed: Any) -> Float32:
    """Batched observations as (n, o + g), of their own memory."""
    parts = (
        [observed["observation"], observed["desired_goal"]]
        if isinstance(observed, Mapping)
        else [observed]
    )
    flat = [np.asarray(part, np.float32).reshape(len(part), -1) for part in parts]
    return np.concatenate(flat, axis=1)


def _flags(info: Mapping[str, Any], n: int) -> Bool:
    """`at_goal` of batched info; see `environments.at_goal`."""
    found = info.get("at_goal", info.get("is_success"))
    return np.zeros(n, bool) if found is None else np.asarray(found, bool)
