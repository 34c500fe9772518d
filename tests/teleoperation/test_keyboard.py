"""A terminal tells presses and repeats of a key, and no release."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.control.tool_command import Grip
from robot_learning.teleoperation import KeyboardBindings, PersonEvent, load_bindings
from robot_learning.teleoperation.keyboard import Keyboard

BINDINGS = load_bindings("keyboard", KeyboardBindings)
REPEAT_S = 0.033


@pytest.fixture
def keys() -> Keyboard:
    return Keyboard(BINDINGS)


def test_the_dead_man_takes_the_arm_and_the_release_key_gives_it_back(keys: Keyboard) -> None:
    assert not keys.reading(0.0).held
    keys.feed(b" ", 0.0)
    assert keys.reading(0.1).held
    keys.feed(b"x", 0.2)
    assert not keys.reading(0.2).held


def test_a_stray_key_takes_nothing_and_moves_nothing(keys: Keyboard) -> None:
    keys.feed(b"wasd", 0.0)
    assert not keys.reading(0.0).held


@pytest.mark.parametrize(
    ("sent", "velocity", "turn"),
    [
        (b"w", (1, 0, 0), 0), (b"s", (-1, 0, 0), 0), (b"a", (0, 1, 0), 0), (b"d", (0, -1, 0), 0),
        (b"r", (0, 0, 1), 0), (b"f", (0, 0, -1), 0), (b"q", (0, 0, 0), 1), (b"wa", (1, 1, 0), 0),
    ],
)  # fmt: skip
def test_a_press_moves_the_tool_for_its_time(
    keys: Keyboard, sent: bytes, velocity: tuple[int, ...], turn: int
) -> None:
    keys.feed(b" " + sent, 1.0)
    wish = keys.reading(1.1).wish
    assert wish.velocity == pytest.approx(np.array(velocity) * keys.speed)
    assert wish.turn == turn * keys.speed
    assert keys.reading(1.0 + BINDINGS.press_s + 0.01).wish.velocity == (0, 0, 0)


def test_deliberate_presses_keep_the_arm(keys: Keyboard) -> None:
    keys.feed(b" ", 0.0)
    for tap in range(1, 20):
        keys.feed(b"w", tap * 0.4)
        assert keys.reading(tap * 0.4 + 0.39).held
    assert not keys.reading(19 * 0.4 + BINDINGS.held_s).held


def test_autorepeat_is_no_sign_of_a_hand_and_its_motion_is_bounded(keys: Keyboard) -> None:
    keys.feed(b" ", 0.0)
    keys.feed(b"w", 0.1)
    for count in range(200):  # a book lies on the key: the terminal repeats after half a second
        keys.feed(b"w", 0.6 + count * REPEAT_S)
    last_sign_s = 0.6  # the first repeat comes after a pause, and might be a tap
    assert keys.reading(last_sign_s + BINDINGS.held_s - 0.01).held
    assert not keys.reading(last_sign_s + BINDINGS.held_s).held
    assert not keys.reading(0.6 + 199 * REPEAT_S).held


@given(
    st.lists(st.floats(0.001, BINDINGS.repeat_gap_s - 0.001), min_size=1, max_size=300),
    st.sampled_from([b" ", b"w", b"o"]),
)
def test_however_a_terminal_repeats_a_key_it_holds_no_longer_than_one_press(
    gaps: list[float], key: bytes
) -> None:
    keys = Keyboard(BINDINGS)
    keys.feed(b" ", 0.0)
    now_s = 0.5
    keys.feed(key, now_s)
    end_s = now_s + BINDINGS.held_s
    for gap_s in gaps:
        now_s += gap_s
        keys.feed(key, now_s)
        assert keys.reading(now_s).held == (now_s < end_s)


def test_events_are_said_once_however_long_the_key_stays_down(keys: Keyboard) -> None:
    keys.feed(b"1", 0.0)
    for count in range(20):
        keys.feed(b"1", 0.1 + count * REPEAT_S)
    keys.feed(b"2", 2.0)
    keys.feed(b"3", 2.1)
    keys.feed(b"4", 2.2)
    assert keys.take_events() == [
        PersonEvent.SUCCESS, PersonEvent.FAILURE, PersonEvent.DISCARD, PersonEvent.END,
    ]  # fmt: skip
    assert keys.take_events() == []


def test_an_emergency_stop_needs_no_dead_man_and_lets_go(keys: Keyboard) -> None:
    keys.feed(b" ", 0.0)
    keys.feed(b"0", 0.1)
    assert keys.take_events() == [PersonEvent.ESTOP] and not keys.reading(0.1).held


def test_speed_goes_up_and_down_within_its_steps(keys: Keyboard) -> None:
    for count in range(9):
        keys.feed(b"+", count * 1.0)
    assert keys.speed == max(BINDINGS.speeds)
    for count in range(9, 20):
        keys.feed(b"-", count * 1.0)
    assert keys.speed == min(BINDINGS.speeds)


def test_the_gripper_opens_and_closes_by_keys(keys: Keyboard) -> None:
    keys.feed(b" o", 0.0)
    assert keys.reading(0.0).wish.grip is Grip.OPEN
    keys.feed(b"c", 0.5)
    assert keys.reading(0.5).wish.grip is Grip.CLOSE
    assert keys.reading(0.5 + BINDINGS.press_s).wish.grip is Grip.LEAVE


def test_a_terminal_that_is_gone_is_let_go(keys: Keyboard) -> None:
    keys.feed(b" w", 0.0)
    keys.unplug()
    reading = keys.reading(0.0)
    assert not reading.held and not reading.connected


def test_arrow_keys_come_in_pieces_and_are_whole() -> None:
    named = BINDINGS.model_copy(update={"motion": {"up": "x+", "left": "y+"}})
    keys = Keyboard(named)
    keys.feed(b" ", 0.0)
    keys.feed(b"\x1b", 0.1)
    keys.feed(b"[A", 0.1)
    assert keys.reading(0.1).wish.velocity == (keys.speed, 0, 0)


@given(st.binary(max_size=50), st.floats(0.0, 5.0))
def test_no_bytes_of_a_terminal_hold_longer_than_a_press(data: bytes, wait_s: float) -> None:
    keys = Keyboard(BINDINGS)
    keys.feed(data, 0.0)
    reading = keys.reading(wait_s)
    assert not (reading.held and wait_s >= BINDINGS.held_s)
    assert all(-1.0 <= part <= 1.0 for part in reading.wish.velocity)
