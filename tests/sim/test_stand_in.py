"""The stand-in robot has the habits of ros2_control's trajectory controller, and of drives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robot_learning.contract import Contract, load_contract
from robot_learning.control.trajectory import TrajectoryFollower
from robot_learning.hardware import JointPoint
from robot_learning.identification.joint_response import ResponseModel, ResponseState
from robot_learning.safety.wire_record import WireRecord
from sim.stand_in import StandInArm

CONTRACT = load_contract("panda", "reach")
NAMES = list(CONTRACT.robot.arm.joint_names)
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
STILL = np.zeros(7)


@pytest.fixture
def arm() -> StandInArm:
    return StandInArm(CONTRACT, now_s=100.0)


def to(position: np.ndarray, after_s: float = 0.5) -> list[JointPoint]:
    return [JointPoint(after_s, position, STILL)]


def where(arm: StandInArm) -> np.ndarray:
    return arm.state(0.0).position_rad


def test_it_goes_to_the_last_point_and_holds_it(arm: StandInArm) -> None:
    assert arm.command(NAMES, to(HOME + 0.1), 0.0) == ""
    arm.advance(100.25)
    assert (np.abs(where(arm) - HOME - 0.05) < 0.01).all()
    arm.advance(105.0)
    np.testing.assert_allclose(where(arm), HOME + 0.1, atol=1e-6)
    assert np.abs(arm.state(0.0).velocity_rad_s).max() < 1e-6


def test_a_new_trajectory_replaces_the_one_that_is_followed(arm: StandInArm) -> None:
    arm.command(NAMES, to(HOME + 0.1), 0.0)
    arm.advance(100.2)
    arm.command(NAMES, to(HOME), 0.0)
    arm.advance(102.0)
    np.testing.assert_allclose(where(arm), HOME, atol=1e-6)


def test_it_follows_as_late_and_as_softly_as_the_contract_says() -> None:
    data = CONTRACT.model_dump(mode="json")
    response = {"stiffness_1_s2": [300.0] * 7, "damping_1_s": [20.0] * 7}
    data["robot"]["simulation"] |= {"control_delay_s": 0.08, "response": response}
    hidden = Contract.model_validate(data)
    arm = StandInArm(hidden, now_s=100.0)
    points = [JointPoint(0.5, HOME + 0.1, STILL)]
    arm.command(NAMES, points, 0.0)
    found = []
    for cycle in range(1, 1000):
        arm.advance(100.0 + 0.001 * cycle + 1e-7)
        found.append(where(arm))
    follower = TrajectoryFollower(HOME)
    follower.write(0.08, points)
    references = follower.references(0.001 * np.arange(1, 1000))
    assert hidden.robot.simulation.response is not None
    model = ResponseModel.of(hidden.robot.simulation.response, 0.001)
    np.testing.assert_allclose(found, ResponseState(model, HOME).follow(references), atol=1e-5)
    assert arm.reflex == "" and hidden.sha256 == CONTRACT.sha256


def test_joints_go_by_their_names_and_are_told_in_another_order(arm: StandInArm) -> None:
    wanted = HOME + 0.01 * np.arange(7)
    names = NAMES[::-1]
    arm.command(names, [JointPoint(0.5, wanted[::-1], STILL)], 0.0)
    arm.advance(101.0)
    np.testing.assert_allclose(where(arm), wanted, atol=1e-6)
    assert list(arm.joints) != NAMES and sorted(arm.joints) == sorted(NAMES)


@pytest.mark.parametrize(
    ("names", "points", "ago_s"),
    [
        (NAMES[:6], to(HOME), 0.0),
        ([*NAMES[:6], "elbow"], to(HOME), 0.0),
        (NAMES, [], 0.0),
        (NAMES, [*to(HOME, 0.5), *to(HOME, 0.5)], 0.0),
        (NAMES, [JointPoint(0.5, HOME, STILL + 0.1)], 0.0),
        (NAMES, to(HOME[:6]), 0.0),
        (NAMES, to(HOME), 0.6),
    ],
    ids=["too few", "unknown", "empty", "same time", "moving at the end", "short", "past"],
)
def test_the_controller_drops_what_ros2_control_drops(
    arm: StandInArm, names: list[str], points: list[JointPoint], ago_s: float
) -> None:
    assert arm.command(names, points, ago_s)
    arm.advance(101.0)
    np.testing.assert_array_equal(where(arm), HOME)


def test_numbers_it_does_not_look_at_and_the_drives_stop_at_what_is_none(arm: StandInArm) -> None:
    assert arm.command(NAMES, to(HOME * np.nan), 0.0) == ""
    assert arm.not_finite == 1 and "not a number" in arm.reflex
    assert arm.command(NAMES, to(HOME + 0.1), 0.0) == arm.reflex
    arm.advance(101.0)
    np.testing.assert_allclose(where(arm), HOME)
    arm.recover()
    assert arm.command(NAMES, to(HOME + 0.1), 0.0) == ""


def test_drives_stop_at_a_reference_that_jumps(arm: StandInArm) -> None:
    arm.command(NAMES, to(HOME + 1.0, 0.01), 0.0)
    arm.advance(101.0)
    assert "jumped" in arm.reflex
    assert np.abs(where(arm) - HOME).max() < 0.1


def test_every_cycle_can_be_read_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "wire"
    arm = StandInArm(CONTRACT, 100.0, WireRecord.make(path, 7, capacity=1000))
    arm.command(NAMES, to(HOME + 0.1), 0.0)
    for step in range(1, 41):
        arm.advance(100.0 + 0.05 * step)
    seen = WireRecord.open(path, 7).since(101.5)
    assert len(seen.time_s) == pytest.approx(500, abs=2)
    assert np.diff(seen.time_s) == pytest.approx(0.001)
    wanted = np.tile(HOME + 0.1, (len(seen.time_s), 1))
    np.testing.assert_allclose(seen.position_rad, wanted, atol=1e-6)
    assert len(WireRecord.open(path, 7).since(0.0).time_s) == 1000  # the oldest went


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wire"
    path.write_bytes(b"x" * 77)
    with pytest.raises(ValueError, match="no record of an arm with 7 joints"):
        WireRecord.open(path, 7)


def test_a_trajectory_that_has_begun_is_followed_from_where_it_should_be_by_now(
    arm: StandInArm,
) -> None:
    """A command that the wire delays makes the reference jump: by little where the arm is near."""
    speed = 0.2
    points = [
        JointPoint(0.1 * k, HOME + 0.1 * k * speed, np.full(7, speed if k < 5 else 0.0))
        for k in range(1, 6)
    ]
    assert arm.command(NAMES, points, 0.25) == ""
    arm.advance(100.001)
    assert "jumped" in arm.reflex  # 0.05 rad within a millisecond
    arm.put(HOME + 0.0499)
    arm.command(NAMES, points, 0.25)
    arm.advance(100.002)
    assert not arm.reflex
    arm.advance(100.1)
    np.testing.assert_allclose(where(arm), HOME + 0.07, atol=1.5e-3)


GEN3 = load_contract("gen3", "reach_near")
ENDLESS = 6  # a joint without stops


@pytest.fixture
def gen3() -> StandInArm:
    return StandInArm(GEN3, now_s=100.0)


def gen3_at(angle: float) -> np.ndarray:
    position = np.array([joint.home_position_rad for joint in GEN3.robot.arm.joints])
    position[ENDLESS] = angle
    return position


def test_an_angle_without_stops_is_said_within_half_a_turn(gen3: StandInArm) -> None:
    gen3.put(gen3_at(3.2))
    np.testing.assert_allclose(where(gen3), gen3_at(3.2 - np.pi * 2))
    gen3.put(gen3_at(-9.0))
    np.testing.assert_allclose(where(gen3), gen3_at(-9.0 + np.pi * 2))


@pytest.mark.parametrize("from_rad, to_rad", [(3.1, -3.1), (-3.1, 3.1), (2.0, 2.5)])
def test_it_goes_the_shorter_way_to_an_angle_without_stops(
    gen3: StandInArm, tmp_path: Path, from_rad: float, to_rad: float
) -> None:
    record = WireRecord.make(tmp_path / "wire", 7, capacity=2000)
    gen3 = StandInArm(GEN3, 100.0, record)
    gen3.put(gen3_at(from_rad))
    names = list(GEN3.robot.arm.joint_names)
    assert gen3.command(names, to(gen3_at(to_rad), 1.0), 0.0) == ""
    gen3.advance(101.5)
    assert gen3.reflex == ""
    np.testing.assert_allclose(where(gen3), gen3_at(to_rad), atol=1e-6)
    way = np.ptp(WireRecord.open(tmp_path / "wire", 7).since(0.0).position_rad[:, ENDLESS])
    shorter = abs((to_rad - from_rad + np.pi) % (2 * np.pi) - np.pi)
    assert way == pytest.approx(shorter, abs=1e-3)
