"""One attempt to grasp, as it is collected, logged and learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robot_learning.perception.eyes import Eye
from robot_learning.replay.images import ImageReplay, UInt8
from robot_learning.replay.step import Float32


@dataclass(frozen=True, slots=True)
class GraspEpisode:
    """T steps and the T + 1 observations around them.

    Attributes:
        images: shape (T + 1, size, size, 3).
        states: what is known besides the picture, shape (T + 1, s).
        actions: as executed, in units of [-1, 1], shape (T, a).
        requested: what was asked for to have them executed, shape (T, a).
        rewards: shape (T,).
        terminated: the task itself ended at the last observation; otherwise it was cut there.
        success: it was judged a success.
        source: who acted: `scripted`, `policy`, ...
        seed: of the scene; -1 where there is none, as on a robot.
    """

    images: UInt8
    states: Float32
    actions: Float32
    requested: Float32
    rewards: Float32
    terminated: bool
    success: bool
    source: str
    seed: int = -1

    def __post_init__(self) -> None:
        steps = len(self.actions)
        shapes = (self.images.ndim, self.states.ndim, self.actions.ndim, self.rewards.ndim)
        lengths = (len(self.images), len(self.states), len(self.rewards))
        if shapes != (4, 2, 2, 1) or lengths != (steps + 1, steps + 1, steps) or not steps:
            raise ValueError(f"an episode of {steps} steps has parts of lengths {lengths}")
        if self.requested.shape != self.actions.shape:
            raise ValueError(f"an episode of {steps} steps has {len(self.requested)} requests")
        numbers = (self.states, self.actions, self.requested, self.rewards)
        if self.images.dtype != np.uint8 or not all(np.isfinite(part).all() for part in numbers):
            raise ValueError("an episode has images that are not uint8, or numbers not finite")

    def __len__(self) -> int:
        return len(self.actions)

    def returns_to_go(self, gamma: float) -> Float32:
        """Discounted rewards from each step to the end, shape (T,).

        Where the episode was cut, what would have followed is missing from them.
        """
        returns, following = np.zeros(len(self), np.float32), 0.0
        for step in reversed(range(len(self))):
            returns[step] = following = float(self.rewards[step]) + gamma * following
        return returns

    def add_to(self, replay: ImageReplay, gamma: float, eye: Eye) -> None:
        """Adds its transitions as an eye sees them, with the returns that `gamma` makes."""
        last = len(self) - 1
        eye.begin(self.images[0])
        returns = self.returns_to_go(gamma)
        for step in range(len(self)):
            replay.add(
                eye.see(self.images[step]),
                self.states[step],
                self.actions[step],
                float(self.rewards[step]),
                self.terminated and step == last,
                requested=self.requested[step],
                return_to_go=float(returns[step]),
            )
        replay.end_episode(eye.see(self.images[-1]), self.states[-1])


def asked_for(requested: Float32, gated: Float32, executed: Float32) -> Float32:
    """What a step counts as a request for, shape (a,), each number in [-1, 1].

    Asked for again in the same place it would be done alike; what was refused as a whole says
    nothing of what it asks for, and counts as what was done instead.
    """
    return np.clip(requested, -1.0, 1.0) if gated.any() else executed
