"""A leader arm moves nothing before it is where the arm is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.kinematics import ArmKinematics
from robot_learning.teleoperation import DeviceError, LeaderBindings, PersonEvent, load_bindings
from robot_learning.teleoperation.leader import Leader
from robot_learning.teleoperation.leader_bindings import LeaderGripper, LeaderJoint, LeaderTrigger

CONTRACT = load_contract()
BINDINGS = load_bindings("leader", LeaderBindings)
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
NAMES = [joint.name for joint in BINDINGS.joints]
KINEMATICS = ArmKinematics(CONTRACT.robot.arm)


class Hand:
    """A person with a leader arm and a pedal."""

    def __init__(self, bindings: LeaderBindings = BINDINGS) -> None:
        self.leader = Leader(bindings, CONTRACT)
        self.leader.on_arm(HOME)
        self.now_s = 0.0

    def put(self, position: np.ndarray, names: list[str] = NAMES) -> None:
        self.now_s += 0.04
        self.leader.feed(names, position.tolist(), self.now_s)

    def pedal(self, *down: bool) -> None:
        for pressed in down:
            self.leader.feed_buttons([int(pressed), 0, 0], self.now_s)
            self.leader.reading(self.now_s)

    @property
    def held(self) -> bool:
        return self.leader.reading(self.now_s).held

    @property
    def note(self) -> str:
        return self.leader.reading(self.now_s).note


@pytest.fixture
def hand() -> Hand:
    return Hand()


def moved(joint: int, by_rad: float) -> np.ndarray:
    position = HOME.copy()
    position[joint] += by_rad
    return position


def test_where_the_arm_is_it_takes_it_and_the_arm_follows_its_tool(hand: Hand) -> None:
    hand.put(HOME)
    hand.pedal(False, True)
    assert hand.held
    position, rotation = KINEMATICS.tcp_pose(HOME)
    hand.put(KINEMATICS.inverse(position + np.array([0.02, 0.0, 0.0]), rotation, HOME))
    x, y, z = hand.leader.reading(hand.now_s).wish.velocity
    assert x == pytest.approx(
        BINDINGS.gain_hz * 0.02 / CONTRACT.task.action.speed_max_m_s, rel=0.02
    )
    assert y == pytest.approx(0.0, abs=0.02) and z == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("joint", range(7))
def test_in_another_pose_it_moves_nothing_and_says_which_joint_is_off(
    hand: Hand, joint: int
) -> None:
    hand.put(moved(joint, 0.6))
    hand.pedal(False, True)
    assert not hand.held
    assert f"panda_joint{joint + 1} is +0.60 rad off" in hand.note
    hand.put(HOME)
    assert not hand.held, "brought there with the pedal down, it still waits for a press"
    hand.pedal(False, True)
    assert hand.held


def test_joints_that_are_near_may_still_leave_the_tool_too_far_away(hand: Hand) -> None:
    hand.put(moved(0, BINDINGS.align_joint_rad - 0.01))
    hand.pedal(False, True)
    assert not hand.held and "its tool is" in hand.note


def test_it_is_let_go_when_it_runs_ahead(hand: Hand) -> None:
    hand.put(HOME)
    hand.pedal(False, True)
    assert hand.held
    hand.put(moved(0, 0.8))
    assert not hand.held and "ran" in hand.note
    hand.put(HOME)
    assert not hand.held


def test_speed_towards_it_is_never_more_than_full(hand: Hand) -> None:
    hand.put(HOME)
    hand.pedal(False, True)
    assert hand.held
    hand.put(moved(0, 0.3))
    assert max(map(abs, hand.leader.reading(hand.now_s).wish.velocity)) == pytest.approx(1.0)


def test_joint_states_that_stop_let_it_go_and_it_is_pressed_anew(hand: Hand) -> None:
    hand.put(HOME)
    hand.pedal(False, True)
    assert hand.held
    hand.now_s += BINDINGS.state_max_s + 0.05
    reading = hand.leader.reading(hand.now_s)
    assert not reading.held and not reading.connected
    hand.put(HOME)
    assert not hand.held
    hand.pedal(False, True)
    assert hand.held


def test_a_leader_that_is_repeated_unchanged_is_let_go(hand: Hand) -> None:
    hand.put(HOME)
    hand.pedal(False, True)
    for _ in range(int(BINDINGS.still_max_s / 0.04) + 2):
        hand.put(HOME)
    assert not hand.held and "nothing of the device changed" in hand.note


def test_nothing_moves_while_the_arm_itself_is_not_seen() -> None:
    leader = Leader(BINDINGS, CONTRACT)
    leader.feed(NAMES, HOME.tolist(), 0.0)
    leader.feed_buttons([0], 0.0)
    leader.feed_buttons([1], 0.0)
    assert not leader.reading(0.0).held and "joint_states" in leader.reading(0.0).note


def test_joints_are_found_by_name_and_calibrated_by_scale_and_offset() -> None:
    bindings = BINDINGS.model_copy(
        update={
            "joints": [
                LeaderJoint(name=name, scale=-1 if i % 2 else 1, offset_rad=0.1 * i)
                for i, name in enumerate(NAMES)
            ]
        }
    )
    hand = Hand(bindings)
    raw = np.array([(HOME[i] - 0.1 * i) * (-1 if i % 2 else 1) for i in range(7)])
    hand.put(raw[::-1], NAMES[::-1])
    hand.pedal(False, True)
    assert hand.held


def test_a_trigger_of_the_leaders_own_may_be_its_dead_man_and_a_joint_its_gripper() -> None:
    bindings = BINDINGS.model_copy(
        update={
            "pedal": None,
            "trigger": LeaderTrigger(joint="trigger", above=0.5),
            "gripper": LeaderGripper(joint="grip", open_above=0.8, close_below=0.2),
        }
    )
    hand = Hand(bindings)
    names = [*NAMES, "trigger", "grip"]
    hand.put(np.append(HOME, [0.0, 1.0]), names)
    assert not hand.held
    hand.put(np.append(HOME, [1.0, 0.0]), names)
    assert hand.held and hand.leader.reading(hand.now_s).wish.grip.value == "close"


@pytest.mark.parametrize(
    ("names", "values", "says"),
    [
        (NAMES[:6], HOME[:6], "lacks leader_joint7"),
        (NAMES, [math.nan] * 7, "has no number for leader_joint1"),
        ([], [], "lacks leader_joint1"),
    ],
)
def test_joint_states_that_say_too_little_are_named_and_let_it_go(
    hand: Hand, names: list[str], values: list[float], says: str
) -> None:
    hand.put(HOME)
    hand.pedal(False, True)
    with pytest.raises(DeviceError, match=says):
        hand.leader.feed(names, values, hand.now_s)
    assert not hand.held


def test_a_leader_with_another_number_of_joints_is_refused() -> None:
    bindings = BINDINGS.model_copy(update={"joints": BINDINGS.joints[:6]})
    with pytest.raises(DeviceError, match="6 joints, the arm 7"):
        Leader(bindings, CONTRACT)


def test_its_buttons_say_events(hand: Hand) -> None:
    hand.leader.feed_buttons([0, 0, 0], 0.0)
    hand.leader.feed_buttons([0, 1, 0], 0.1)
    assert hand.leader.take_events() == [PersonEvent.SUCCESS]
