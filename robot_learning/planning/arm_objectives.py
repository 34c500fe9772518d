"""Rewards of the arm's tasks, as formulas that lead a plan to where the task is done.

What a task itself rewards is sparse: within a plan's horizon nothing of it is seen. These are
distances that shrink on the way there; a plan is judged by them, a policy by the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robot_learning.planning.objective import KnownObjective

# Beside an object the tool may be low only this near to where it is to go down: so much height
# for each metre beyond the foot. Without it plans press onto the object from above.
_FUNNEL_SLOPE, _FUNNEL_FOOT_M = 1.5, 0.01
# Of the tool above the object's middle, where it is beside the object and not over it.
_DOWN_M = 0.018
# What the tool may be nearer to the object than where it went down: a push closes that gap.
_CONTACT_SLACK_M = 0.025


def _length(vectors: Tensor) -> Tensor:
    return vectors.square().sum(-1).sqrt()


def _above_funnel(beside: Tensor, clearance_m: float) -> Tensor:
    """The height that a tool should keep, shape (...), m."""
    return (_FUNNEL_SLOPE * (beside - _FUNNEL_FOOT_M)).clamp(0.0, clearance_m)


@dataclass(frozen=True)
class Arrive(KnownObjective):
    """A position of the observation at the goal: minus the distance, and 1 where it is reached.

    Attributes:
        place: where the position's three numbers begin in the observation.
        distance_max_m: of success.
        tool: where the tool's position begins, which must come to the object first; None where
            the tool itself is to arrive.
        contact_m: from the tool to the object's middle when it is to go down beside it.
        clearance_m: above the object's middle, on the way to its other side.
    """

    name: ClassVar[str] = "arrive"

    place: int
    distance_max_m: float
    tool: int | None = None
    contact_m: float = 0.055
    clearance_m: float = 0.08

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        at = next_observations[..., self.place : self.place + 3]
        way = self.goal - at
        distance = _length(way)
        reward = (distance <= self.distance_max_m).float() - 10.0 * distance
        if self.tool is None:
            return reward
        tool = next_observations[..., self.tool : self.tool + 3]
        towards = way / distance.clamp_min(1e-6).unsqueeze(-1)
        behind = at - self.contact_m * towards - tool
        height = _above_funnel(_length(behind[..., :2]), self.clearance_m)
        low = (height + behind[..., 2]).clamp_min(0.0)
        # Down there, towards it: even while the model knows nothing of contact yet.
        down = (tool - at)[..., 2] < _DOWN_M
        near = _length((at - tool)[..., :2])
        slack = _CONTACT_SLACK_M * down
        off = (_length(behind) - slack).clamp_min(0.0) + low
        off = off + 0.5 * torch.where(down, near, near.new_tensor(2.0 * self.contact_m))
        return reward - 2.0 * off * (distance > self.distance_max_m)


@dataclass(frozen=True)
class Lift(KnownObjective):
    """A gripper that opens, comes down around an object, closes and goes up with it.

    The sum of what is still missing: the way to the object, the fingers' width that belongs there,
    and the height. Where the fingers hold something, height of the tool is worth something too:
    that an object in the hand comes along is to be found out.

    Attributes:
        place: where the object's position begins in the observation.
        tool: where the tool's begins.
        width: where the fingers' width lies.
        open_m: their greatest width.
        width_min_m: least width of a hold, as in the contract's success.
        width_max_m: greatest one.
        reach_m: from the tool to the middle of an object in the hand, at most.
        height_min_m: of the object's middle, for success.
        grip_m: of the tool above the object's middle when the fingers are to close.
        clearance_m: above the object's middle, on the way to it.
        lying_m: height of the object's middle on the table.
    """

    name: ClassVar[str] = "lift"

    place: int
    tool: int
    width: int
    open_m: float
    width_min_m: float
    width_max_m: float
    reach_m: float
    height_min_m: float
    lying_m: float
    grip_m: float = 0.010
    clearance_m: float = 0.08

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        at = next_observations[..., self.place : self.place + 3]
        tool = next_observations[..., self.tool : self.tool + 3]
        width = next_observations[..., self.width]
        offset = tool - at
        beside = _length(offset[..., :2])
        low = (_above_funnel(beside, self.clearance_m) - offset[..., 2]).clamp_min(0.0)
        grip_point = offset - offset.new_tensor([0.0, 0.0, self.grip_m])
        off = _length(grip_point)
        # 1 where the fingers may close, 0 from half a reach away on.
        inside = (1.0 - off / (0.5 * self.reach_m)).clamp(0.0, 1.0)
        held = (width >= self.width_min_m) & (width <= self.width_max_m)
        held = (held & (_length(offset) <= self.reach_m)).float()
        closed = 1.0 - (width - self.width_max_m) / (self.open_m - self.width_max_m)
        # Closing around it is worth as much again as coming with an open hand; on nothing, nothing.
        closing = (width >= self.width_min_m) * (1.0 + closed.clamp(0.0, 1.0))
        fingers = inside * closing + (1.0 - inside) * width / self.open_m
        span = self.height_min_m - self.lying_m
        risen = ((at[..., 2] - self.lying_m) / span).clamp(0.0, 1.2)
        raised = ((tool[..., 2] - self.lying_m) / span).clamp(0.0, 1.2)
        return held * (0.3 + 0.5 * raised + 1.5 * risen) + 0.3 * fingers - 4.0 * (off + low)
