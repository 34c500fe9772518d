"""Every task over the graph is what it is in one process; the arm is the simulator's."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from obedient_graph import ObedientGraph

from robot_learning.contract import ContractError, load_contract
from robot_learning.control.action import ActionKind
from robot_learning.demonstrations.operators import scripted_operator
from robot_learning.envs import StateEnv, field_slices
from robot_learning.envs.graph_env import GraphEnv
from robot_learning.hardware import open_hardware

pytest.importorskip("pybullet")
TASKS = ("lift", "push", "insertion")


def open_world(task):
    return ObedientGraph(open_hardware("sim", load_contract("panda", task)))


def make_env(world):
    return GraphEnv(world.contract, world, lockstep=True, clock=lambda: world.now_s)


@pytest.fixture(params=TASKS)
def world(request):
    made = open_world(request.param)
    yield made
    made.hardware.close()


@pytest.fixture
def lift():
    made = open_world("lift")
    yield made
    made.hardware.close()


def play(env, operator, seed):
    """Steps, sum of rewards, terminated, truncated and the last info of an episode."""
    observed, _ = env.reset(seed=seed)
    total, steps, terminated, truncated = 0.0, 0, False, False
    while not (terminated or truncated):
        if env.contract.task.has_goal:
            action = operator.act(observed["observation"], observed["desired_goal"])
        else:
            action = operator.act(observed)
        observed, reward, terminated, truncated, info = env.step(action)
        total, steps = total + reward, steps + 1
    return steps, total, terminated, truncated, info


def test_the_scripted_operator_does_the_task_and_it_ends_as_in_one_process(world):
    env, operator = make_env(world), scripted_operator(world.contract)
    beside = StateEnv(open_hardware("sim", world.contract))
    ends = world.contract.task.terminates
    steps, total, terminated, truncated, info = play(env, operator, seed=1)
    alike = play(beside, operator, seed=1)
    assert (terminated, truncated) == alike[2:4] == (ends, not ends)
    assert info["is_success"] and alike[4]["is_success"]
    assert total == 1.0 if ends else -steps < total < 0.0
    assert (alike[1] == 1.0) is (total == 1.0)
    beside.close()


def test_spaces_and_info_are_those_of_one_process_and_more(world):
    env, beside = make_env(world), StateEnv(open_hardware("sim", world.contract))
    assert env.observation_space == beside.observation_space
    assert env.action_space == beside.action_space
    assert isinstance(env.observation_space, spaces.Dict) is world.contract.task.has_goal
    rest = np.zeros(world.contract.task.action.size, np.float32)
    for mine, its in (
        (env.reset(seed=3)[1], beside.reset(seed=3)[1]),
        (env.step(rest)[4], beside.step(rest)[4]),
    ):
        assert set(mine) - set(its) == {"is_intervention", "observation_age_s"}
        assert set(its) <= set(mine)
        assert mine["stamp_s"] == its["stamp_s"]
        assert mine["at_goal"] == its["at_goal"] and mine["is_success"] == its["is_success"]
        if world.contract.task.has_goal:
            # Two measurements of the same scene, each off by as much as the contract says.
            assert mine["distance_m"] == pytest.approx(its["distance_m"], abs=0.01)
    beside.close()


def test_the_same_seed_draws_the_scene_that_it_draws_in_one_process(world):
    env, beside = make_env(world), StateEnv(open_hardware("sim", world.contract))
    name = "object_position_m" if "object_position_m" in world.contract.task.scene else None
    name = name or "target_offset_m"
    at = field_slices(world.contract)[name]
    for seed in (5, 6):
        mine, its = env.reset(seed=seed)[0], beside.reset(seed=seed)[0]
        if world.contract.task.has_goal:
            mine, its = mine["observation"], its["observation"]
        assert mine[at] == pytest.approx(its[at], abs=0.006)
    beside.close()


def test_gymnasiums_own_checker_finds_no_fault(lift):
    check_env(make_env(lift), skip_render_check=True)


@pytest.mark.parametrize("task", ["lift", "push"])
def test_an_episode_begins_with_what_was_seen_after_the_reset(task):
    """The state that the reset was asked for has the same stamp, and the object of before."""
    world = open_world(task)
    env, at = make_env(world), field_slices(world.contract)["object_position_m"]
    env.reset(seed=0)
    before = np.array([0.5, 0.1, 0.025])
    drawn = world.reset

    def reset(seed):
        world.lies_about = {"object_position_m": before}
        drawn(seed)
        world.lies_about = {}

    world.reset, asked = reset, len(world.sent)
    observed, _ = env.reset(seed=1)
    seen = observed["observation"] if world.contract.task.has_goal else observed
    truly = world.hardware.read_scene()["object_position_m"]
    assert seen[at] == pytest.approx(truly, abs=0.006)
    assert seen[at] != pytest.approx(before, abs=0.006)
    assert world.sent[asked:] == [ActionKind.HOLD], "a period of rest, in which time passes"
    world.hardware.close()


@pytest.mark.parametrize(("task", "ends"), [("lift", True), ("push", False), ("insertion", True)])
def test_a_stop_is_a_failure_that_ends_the_task_where_success_would(task, ends):
    world = open_world(task)
    env = make_env(world)
    env.reset(seed=0)
    world.say("safety", lambda: world.listener.set_allowed("safety: FAULT"))
    world.silent.add("receipt")
    action = np.zeros(world.contract.task.action.size, np.float32)
    _, reward, terminated, truncated, info = env.step(action)
    assert (terminated, truncated) == (ends, not ends)
    assert reward == (0.0 if ends else -1.0)
    assert info["fault"] == "safety: FAULT" and not info["is_success"]
    world.hardware.close()


def test_what_a_person_did_is_said_and_is_what_was_executed(lift):
    env = make_env(lift)
    env.reset(seed=0)
    receive = lift.listener.on_receipt
    theirs = np.array([0.0, 0.0, 1.0, 0.0], np.float32)

    def by_person(sequence, receipt):
        receive(sequence, type(receipt)(theirs, theirs, theirs, 0.01, is_intervention=True))

    lift.listener.on_receipt = by_person
    info = env.step(np.zeros(4, np.float32))[4]
    assert info["is_intervention"] and info["executed_action"].tolist() == theirs.tolist()
    assert info["observation_age_s"] == 0.01


def test_rewards_of_goals_are_computed_where_there_are_goals_and_refused_where_not(world):
    env, goals = make_env(world), np.zeros((4, 3), np.float32)
    if world.contract.task.has_goal:
        assert env.compute_reward(goals, goals, {}).tolist() == [0.0] * 4
    else:
        with pytest.raises(TypeError, match="has no goals"):
            env.compute_reward(goals, goals, {})


def test_a_task_that_is_seen_in_pictures_is_refused():
    with pytest.raises(ContractError, match="bin_grasp"):
        GraphEnv(load_contract("panda", "bin_grasp"), None, lockstep=True)
