from __future__ import annotations

import numpy as np
import pytest


def test_noise_has_the_contracts_size_and_does_not_move_the_arm(opened, panda, with_simulation):
    noisy = opened(
        with_simulation(panda, position_noise_rad=0.01, velocity_noise_rad_s=0.1), seed=4
    )
    exact = opened(panda, seed=4)
    positions, velocities = [], []
    for _ in range(300):
        noisy.step(1 / 240)
        exact.step(1 / 240)
        left, right = noisy.read_state(), exact.read_state()
        positions.append(left.position_rad - right.position_rad)
        velocities.append(left.velocity_rad_s - right.velocity_rad_s)
        np.testing.assert_array_equal(left.effort_nm, right.effort_nm)
    # 2100 draws: the standard deviation is known to 1.5 %.
    assert np.std(positions) == pytest.approx(0.01, rel=0.08)
    assert np.std(velocities) == pytest.approx(0.1, rel=0.08)
    assert abs(np.mean(positions)) < 0.001


def test_one_measurement_read_twice_is_the_same(opened, panda, with_simulation):
    hardware = opened(with_simulation(panda, position_noise_rad=0.01))
    hardware.step(0.05)
    first, second = hardware.read_state(), hardware.read_state()
    np.testing.assert_array_equal(first.position_rad, second.position_rad)


def test_noise_follows_from_the_seed(opened, panda, with_simulation):
    contract = with_simulation(panda, position_noise_rad=0.01)
    a, b, c = (opened(contract, seed=seed).read_state() for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.position_rad, b.position_rad)
    assert (a.position_rad != c.position_rad).all()


def test_a_late_state_is_the_state_of_then_with_the_stamp_of_then(
    opened, panda, home, glide, with_simulation
):
    prompt = opened(panda)
    late = opened(with_simulation(panda, state_latency_s=0.02))
    exact = {}
    for hardware in (prompt, late):
        hardware.write_joint_trajectory(glide(home(panda), np.full(7, 0.5), 50))
    for index in range(1, 60):
        prompt.step(0.01)
        late.step(0.01)
        seen = late.read_state()
        exact[prompt.read_state().stamp_s] = prompt.read_state()
        age = late.time_s - seen.stamp_s
        if index >= 2:
            assert 0.02 - 1e-6 <= age < 0.02 + 1 / 240 + 1e-6
        if seen.stamp_s in exact:
            np.testing.assert_array_equal(seen.position_rad, exact[seen.stamp_s].position_rad)
            np.testing.assert_array_equal(seen.wrench, exact[seen.stamp_s].wrench)


def test_before_the_first_state_arrives_the_state_of_the_reset_is_seen(
    opened, panda, home, glide, with_simulation
):
    hardware = opened(with_simulation(panda, state_latency_s=0.03))
    hardware.write_joint_trajectory(glide(home(panda), np.full(7, 0.5), 50))
    hardware.step(0.3)
    before = hardware.read_state().stamp_s
    hardware.reset(0)
    state = hardware.read_state()
    assert state.stamp_s > before
    np.testing.assert_allclose(state.position_rad, home(panda), atol=1e-12)
    hardware.step(0.02)
    assert hardware.read_state().stamp_s == state.stamp_s


def test_a_measurement_cannot_be_changed_by_its_reader(opened, panda):
    state = opened(panda).read_state()
    with pytest.raises(ValueError, match="read-only"):
        state.position_rad[0] = 1.0
