"""Faults that are made on the wire of a stand-in robot last for their time and are then gone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robot_learning.diagnosis.wire_faults import KINDS, FaultError, WireFaults
from robot_learning.hardware import RobotState

STILL = np.zeros(7)


class Clock:
    now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


def state(stamp_s: float, at: float = 0.5) -> RobotState:
    return RobotState(stamp_s, STILL + at, STILL, STILL, 0.0, 0.0, 0.0, np.zeros(6))


@pytest.fixture
def wire() -> WireFaults:
    return WireFaults(Clock())


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_is_gone_after_its_time(kind: str) -> None:
    clock = Clock()
    wire = WireFaults(clock)
    wire.inject(kind, for_s=1.0, amount=1.0)
    clock.now_s += 1.0
    sent = state(3.0)
    assert wire.state(sent) is sent
    assert wire.joints([0, 1, 2]) == [0, 1, 2]
    assert wire.command("a") == ["a"]
    assert not wire.wrench().any()


def test_states_are_changed_as_said(wire: WireFaults) -> None:
    def sent(kind: str, amount: float = 0.0) -> RobotState | None:
        wire.inject(kind, for_s=1.0, amount=amount)
        wire.state(state(3.0))
        return wire.state(state(4.0, at=0.7))

    assert sent("state_silent") is None
    stuck = sent("state_stuck")
    assert stuck is not None and stuck.stamp_s == 4.0 and stuck.position_rad[0] == 0.5
    nan = sent("state_nan")
    assert nan is not None and np.isnan(nan.position_rad).sum() == 1
    jump = sent("state_jump", 0.2)
    assert jump is not None and np.abs(jump.position_rad - 0.7).max() == pytest.approx(0.2)
    back, ahead = sent("state_clock_back", 5.0), sent("state_clock_ahead", 5.0)
    assert back is not None and back.stamp_s == -1.0
    assert ahead is not None and ahead.stamp_s == 9.0
    wire.inject("state_missing_joint", for_s=1.0)
    assert wire.joints([0, 1, 2]) == [0, 1]
    wire.inject("force", for_s=1.0, amount=60.0)
    assert np.linalg.norm(wire.wrench()[:3]) == 60.0


def test_commands_are_lost_late_or_doubled() -> None:
    clock = Clock()
    wire = WireFaults(clock)
    wire.inject("command_loss", for_s=1.0, amount=1.0)
    assert wire.command("a") == []
    wire.inject("command_loss", for_s=1.0, amount=0.5)
    came = sum(len(wire.command("a")) for _ in range(400))
    assert 150 < came < 250
    wire.inject("command_twice", for_s=1.0)
    assert wire.command("a") == ["a", "a"]
    wire.inject("command_delay", for_s=1.0, amount=0.3)
    assert wire.command("a") == [] and wire.commands_due() == []
    clock.now_s += 0.31
    assert wire.commands_due() == ["a"] and wire.commands_due() == []


def test_jittered_commands_overtake_one_another_and_all_come() -> None:
    clock = Clock()
    wire = WireFaults(clock)
    wire.inject("command_jitter", for_s=10.0, amount=0.3)
    came: list[int] = []
    for count in range(50):
        wire.command(count)
        clock.now_s += 0.05
        came += wire.commands_due()
    clock.now_s += 1.0
    came += wire.commands_due()
    assert sorted(came) == list(range(50)) and came != sorted(came)


@pytest.mark.parametrize(
    ("kind", "for_s", "amount"),
    [
        ("state_nam", 1.0, 0.0),
        ("force", 0.0, 1.0),
        ("force", math.nan, 1.0),
        ("force", 1.0, math.inf),
    ],
)
def test_what_makes_no_sense_is_refused(
    wire: WireFaults, kind: str, for_s: float, amount: float
) -> None:
    with pytest.raises(FaultError):
        wire.inject(kind, for_s, amount)
