"""How a leader arm's joints show the arm's, and what its pedals mean."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from robot_learning.contract.base import Positive, StrictModel
from robot_learning.teleoperation.bindings import WORDS, Bindings, EventName, Index


class LeaderJoint(StrictModel):
    """How one of the leader's joints shows the arm's: arm = scale * leader + offset_rad."""

    name: str
    scale: Literal[-1, 1] = 1
    offset_rad: float = 0.0


class LeaderTrigger(StrictModel):
    """A joint of the leader's that is pulled: held from `above` on."""

    joint: str
    above: float


class LeaderGripper(StrictModel):
    """A joint of the leader's that opens and closes the gripper."""

    joint: str
    open_above: float
    close_below: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.close_below >= self.open_above:
            raise ValueError(
                f"close_below {self.close_below} is not below open_above {self.open_above}"
            )
        return self


class LeaderBindings(Bindings):
    """A leader arm, by its joint states.

    Attributes:
        joints: in the order of the arm's own.
        trigger: the dead-man, where it is a joint of the leader.
        pedal: the dead-man, where it is a button of a sensor_msgs/Joy.
        align_joint_rad: a joint may be so far from the arm's when the dead-man is pressed.
        align_tool_m: so far may the tool be.
        gap_max_m: the arm is let go when the leader runs ahead of it so far.
        gain_hz: speed towards the leader for a distance from it.
        state_max_s: joint states may be so old.
        still_max_s: the arm is let go when no joint moves for so long.
    """

    device: Literal["leader"]
    joints: list[LeaderJoint]
    trigger: LeaderTrigger | None = None
    pedal: Index | None = None
    gripper: LeaderGripper | None = None
    events: dict[EventName, Index]
    align_joint_rad: Positive
    align_tool_m: Positive
    gap_max_m: Positive
    gain_hz: Positive
    state_max_s: Positive
    still_max_s: Positive

    @model_validator(mode="after")
    def _one_dead_man(self) -> Self:
        if (self.trigger is None) == (self.pedal is None):
            raise ValueError("give one dead-man: trigger, or pedal")
        return self

    def table(self) -> list[tuple[str, str]]:
        """Control and meaning."""
        if self.trigger is not None:
            deadman = f"joint {self.trigger.joint}"
        else:
            deadman = f"pedal {self.pedal}"
        return [
            (deadman, "hold it to have the arm, once the leader is where the arm is"),
            ("the arm", "follows the leader's tool"),
            *((f"button {b}", WORDS[word]) for word, b in self.events.items()),
        ]
