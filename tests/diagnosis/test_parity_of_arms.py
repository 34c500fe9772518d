"""Simulator, stand-in and recording mean the same by their joints, and a planted mistake is found.

The same plan goes to both arms. What the stand-in's wire carried is recorded as MCAP by the
recorder's own writer and read again. The whole graph does so in tests/graph/test_excitation.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robot_learning.contract import Contract, load_contract
from robot_learning.demonstrations.bag_writer import BagWriter, Received, Stream
from robot_learning.demonstrations.episode_info import BEGIN_RECORD, EpisodeInfo
from robot_learning.demonstrations.message_codec import encode
from robot_learning.demonstrations.message_definitions import message_definition
from robot_learning.diagnosis.parity import Parity, commanded, compare, measured
from robot_learning.hardware import JointPoint, open_hardware
from robot_learning.identification.excitation import excite, plan_excitation
from robot_learning.identification.from_episode import load_motion
from robot_learning.identification.recording import MotionRecording
from robot_learning.workspace import message_prefixes
from sim.stand_in import StandInArm

CONTRACT = load_contract("panda", "reach")
NAMES = CONTRACT.robot.arm.joint_names
HOME = np.array([joint.home_position_rad for joint in CONTRACT.robot.arm.joints])
T0_NS = 1_790_000_000_000_000_000
STATES, COMMANDS = "/joint_states", "/arm_controller/joint_trajectory"
TYPES = {STATES: "sensor_msgs/msg/JointState", COMMANDS: "trajectory_msgs/msg/JointTrajectory"}
PLAN = plan_excitation(CONTRACT, seconds_per_joint=2.4)


@dataclass
class Wiring:
    """How an arm's joints are wired; by default as the contract says.

    Attributes:
        names: under which the motors are commanded and the encoders are told, in motor order.
        sign: of each motor and its encoder.
        scale: of each encoder.
        offset_rad: of each encoder.
        every: of so many states one is told.
    """

    names: tuple[str, ...] = NAMES
    sign: tuple[float, ...] = (1.0,) * 7
    scale: tuple[float, ...] = (1.0,) * 7
    offset_rad: tuple[float, ...] = (0.0,) * 7
    every: int = 1


class WiredStandIn:
    """The stand-in stepped as `Hardware`, and what its wire carried, as messages.

    A plan is followed by the joints' names; the wiring is what is wrong behind them.
    """

    def __init__(self, wiring: Wiring) -> None:
        self.contract: Contract = CONTRACT
        self.wiring = wiring
        self.now_s = 100.0
        self.arm = StandInArm(CONTRACT, self.now_s)
        self.messages: list[Received] = []
        self.count = 0

    def reset(self, seed: int) -> None:
        self.arm.put_home()

    def read_state(self) -> Any:
        return self.arm.state(self.now_s)

    def write_joint_trajectory(self, points: Any) -> None:
        self._send(
            COMMANDS,
            {
                "joint_names": list(NAMES),
                "points": [
                    {
                        "positions": point.position_rad.tolist(),
                        "velocities": point.velocity_rad_s.tolist(),
                        "time_from_start": _time(point.time_from_start_s),
                    }
                    for point in points
                ],
            },
        )
        sign = np.array(self.wiring.sign)
        order = [NAMES.index(name) for name in self.wiring.names]
        wired = [
            JointPoint(
                point.time_from_start_s,
                HOME + sign * (point.position_rad - HOME)[order],
                sign * point.velocity_rad_s[order],
            )
            for point in points
        ]
        assert self.arm.command(NAMES, wired, 0.0) == ""

    def step(self, duration_s: float) -> None:
        self.now_s += duration_s
        self.arm.advance(self.now_s + 1e-7)
        self.count += 1
        if self.count % self.wiring.every:
            return
        position = self.arm.state(0.0).position_rad
        told = np.array(self.wiring.scale) * position + np.array(self.wiring.offset_rad)
        order = [NAMES.index(name) for name in self.arm.joints]  # its own
        zeros = [0.0] * 7
        names = [NAMES[i] for i in order]
        self._send(
            STATES,
            {"name": names, "position": told[order].tolist(), "velocity": zeros, "effort": zeros},
        )

    def _send(self, topic: str, fields: dict[str, Any]) -> None:
        definition = message_definition(TYPES[topic], message_prefixes())
        header = {"header": {"stamp": _time(self.now_s, T0_NS)}}
        log_ns = T0_NS + round(self.now_s * 1e9) + 1_000_000
        data = encode(TYPES[topic], definition, header | fields)
        self.messages.append(Received(topic, log_ns, log_ns - 50_000, 1, data))

    def record(self, path: Path) -> Path:
        """What the recorder would have written."""
        about = {"clock": "real_time", "contract": CONTRACT.model_dump(mode="json")}
        info = EpisodeInfo(id="a", started_ns=T0_NS, **about)  # type: ignore[arg-type]
        with BagWriter(path) as writer:
            writer.add_metadata(BEGIN_RECORD, info.as_metadata())
            for topic, kind in TYPES.items():
                writer.add_stream(Stream(topic, kind, message_definition(kind, message_prefixes())))
            for message in self.messages:
                writer.add(message)
            writer.finish()
        return path


def _time(seconds: float, since_ns: int = 0) -> dict[str, int]:
    nanoseconds = since_ns + round(seconds * 1e9)
    return {"sec": nanoseconds // 10**9, "nanosec": nanoseconds % 10**9}


def recorded(wiring: Wiring, path: Path) -> MotionRecording:
    """The stand-in's bag of the plan."""
    stand_in = WiredStandIn(wiring)
    for row, (position, velocity) in enumerate(
        zip(PLAN.position_rad, PLAN.velocity_rad_s, strict=True)
    ):
        if row:
            point = JointPoint(CONTRACT.command_period_s, position, velocity)
            rest = JointPoint(0.5, position, np.zeros(7))
            stand_in.write_joint_trajectory([point, rest])
        stand_in.step(CONTRACT.command_period_s)
    return load_motion(stand_in.record(path))


@pytest.fixture(scope="module")
def simulated() -> Iterator[MotionRecording]:
    with closing(open_hardware("sim", CONTRACT)) as hardware:
        yield excite(hardware, PLAN)


@pytest.fixture(scope="module")
def as_it_should_be(tmp_path_factory: pytest.TempPathFactory) -> MotionRecording:
    return recorded(Wiring(), tmp_path_factory.mktemp("parity") / "a.mcap")


def found(parity: Parity) -> set[tuple[str, str]]:
    return {(one.joint, one.kind) for one in parity.mismatches}


def test_simulator_stand_in_and_bag_mean_the_same(
    simulated: MotionRecording, as_it_should_be: MotionRecording
) -> None:
    for first, second in (
        (measured(simulated), measured(as_it_should_be)),
        (commanded(simulated), commanded(as_it_should_be)),
        (commanded(as_it_should_be), measured(as_it_should_be)),
    ):
        parity = compare(first, second)
        assert parity.mismatches == () and parity.untold == () and parity.lag_s < 0.1


def replaced(values: tuple[Any, ...], joint: int, value: Any) -> tuple[Any, ...]:
    return (*values[:joint], value, *values[joint + 1 :])


SWAPPED = (*NAMES[:2], NAMES[3], NAMES[2], *NAMES[4:])
PLANTED: list[tuple[str, Callable[[], Wiring], set[tuple[str, str]]]] = [
    ("order", lambda: Wiring(names=SWAPPED), {(NAMES[2], "order"), (NAMES[3], "order")}),
    (
        "sign",
        lambda: Wiring(sign=replaced((1.0,) * 7, 4, -1.0)),
        {(NAMES[4], "sign")},
    ),
    (
        "offset",
        lambda: Wiring(offset_rad=replaced((0.0,) * 7, 1, 0.1)),
        {(NAMES[1], "offset")},
    ),
    (
        "scale",
        lambda: Wiring(scale=replaced((1.0,) * 7, 6, 0.5)),
        {(NAMES[6], "scale")},
    ),
    ("rate", lambda: Wiring(every=4), {("", "rate")}),
]


@pytest.mark.parametrize(
    ("wiring", "expected"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED]
)
def test_a_planted_mistake_is_found_at_its_joint(
    simulated: MotionRecording,
    wiring: Callable[[], Wiring],
    expected: set[tuple[str, str]],
    tmp_path: Path,
) -> None:
    parity = compare(measured(simulated), measured(recorded(wiring(), tmp_path / "a.mcap")))
    assert expected <= found(parity)
    # A joint that is told at another place than it is has other figures too, and no other joint.
    assert {joint for joint, _ in found(parity)} == {joint for joint, _ in expected}
