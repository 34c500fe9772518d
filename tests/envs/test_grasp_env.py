"""Grasping as a Gymnasium environment, in simulation."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import robot_learning.envs  # noqa: F401  (registers)
from robot_learning.contract import load_contract
from robot_learning.envs.grasp_env import GraspEnv

# Way (3), sine and cosine of the turn, close, open, end.
STILL = np.array([0, 0, 0, 0, 0, -1, -1, -1], np.float32)
DOWN = np.array([0, 0, -1, 0, 0, -1, -1, -1], np.float32)
UP = np.array([0, 0, 1, 0, 0, 1, -1, -1], np.float32)
CLOSE = np.array([0, 0, 0, 0, 0, 1, -1, -1], np.float32)
END = np.array([1, 1, -1, 0, 0, 1, -1, 1], np.float32)
TASK = load_contract("panda", "bin_grasp").task


@pytest.fixture(scope="module")
def env() -> Iterator[GraspEnv]:
    made = gymnasium.make("robot_learning/BinGrasp-v0")
    yield made.unwrapped  # type: ignore[misc]
    made.close()


def play(env: GraspEnv, seed: int) -> tuple[float, dict]:
    """A grasp straight down on the highest object, which only a simulation knows."""
    env.reset(seed=seed)
    objects = env.hardware.read_scene()["object_position_m"]
    target = objects[np.argmax(objects[:, 2])]
    total, closed, touched = 0.0, 0, False
    for _ in range(TASK.episode_steps):
        tool = env.arm.kinematics.tcp_position(env.arm.state.position_rad)
        way = np.append(target[:2], target[2] - 0.01) - tool
        way[2] = max(way[2], 0.035 - tool[2])
        if not (closed or touched) and np.linalg.norm(way) > 0.012:
            action = STILL + np.append(way / 0.012, np.zeros(5))
        elif closed < 9:
            action, closed = CLOSE, closed + 1
        else:
            high = tool[2] > TASK.success.height_min_m + 0.01
            slipping = abs(env.arm.state.gripper_speed_m_s) > 0.002  # what slips is not yet held
            action = UP if not high else CLOSE if slipping else END
        _, reward, terminated, truncated, info = env.step(np.clip(action, -1, 1).astype(np.float32))
        total += reward
        touched |= "contact" in info["limits"]
        if terminated or truncated:
            break
    return total, info | {"terminated": terminated, "truncated": truncated}


def test_it_keeps_to_the_rules_of_gymnasium(env):
    check_env(env, skip_render_check=True)


def test_an_observation_is_a_picture_with_the_fingers_and_the_tools_place(env):
    seen, info = env.reset(seed=3)
    assert seen["image"].shape == (64, 64, 3) and seen["image"].dtype == np.uint8
    width, speed, x, y, height, *rest = seen["state"]
    assert width == pytest.approx(0.08, abs=1e-3) and abs(speed) < 1e-3
    assert 0.25 < height < 0.35 and abs(x - TASK.bin.centre_m[0]) < 0.1 and abs(y) < 0.1
    np.testing.assert_allclose(rest, [1.0, 0.0, 0.0, 0.0, 0.0], atol=0.02)
    assert not info["is_success"]


def test_the_same_seed_and_actions_give_the_same_episode(env):
    episodes = []
    for _ in range(2):
        env.reset(seed=11)
        episodes.append([env.step(DOWN) for _ in range(5)])
    for first, second in zip(*episodes, strict=True):
        np.testing.assert_array_equal(first[0]["image"], second[0]["image"])
        np.testing.assert_array_equal(first[0]["state"], second[0]["state"])


def test_the_action_ends_the_episode_and_an_empty_hand_is_no_success(env):
    env.reset(seed=0)
    before = env.arm.kinematics.tcp_position(env.arm.state.position_rad)
    _, reward, terminated, truncated, info = env.step(END)
    after = env.arm.kinematics.tcp_position(env.arm.state.position_rad)
    assert (terminated, truncated, info["is_success"]) == (True, False, False)
    assert reward == pytest.approx(-TASK.success.step_penalty)
    assert np.linalg.norm(after - before) < 1e-3
    assert info["executed_action"][7] == 1.0 and info["judgement"]["high"]


def test_the_last_step_without_a_held_lift_is_truncated(env):
    env.reset(seed=0)
    for _ in range(TASK.episode_steps):
        _, reward, terminated, truncated, _ = env.step(STILL)
    assert (terminated, truncated) == (False, True)
    assert reward == pytest.approx(-TASK.success.step_penalty)


def test_a_grasp_from_above_succeeds_now_and_then_and_the_simulator_agrees(env):
    successes = 0
    for seed in range(8):
        total, info = play(env, seed)
        heights = env.hardware.read_scene()["object_position_m"][:, 2]
        assert info["is_success"] == bool((heights > 0.11).any()), (seed, info)
        assert info["is_success"] <= info["terminated"]
        if info["is_success"]:
            penalty = TASK.success.step_penalty
            assert 1.0 - TASK.episode_steps * penalty - 1e-6 <= total <= 1.0 - 20 * penalty
        successes += info["is_success"]
    assert successes >= 1


@pytest.mark.parametrize("bad", [np.full(8, np.nan), np.ones(3)], ids=["NaN", "another length"])
def test_a_refused_action_moves_neither_arm_nor_gripper_and_ends_nothing(env, bad):
    env.reset(seed=2)
    bad = bad.astype(np.float32)
    bad[5:] = 1.0  # close, open, end: none of it counts
    before = env.arm.state
    _, _, terminated, truncated, info = env.step(bad)
    assert not terminated and not truncated
    assert "action_malformed" in info["limits"] and not info["executed_action"].any()
    assert env.arm.state.gripper_width_m == pytest.approx(before.gripper_width_m, abs=1e-4)
    np.testing.assert_allclose(env.arm.state.position_rad, before.position_rad, atol=1e-4)


def test_after_a_fault_the_gripper_keeps_what_it_holds(env):
    env.reset(seed=2)
    for _ in range(9):
        env.step(CLOSE)
    env.arm.controller.fault("stop")
    env.step(STILL + np.array([0, 0, 0, 0, 0, 0, 2, 0], np.float32))
    env.step(STILL + np.array([0, 0, 0, 0, 0, 0, 2, 0], np.float32))
    assert env.arm.state.gripper_width_m < 0.01


def test_a_force_beyond_the_limit_ends_the_task_in_failure_with_its_reason(env):
    env.reset(seed=1)
    fault = "external force 99.0 N is above 40.0 N"
    env.arm.controller.fault(fault)
    _, reward, terminated, truncated, info = env.step(DOWN)
    assert (terminated, truncated) == (True, False) and fault in info["fault"]
    assert reward == -TASK.success.step_penalty
    assert not info["is_success"]
