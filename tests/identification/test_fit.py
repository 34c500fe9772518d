"""Identification: what it finds, and of what it says that it cannot be found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motion_samples import (
    CONTRACT,
    COULOMB,
    DAMPING,
    DELAY_S,
    LATENCY_S,
    STIFFNESS,
    VISCOUS,
    recorded,
    short_plan,
)

from robot_learning.identification.estimates import Identification
from robot_learning.identification.fit import identify
from robot_learning.identification.recording import MotionError, MotionRecording
from robot_learning.identification.settle import suggested_randomisation


@pytest.fixture(scope="module")
def motion() -> MotionRecording:
    return recorded()


@pytest.fixture(scope="module")
def found(motion: MotionRecording) -> Identification:
    return identify([motion], CONTRACT)


def values(estimates: tuple[object, ...]) -> list[float]:
    return [estimate.value for estimate in estimates]  # type: ignore[attr-defined]


def test_delay_latency_gains_and_friction_are_found(found: Identification) -> None:
    assert found.control_delay_s.value == pytest.approx(DELAY_S, abs=0.002)
    assert found.state_latency_s is not None
    assert found.state_latency_s.value == pytest.approx(LATENCY_S, abs=1e-6)
    np.testing.assert_allclose(values(found.stiffness_1_s2), STIFFNESS, rtol=0.1)
    np.testing.assert_allclose(values(found.damping_1_s), DAMPING, rtol=0.1)
    np.testing.assert_allclose(values(found.viscous_friction_1_s), VISCOUS, atol=1.0)
    np.testing.assert_allclose(values(found.coulomb_friction_rad_s2), COULOMB, atol=0.1)
    assert found.residual_rad.max() < 5e-5 and found.unsure == ()


def test_intervals_hold_their_values_and_suggest_ranges_about_them(found: Identification) -> None:
    for name in ("stiffness_1_s2", "damping_1_s", "coulomb_friction_rad_s2"):
        assert all(each.low <= each.value <= each.high for each in getattr(found, name))
    low, high = suggested_randomisation(found)["control_delay_s"]
    assert low <= found.control_delay_s.value - 0.0049
    assert high >= found.control_delay_s.value + 0.0049
    low, high = suggested_randomisation(found)["stiffness_factor"]
    assert low <= 0.9 and high >= 1.1


def test_nineteen_of_twenty_truths_lie_in_their_intervals(found: Identification) -> None:
    truths = {
        "stiffness_1_s2": STIFFNESS,
        "damping_1_s": DAMPING,
        "viscous_friction_1_s": VISCOUS,
        "coulomb_friction_rad_s2": COULOMB,
    }
    pairs = [(found.control_delay_s, DELAY_S)]
    for name, of_joints in truths.items():
        pairs += zip(getattr(found, name), of_joints, strict=True)
    # By chance fewer than 25 of 29 in one of 70 recordings.
    assert sum(estimate.low <= truth <= estimate.high for estimate, truth in pairs) >= 25


def test_joints_that_did_not_move_enough_are_named(motion: MotionRecording) -> None:
    still = motion.position_rad.copy()
    still[:, [2, 5]] = still[0, [2, 5]]
    with pytest.raises(MotionError) as error:
        identify([replace(motion, position_rad=still)], CONTRACT)
    assert "panda_joint3 0.0000 rad, panda_joint6 0.0000 rad (each needs 0.02" in str(error.value)


def test_what_noise_drowns_is_called_unsure() -> None:
    loud = recorded(short_plan(), noise_rad=0.05)
    assert identify([loud], CONTRACT).unsure
