"""The environment over the real simulator, opened by its entry point as everywhere."""

import numpy as np
import pytest

from robot_learning.contract import Contract, load_contract
from robot_learning.envs import StateEnv
from robot_learning.hardware import open_hardware

pytest.importorskip("pybullet")


ARMS = {"panda": "reach", "fr3": "reach", "iiwa7": "reach", "gen3": "reach_near"}


@pytest.fixture(scope="module", params=ARMS)
def env(request):
    try:
        hardware = open_hardware("sim", load_contract(request.param, ARMS[request.param]))
    except LookupError as error:
        pytest.skip(str(error))
    made = StateEnv(hardware)
    yield made
    made.close()


def run(env, seed):
    """A proportional policy's episode: last info, and how far the arm was from its command."""
    observation, info = env.reset(seed=seed)
    lag_rad, limits, truncated = 0.0, set(), False
    while not truncated:
        error = observation["desired_goal"] - observation["achieved_goal"]
        observation, _, _, truncated, info = env.step(np.clip(50.0 * error, -1.0, 1.0))
        q = observation["observation"][:7]
        lag_rad = max(lag_rad, float(np.abs(q - env.arm.controller.commanded_position_rad).max()))
        limits |= set(info["limits"])
    return info, lag_rad, limits


def test_a_proportional_policy_reaches_the_goals_in_simulation(env):
    results = [run(env, seed) for seed in range(20)]
    assert all("fault" not in info for info, _, _ in results)
    assert sum(info["is_success"] for info, _, _ in results) >= 19
    assert max(lag for _, lag, _ in results) < 0.01


def test_a_simulated_episode_repeats_bit_for_bit(env):
    def trace():
        observation, _ = env.reset(seed=11)
        rows = [observation["observation"]]
        for action in np.random.default_rng(0).uniform(-1, 1, (20, 3)).astype(np.float32):
            rows.append(env.step(action)[0]["observation"])
        return np.array(rows)

    np.testing.assert_array_equal(trace(), trace())


def test_where_it_anticipates_it_shows_the_arm_where_it_is_told_to_be() -> None:
    data = load_contract("panda").model_dump(mode="json")
    data["robot"]["simulation"]["control_delay_s"] = 0.2
    env = StateEnv(open_hardware("sim", Contract.model_validate(data)), anticipate=True)
    try:
        env.reset(seed=1)
        for _ in range(6):
            observation = env.step(np.array([0.0, 1.0, 0.0], np.float32))[0]
        told = env.arm.controller.commanded_position_rad
        np.testing.assert_allclose(observation["observation"][:7], told, atol=1e-6)
        assert np.abs(env.arm.state.position_rad - told).max() > 0.01
    finally:
        env.close()
