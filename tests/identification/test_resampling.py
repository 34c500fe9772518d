from __future__ import annotations

import numpy as np
import pytest

from robot_learning.identification.resampling import RESAMPLES, common_delay

BLOCKS = np.full(7, 15)


def delays(rng: np.random.Generator, spread_s: float, wrong_s: float = 0.0) -> np.ndarray:
    """What seven joints say in each resample; the third is sure of something else."""
    truth_s = 0.05 + rng.normal(0.0, spread_s, 7)
    truth_s[2] += wrong_s
    return truth_s + rng.normal(0.0, spread_s, (RESAMPLES, 7))


@pytest.mark.parametrize("wrong_s", [0.0, 0.002, -0.02])
def test_one_joint_that_moves_otherwise_does_not_move_the_delay_of_all(wrong_s: float) -> None:
    rng = np.random.default_rng(0)
    errors, held = [], 0
    for _ in range(200):
        value_s, drawn_s = common_delay(delays(rng, 1e-4, wrong_s), BLOCKS, rng)
        low_s, high_s = np.percentile(drawn_s, (2.5, 97.5))
        errors.append(value_s - 0.05)
        held += low_s <= 0.05 <= high_s
    assert abs(np.mean(errors)) < 3e-5 and np.std(errors) < 7e-5
    assert held >= 184  # 92 %: of 190 that are due, two standard deviations less


def test_a_joint_that_knows_its_delay_outweighs_those_that_do_not() -> None:
    rng = np.random.default_rng(0)
    said_s = delays(rng, 1e-3)
    said_s[:, 4] = 0.05 + rng.normal(0.0, 1e-6, RESAMPLES)
    assert common_delay(said_s, BLOCKS, rng)[0] == pytest.approx(0.05, abs=1e-5)
