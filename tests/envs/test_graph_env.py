"""The environment over the graph, on a link that answers at once; tests/graph has the real one."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from ideal_arm import IdealArm
from obedient_graph import ObedientGraph

from robot_learning.control.action import ActionKind
from robot_learning.envs.graph_env import GraphEnv
from robot_learning.envs.graph_session import GraphError


@pytest.fixture
def world():
    return ObedientGraph(IdealArm())


@pytest.fixture
def env(world):
    return GraphEnv(world.contract, world, lockstep=True, clock=lambda: world.now_s)


def test_gymnasiums_own_checker_finds_no_fault(env):
    check_env(env, skip_render_check=True)


def test_an_episode_is_truncated_after_the_contracts_steps_and_never_terminated(env, world):
    env.reset(seed=0)
    ends = [env.step(np.zeros(3, np.float32))[2:4] for _ in range(50)]
    assert world.contract.task.episode_steps == 50
    assert ends == [(False, False)] * 49 + [(False, True)]


def test_moving_towards_the_goal_succeeds(env):
    observation, _ = env.reset(seed=3)
    over = False
    while not over:
        way = observation["desired_goal"] - observation["achieved_goal"]
        action = np.clip(8.0 * way, -1, 1).astype(np.float32)
        observation, reward, _, over, info = env.step(action)
    assert info["is_success"] and reward == 0.0
    assert info["executed_action"].shape == (3,)


def test_the_same_seed_gives_the_same_goal(env):
    first, _ = env.reset(seed=5)
    again, _ = env.reset(seed=5)
    assert np.array_equal(first["desired_goal"], again["desired_goal"])


def test_rewards_of_a_batch_of_goals_can_be_computed_anew(env):
    goals = np.zeros((4, 3), np.float32)
    assert env.compute_reward(goals, goals, {}).tolist() == [0.0] * 4


def test_loss_of_the_permission_to_move_truncates_with_its_reason(env, world):
    env.reset(seed=0)
    world.say("safety", lambda: world.listener.set_allowed("safety: estop"))
    world.silent.add("receipt")
    _, _, terminated, truncated, info = env.step(np.zeros(3, np.float32))
    assert (terminated, truncated, info["fault"]) == (False, True, "safety: estop")
    with pytest.raises(RuntimeError, match="call reset"):
        env.step(np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("silent", "missing"),
    [
        ("receipt", "executed_action of step 0 from the arm driver"),
        ("reward", "reward from the reward"),
    ],
)
def test_a_node_that_does_not_answer_is_named(env, world, silent, missing):
    env.reset(seed=0)
    world.silent.add(silent)
    with pytest.raises(GraphError, match=missing):
        env.step(np.zeros(3, np.float32))


def test_a_graph_that_is_not_there_is_an_error_that_says_what_to_do():
    world = ObedientGraph(IdealArm())
    world.silent.add("state")
    env = GraphEnv(world.contract, world, lockstep=True, clock=lambda: world.now_s)
    with pytest.raises(GraphError, match="joint_states; is the graph running in this ROS domain"):
        env.reset()


def test_what_is_asked_before_the_graph_listens_is_asked_again(env, world):
    world.deaf_to = 2
    env.reset(seed=0)
    assert world.sent[:3] == [ActionKind.HOLD] * 3
    assert env.step(np.zeros(3, np.float32))[2:4] == (False, False)


def test_doubt_goes_with_the_request_of_the_next_step_alone(env):
    env.reset(seed=0)
    action = np.array([1.0, 0.0, 0.0], np.float32)
    env.doubt = 2.0 * env.contract.robot.operation.doubt.slow_above
    *_, info = env.step(action)
    np.testing.assert_allclose(info["executed_action"], 0.5 * action)
    assert info["limits"] == ("doubt",)
    *_, info = env.step(action)
    np.testing.assert_allclose(info["executed_action"], action)


def test_the_graph_is_met_once(env, world):
    env.reset(seed=0)
    env.reset(seed=1)
    assert world.sent.count(ActionKind.HOLD) == 1


@pytest.mark.parametrize("silent", ["executed_action from the arm driver", "reward"])
def test_a_node_that_never_answers_is_named_before_an_episode_begins(silent):
    world = ObedientGraph(IdealArm())
    world.silent.add("receipt" if "driver" in silent else "reward")
    env = GraphEnv(world.contract, world, lockstep=True, clock=lambda: world.now_s)
    with pytest.raises(GraphError, match=f"waiting for: {silent};"):
        env.reset()


def test_a_refused_reset_says_why(env, world):
    world.refuse_reset = "the simulator is not active"
    with pytest.raises(GraphError, match="not reset: the simulator is not active"):
        env.reset()


def test_closing_asks_the_arm_to_rest(env, world):
    env.reset(seed=0)
    env.close()
    assert world.closed and world.sent[-1] is ActionKind.HOLD
