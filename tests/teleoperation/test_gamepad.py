"""A pad counts as held by what changes, not by what is repeated."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.control.tool_command import Grip
from robot_learning.teleoperation import DeviceError, GamepadBindings, PersonEvent, load_bindings
from robot_learning.teleoperation.gamepad import Gamepad
from robot_learning.teleoperation.input_event import RECORD, InputEvents

BINDINGS = load_bindings("gamepad", GamepadBindings)
STILL_S = BINDINGS.still_max_s
HOLD, SUCCESS, CLOSE = BINDINGS.deadman, BINDINGS.events["success"], BINDINGS.grip["close"]


def buttons(*pressed: int) -> list[int]:
    return [int(index in pressed) for index in range(11)]


def axes(**values: float) -> list[float]:
    stick = [0.0] * 8
    for name, value in values.items():
        stick[getattr(BINDINGS.axes, name).axis] = value
    return stick


@pytest.fixture
def pad() -> Gamepad:
    pad = Gamepad(BINDINGS)
    pad.feed(axes(), buttons(), 0.0)
    return pad


def test_it_is_held_while_the_dead_man_is_down(pad: Gamepad) -> None:
    pad.feed(axes(x=0.5), buttons(HOLD), 0.1)
    assert pad.reading(0.1).held
    pad.feed(axes(x=0.5), buttons(), 0.2)
    assert not pad.reading(0.2).held


def test_sticks_move_the_tool_from_the_edge_of_their_dead_zone_on(pad: Gamepad) -> None:
    pad.feed(axes(x=1.0, y=-1.0, z=BINDINGS.deadzone), buttons(HOLD), 0.1)
    assert pad.reading(0.1).wish.velocity == (1.0, -1.0, 0.0)
    pad.feed(axes(z=BINDINGS.deadzone + 0.01), buttons(HOLD), 0.2)
    assert 0.0 < pad.reading(0.2).wish.velocity[2] < 0.02


def test_a_pad_that_is_repeated_unchanged_is_let_go_and_needs_a_new_press(pad: Gamepad) -> None:
    now_s = 0.1
    while now_s < 0.1 + STILL_S + 0.5:  # its driver repeats at 20 Hz what it heard last
        pad.feed(axes(x=1.0), buttons(HOLD), now_s)
        if abs(now_s - 0.1 - STILL_S) > 0.01:
            assert pad.reading(now_s).held == (now_s < 0.1 + STILL_S)
        now_s += 0.05
    reading = pad.reading(now_s)
    assert not reading.connected and "nothing of the device changed" in reading.note
    pad.feed(axes(x=0.9), buttons(HOLD), now_s)
    assert not pad.reading(now_s).held, "a change alone is no press"
    pad.feed(axes(), buttons(), now_s + 0.1)
    assert pad.reading(now_s + 0.1).connected
    pad.feed(axes(), buttons(HOLD), now_s + 0.2)
    assert pad.reading(now_s + 0.2).held


def test_a_dead_man_that_is_stuck_from_the_start_holds_nothing() -> None:
    pad = Gamepad(BINDINGS)
    for count in range(5):
        pad.feed(axes(x=0.1 * count), buttons(HOLD), 0.05 * count)
        assert not pad.reading(0.05 * count).held
    assert "let it go, and press it again" in pad.reading(0.3).note


def test_events_and_grip_are_buttons_and_an_event_is_said_once(pad: Gamepad) -> None:
    for now_s in (0.1, 0.2, 0.3):
        pad.feed(axes(), buttons(HOLD, SUCCESS, CLOSE), now_s)
    assert pad.take_events() == [PersonEvent.SUCCESS]
    assert pad.reading(0.3).wish.grip is Grip.CLOSE


def test_an_unplugged_pad_is_let_go(pad: Gamepad) -> None:
    pad.feed(axes(), buttons(HOLD), 0.1)
    pad.unplug("gone")
    reading = pad.reading(0.1)
    assert (reading.held, reading.connected, reading.note) == (False, False, "gone")


@pytest.mark.parametrize(
    ("stick", "keys", "says"),
    [
        ([0.0] * 3, buttons(HOLD), "the pad has 3 axes and 11 buttons; the bindings need 5 and 9"),
        ([0.0] * 8, [1, 1], "8 axes and 2 buttons"),
        ([math.nan] * 8, buttons(HOLD), "not finite"),
    ],
)
def test_a_pad_that_the_bindings_do_not_fit_is_named_and_let_go(
    pad: Gamepad, stick: list[float], keys: list[int], says: str
) -> None:
    pad.feed(axes(), buttons(HOLD), 0.1)
    with pytest.raises(DeviceError, match=says):
        pad.feed(stick, keys, 0.2)
    assert not pad.reading(0.2).held


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans(), st.booleans()), max_size=60))
def test_whatever_it_sends_it_is_held_only_after_a_release_and_with_a_change_of_late(
    story: list[tuple[float, bool, bool]],
) -> None:
    pad, now_s, stick = Gamepad(BINDINGS), 0.0, 0.0
    changed_s, before, released = -math.inf, None, False
    for wait_s, pressed, moves in story:
        now_s += wait_s
        stick += 0.01 if moves else 0.0
        content = (stick, pressed)
        if content != before:
            changed_s, before = now_s, content
        released = released or not pressed
        pad.feed(axes(x=min(stick, 1.0)), buttons(*[HOLD] * pressed), now_s)
        if pad.reading(now_s).held:
            assert pressed and released and now_s - changed_s <= STILL_S


def event(kind: int, code: int, value: int) -> bytes:
    return struct.pack("@llHHi", 1_700_000_000, 123, kind, code, value)


SYN, DROPPED = event(0, 0, 0), event(0, 3, 0)
RIGHT_SHOULDER, LEFT_STICK_Y = 0x137, 0x01


def test_the_kernels_records_become_the_axes_and_buttons_of_a_joy() -> None:
    events = InputEvents(BINDINGS.evdev)
    packet = event(3, LEFT_STICK_Y, -32768) + event(1, RIGHT_SHOULDER, 1) + SYN
    (snapshot,) = events.feed(packet)
    assert snapshot is not None
    assert snapshot.axes[BINDINGS.axes.x.axis] == 1.0, "up is forwards"
    assert snapshot.buttons[HOLD] == 1


@given(st.integers(1, 71))
def test_records_that_come_in_pieces_are_whole(cut: int) -> None:
    events = InputEvents(BINDINGS.evdev)
    packet = event(3, LEFT_STICK_Y, -32768) + event(1, RIGHT_SHOULDER, 1) + SYN
    assert len(packet) == 3 * RECORD.size
    found = events.feed(packet[:cut]) + events.feed(packet[cut:])
    assert len(found) == 1 and found[0] is not None and found[0].buttons[HOLD] == 1


def test_events_that_the_kernel_lost_let_everything_go() -> None:
    events = InputEvents(BINDINGS.evdev)
    events.feed(event(1, RIGHT_SHOULDER, 1) + SYN)
    found = events.feed(DROPPED + event(1, 0x130, 1) + SYN + event(3, LEFT_STICK_Y, 0) + SYN)
    assert found[0] is None
    assert found[1] is not None and not any(found[1].buttons)


def test_the_kernels_repeat_of_a_key_is_no_press() -> None:
    events = InputEvents(BINDINGS.evdev)
    (snapshot,) = events.feed(event(1, RIGHT_SHOULDER, 2) + SYN)
    assert snapshot is not None and not any(snapshot.buttons)


def test_a_code_that_no_pad_has_is_refused() -> None:
    layout = BINDINGS.evdev.model_copy(update={"buttons": ["BTN_SOUHT"]})
    with pytest.raises(DeviceError, match="BTN_SOUHT is no code"):
        InputEvents(layout)
