"""Lift, push and insertion in the simulator: scripted operators, and success against its truth."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from robot_learning.demonstrations.operators import Operator, scripted_operator
from robot_learning.envs import StateEnv, make_env

pytest.importorskip("pybullet")
TASKS = ("lift", "push", "insertion")


@pytest.fixture(scope="module", params=TASKS)
def env(request: pytest.FixtureRequest) -> Any:
    made = make_env("panda", request.param)
    yield made
    made.close()


def play(
    env: StateEnv, operator: Operator, seed: int, noise_std: float = 0.0
) -> tuple[list[Any], dict[str, Any], bool, bool]:
    """An episode's observations, its last info, terminated and truncated."""
    rng = np.random.default_rng(seed)
    observed, _ = env.reset(seed=seed)
    seen, terminated, truncated = [observed], False, False
    while not (terminated or truncated):
        vector, goal = observed, None
        if env.contract.task.has_goal:
            vector, goal = observed["observation"], observed["desired_goal"]
        action = operator.act(vector, goal)
        action = np.clip(action + noise_std * rng.standard_normal(action.size), -1.0, 1.0)
        observed, _, terminated, truncated, info = env.step(action.astype(np.float32))
        seen.append(observed)
    return seen, info, terminated, truncated


def truly_done(env: StateEnv) -> bool:
    """What the simulator knows and the robot does not."""
    task, truth = env.contract.task, env.hardware.read_truth()
    if task.kind == "lift":
        lifted = truth["object_position_m"][2] > task.success.height_min_m - 0.005
        return bool(lifted and truth["fingers_touching"] == 2)
    if task.kind == "push":
        goal = env.hardware.read_scene()["target_position_m"]
        away = np.linalg.norm(truth["object_position_m"] - goal)
        return bool(away < task.success.distance_max_m + 0.005)
    clearance = task.socket.hole_width_m / 2 - task.peg.radius_m
    # Walls give way, as a hand does, by about as much as the peg has room.
    inside = truth["offset_m"] < 2 * clearance + 0.001
    return bool(inside and truth["depth_m"] > task.success.depth_min_m - 0.002)


def test_the_operator_succeeds_and_the_simulator_agrees(env: StateEnv) -> None:
    operator, terminates = scripted_operator(env.contract), env.contract.task.terminates
    for seed in range(5):
        _, info, terminated, truncated = play(env, operator, seed, noise_std=0.05)
        assert info["is_success"] and truly_done(env), f"seed {seed}"
        assert (terminated, truncated) == (terminates, not terminates)
        assert "fault" not in info


def test_an_operator_that_is_to_fail_fails_in_the_simulators_eyes_too(env: StateEnv) -> None:
    operator, rng = scripted_operator(env.contract), np.random.default_rng(0)
    for seed in range(3):
        _, info, _, _ = play(env, operator.failing(rng), seed)
        assert not info["is_success"] and not truly_done(env), f"seed {seed}"
    assert not operator.error_m.any()  # it was another one


def test_what_a_clumsy_hand_achieves_is_judged_as_it_is(env: StateEnv) -> None:
    """Neither taken for a success where it is none, nor the other way round."""
    for seed in range(6):
        _, info, _, _ = play(env, scripted_operator(env.contract), 100 + seed, noise_std=0.5)
        if info["is_success"]:
            assert truly_done(env), f"seed {100 + seed}"


def test_an_episode_repeats_bit_for_bit(env: StateEnv) -> None:
    def trace() -> Any:
        seen = play(env, scripted_operator(env.contract), 3, noise_std=0.2)[0]
        rows = [s["observation"] if isinstance(s, dict) else s for s in seen]
        return np.array(rows)

    np.testing.assert_array_equal(trace(), trace())


def test_every_episode_has_another_scene_within_the_contracts_region(env: StateEnv) -> None:
    task = env.contract.task
    region = task.socket.region if task.kind == "insertion" else task.object.region
    name = "target_position_m" if task.kind == "insertion" else "object_position_m"
    places = []
    for seed in range(20):
        env.reset(seed=seed)
        places.append(env.hardware.read_truth()[name][:2])
    low, high = np.min(places, axis=0), np.max(places, axis=0)
    assert (low >= region.min_m).all() and (high <= region.max_m).all()
    assert (high - low > 0.6 * np.subtract(region.max_m, region.min_m)).all()


def test_what_is_measured_is_off_by_no_more_than_the_contract_says(env: StateEnv) -> None:
    error_m = env.contract.task.randomisation.position_error_m
    name = "target_position_m" if env.contract.task.kind == "insertion" else "object_position_m"
    errors = []
    for seed in range(20):
        env.reset(seed=seed)
        errors.append(env.hardware.read_scene()[name] - env.hardware.read_truth()[name])
    assert 0.5 * error_m < np.abs(errors).max() <= error_m + 1e-12


def test_a_push_against_the_wrist_is_felt_in_the_observation() -> None:
    env = make_env("panda", "insertion")
    try:
        operator = scripted_operator(env.contract)
        operator.error_m = np.array([0.02, 0.0])  # onto the rim
        seen, info, terminated, truncated = play(env, operator, 1)
        upward_n = max(float(row[-4]) for row in seen)
        assert upward_n > 2.0 and not info["is_success"]
        assert truncated and not terminated and len(seen) == env.contract.task.episode_steps + 1
    finally:
        env.close()


def test_a_fault_is_a_failure_that_ends_the_task_where_success_would() -> None:
    env = make_env("panda", "lift")
    try:
        env.reset(seed=0)
        env.arm.controller.fault("for the test")
        _, reward, terminated, truncated, info = env.step(np.zeros(4, np.float32))
        assert (reward, terminated, truncated) == (0.0, True, False)
        assert info["fault"] == "for the test" and not info["is_success"]
    finally:
        env.close()


@pytest.mark.parametrize("name", ["Lift", "Push", "Insertion"])
def test_gymnasium_makes_them_by_name(name: str) -> None:
    env = gymnasium.make(f"robot_learning.envs:robot_learning/{name}-v0", robot="iiwa7")
    try:
        observed, _ = env.reset(seed=0)
        assert env.observation_space.contains(observed)
        assert env.step(env.action_space.sample())[1] in (0.0, -1.0)
    finally:
        env.close()


@pytest.mark.parametrize("robot", ["fr3", "iiwa7"])
@pytest.mark.parametrize("task", TASKS)
def test_another_robot_does_them_with_the_same_operator(robot: str, task: str) -> None:
    env = make_env(robot, task)
    try:
        found = [play(env, scripted_operator(env.contract), seed)[1] for seed in range(2)]
        assert all(info["is_success"] for info in found), found
    finally:
        env.close()
