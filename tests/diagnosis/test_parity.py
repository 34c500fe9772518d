"""Parity of recordings: every mistake in conventions is found, at its joint, by its name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.contract import load_contract
from robot_learning.diagnosis.parity import JointSignals, compare
from robot_learning.identification.recording import MotionError

NAMES = load_contract("panda").robot.arm.joint_names
JOINTS = st.integers(0, 6)
TIMES = np.arange(0.0, 9.0, 0.01)


def moving(seed: int, source: str = "the simulator") -> JointSignals:
    """Joints that all move at once, each by sines of its own."""
    rng = np.random.default_rng(seed)
    hertz = rng.uniform(0.15, 0.9, (3, 7))
    phase = rng.uniform(0.0, 6.0, (3, 7))
    waves = np.sin(2.0 * np.pi * hertz * TIMES[:, None, None] + phase).sum(axis=1)
    home = rng.uniform(-1.5, 1.5, 7)
    return JointSignals(source, NAMES, TIMES, home + 0.15 * waves, 100.0)


def elsewhere(seed: int, lag_s: float, noise_rad: float) -> JointSignals:
    """The same motion, seen later and not exactly."""
    one = moving(seed, "the arm")
    rng = np.random.default_rng(seed + 1)
    late = np.stack([np.interp(TIMES - lag_s, TIMES, c) for c in one.position.T], axis=1)
    return replace(one, position=late + rng.normal(0.0, noise_rad, late.shape))


SEEDS = st.integers(0, 10_000)
LAGS = st.sampled_from([0.0, 0.03, 0.12, 0.3])


def told(first: JointSignals, second: JointSignals) -> set[tuple[str, str]]:
    return {(found.joint, found.kind) for found in compare(first, second).mismatches}


@given(SEEDS, LAGS, st.floats(0.0, 0.002))
def test_the_same_motion_later_and_with_noise_is_the_same(
    seed: int, lag: float, noise: float
) -> None:
    found = compare(moving(seed), elsewhere(seed, lag, noise))
    assert found.mismatches == () and found.untold == ()
    assert found.lag_s == pytest.approx(lag, abs=0.021)


@given(SEEDS, LAGS, JOINTS, JOINTS)
def test_swapped_joints_are_named(seed: int, lag: float, a: int, b: int) -> None:
    second = elsewhere(seed, lag, 1e-4)
    position = second.position.copy()
    position[:, [a, b]] = position[:, [b, a]]
    expected = {(NAMES[a], "order"), (NAMES[b], "order")} if a != b else set()
    assert told(moving(seed), replace(second, position=position)) == expected


@given(SEEDS, LAGS, JOINTS)
def test_a_joint_that_turns_the_other_way_is_named(seed: int, lag: float, joint: int) -> None:
    second = elsewhere(seed, lag, 1e-4)
    position = second.position.copy()
    position[:, joint] *= -1.0
    assert told(moving(seed), replace(second, position=position)) == {(NAMES[joint], "sign")}


@given(SEEDS, LAGS, JOINTS, st.floats(0.05, 3.0), st.booleans())
def test_an_offset_is_named_with_its_size(
    seed: int, lag: float, joint: int, size: float, below: bool
) -> None:
    second = elsewhere(seed, lag, 1e-4)
    position = second.position.copy()
    position[:, joint] += -size if below else size
    found = compare(moving(seed), replace(second, position=position)).mismatches
    assert [(one.joint, one.kind) for one in found] == [(NAMES[joint], "offset")]
    said = float(found[0].text.split()[4])
    assert said == pytest.approx(-size if below else size, abs=0.03)


@given(SEEDS, LAGS, JOINTS, st.booleans())
def test_degrees_in_the_place_of_radians_are_named(
    seed: int, lag: float, joint: int, first: bool
) -> None:
    one, two = moving(seed), elsewhere(seed, lag, 1e-5)
    spoilt = one if first else two
    position = spoilt.position.copy()
    position[:, joint] = np.degrees(position[:, joint])
    spoilt = replace(spoilt, position=position)
    assert told(*((spoilt, two) if first else (one, spoilt))) == {(NAMES[joint], "unit")}


@given(SEEDS, JOINTS, st.sampled_from([0.5, 2.0, 10.0]))
def test_another_scale_is_named_by_its_factor(seed: int, joint: int, factor: float) -> None:
    second = elsewhere(seed, 0.0, 1e-4)
    position = second.position.copy()
    middle = position[:, joint].mean()
    position[:, joint] = factor * position[:, joint]
    found = compare(moving(seed), replace(second, position=position)).mismatches
    assert (NAMES[joint], "scale") in {(one.joint, one.kind) for one in found}, middle
    assert {one.joint for one in found} == {NAMES[joint]}


@given(SEEDS, st.sampled_from([25.0, 50.0, 200.0, 1000.0]))
def test_another_rate_is_named_with_both(seed: int, rate: float) -> None:
    found = compare(moving(seed), replace(elsewhere(seed, 0.02, 0.0), rate_hz=rate)).mismatches
    assert [(one.joint, one.kind) for one in found] == [("", "rate")]
    assert f"{rate:.1f} Hz" in found[0].text and "100.0 Hz" in found[0].text


@given(SEEDS, st.permutations(range(7)))
def test_an_order_that_names_tell_is_no_mistake(seed: int, order: list[int]) -> None:
    second = elsewhere(seed, 0.0, 1e-4)
    shuffled = replace(
        second, names=tuple(NAMES[i] for i in order), position=second.position[:, order]
    )
    assert told(moving(seed), shuffled) == set()


def test_joints_that_did_not_move_are_not_judged_and_a_stuck_one_is() -> None:
    one, two = moving(3), elsewhere(3, 0.0, 0.0)
    still = one.position.copy()
    still[:, 1] = still[0, 1]
    found = compare(replace(one, position=still), two)
    assert found.untold == (NAMES[1],) and found.mismatches == ()
    assert told(one, replace(two, position=still)) == {(NAMES[1], "motion")}


def test_other_joints_and_too_little_time_in_common_are_said() -> None:
    one, two = moving(3), elsewhere(3, 0.0, 0.0)
    other = replace(two, names=tuple(f"arm_{i}" for i in range(7)))
    assert told(one, other) == {("", "names")}
    with pytest.raises(MotionError, match=r"have 0\.00 s in common"):
        compare(one, replace(two, times_s=two.times_s + 100.0))
    with pytest.raises(MotionError, match="not finite"):
        compare(one, replace(two, position=two.position * np.nan))
