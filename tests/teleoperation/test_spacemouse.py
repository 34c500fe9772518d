"""A SpaceMouse by its reports."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.control.tool_command import Grip
from robot_learning.teleoperation import DeviceError, PersonEvent, SpaceMouseBindings, load_bindings
from robot_learning.teleoperation.spacemouse import SpaceMouse, find_hidraw

BINDINGS = load_bindings("spacemouse", SpaceMouseBindings)


def translation(x: int, y: int, z: int) -> bytes:
    return struct.pack("<B3h", 1, x, y, z)


def rotation(x: int, y: int, z: int) -> bytes:
    return struct.pack("<B3h", 2, x, y, z)


def pressed(*buttons: int) -> bytes:
    return bytes([3, sum(1 << button for button in buttons), 0])


@pytest.fixture
def mouse() -> SpaceMouse:
    mouse = SpaceMouse(BINDINGS)
    mouse.plug()
    mouse.feed(pressed(BINDINGS.deadman), 0.0)
    return mouse


def test_it_is_held_while_its_button_is(mouse: SpaceMouse) -> None:
    assert mouse.reading(0.0).held
    mouse.feed(pressed(), 0.1)
    assert not mouse.reading(0.1).held


def test_the_cap_pushed_away_goes_forwards_and_to_the_right_goes_right(mouse: SpaceMouse) -> None:
    mouse.feed(translation(0, -350, 0), 0.1)
    assert mouse.reading(0.1).wish.velocity == (1.0, 0.0, 0.0)
    mouse.feed(translation(350, 0, -350), 0.1)
    assert mouse.reading(0.1).wish.velocity == (0.0, -1.0, 1.0)


def test_rotation_comes_in_a_report_of_its_own_or_behind_the_translation(
    mouse: SpaceMouse,
) -> None:
    mouse.feed(rotation(0, 0, -350), 0.1)
    assert mouse.reading(0.1).wish.turn == 1.0
    mouse.feed(translation(0, 0, 0) + struct.pack("<3h", 0, 0, 350), 0.2)
    assert mouse.reading(0.2).wish.turn == -1.0


def test_a_pushed_cap_that_falls_silent_counts_as_centred(mouse: SpaceMouse) -> None:
    mouse.feed(translation(0, -350, 0), 0.1)
    reading = mouse.reading(0.1 + BINDINGS.report_max_s + 0.01)
    assert reading.held and reading.wish.velocity == (0, 0, 0)


def test_a_button_that_is_held_without_any_report_is_let_go(mouse: SpaceMouse) -> None:
    reading = mouse.reading(BINDINGS.still_max_s + 0.1)
    assert not reading.held and not reading.connected


def test_an_unplugged_one_is_let_go_and_begins_anew(mouse: SpaceMouse) -> None:
    mouse.feed(translation(0, -350, 0), 0.1)
    mouse.unplug("gone")
    reading = mouse.reading(0.1)
    assert (reading.held, reading.connected, reading.note) == (False, False, "gone")
    mouse.plug()
    assert mouse.reading(0.2).connected and not mouse.reading(0.2).held
    mouse.feed(pressed(BINDINGS.deadman), 0.3)
    assert mouse.reading(0.3).held and mouse.reading(0.3).wish.velocity == (0, 0, 0)


def test_buttons_close_the_gripper_and_say_events() -> None:
    mouse = SpaceMouse(BINDINGS.model_copy(update={"events": {"success": 2}}))
    mouse.plug()
    mouse.feed(pressed(BINDINGS.deadman, BINDINGS.grip["close"], 2), 0.0)
    mouse.feed(pressed(BINDINGS.deadman, 2), 0.1)
    assert mouse.take_events() == [PersonEvent.SUCCESS]
    mouse.feed(pressed(BINDINGS.deadman, BINDINGS.grip["close"]), 0.2)
    assert mouse.reading(0.2).wish.grip is Grip.CLOSE


def test_a_report_that_is_cut_off_is_refused(mouse: SpaceMouse) -> None:
    with pytest.raises(DeviceError, match="report 1 has 4 bytes, expected 7"):
        mouse.feed(translation(1, 2, 3)[:4], 0.1)


@given(st.binary(max_size=20))
def test_no_report_asks_for_more_than_full_speed(report: bytes) -> None:
    mouse = SpaceMouse(BINDINGS)
    mouse.plug()
    mouse.feed(pressed(BINDINGS.deadman), 0.0)
    try:
        mouse.feed(report, 0.0)
    except DeviceError:
        return
    assert all(-1.0 <= part <= 1.0 for part in mouse.reading(0.0).wish.velocity)


def test_it_is_found_among_the_hid_devices_by_its_maker(tmp_path: Path) -> None:
    for name, hid in (("hidraw0", "0003:0000046A:00000023"), ("hidraw1", "0003:0000256F:0000C635")):
        (tmp_path / name / "device").mkdir(parents=True)
        (tmp_path / name / "device" / "uevent").write_text(f"DRIVER=hid-generic\nHID_ID={hid}\n")
    assert find_hidraw(BINDINGS.vendors, tmp_path) == Path("/dev/hidraw1")
    assert find_hidraw(["1234"], tmp_path) is None
