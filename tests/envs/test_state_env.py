import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from ideal_arm import IdealArm

from robot_learning.envs import StateEnv, register_envs
from robot_learning.safety.state_machine import SafetyError, SafetyMode


@pytest.fixture
def env():
    return StateEnv(IdealArm(), render_mode="rgb_array")


def towards_goal(observation, gain=50.0):
    error = observation["desired_goal"] - observation["achieved_goal"]
    return np.clip(gain * error, -1.0, 1.0).astype(np.float32)


def episode(env, seed, act):
    """Observations, rewards and infos of one episode."""
    observation, info = env.reset(seed=seed)
    seen, rewards, infos = [observation], [], [info]
    truncated = False
    while not truncated:
        observation, reward, terminated, truncated, info = env.step(act(observation))
        assert not terminated
        seen.append(observation)
        rewards.append(reward)
        infos.append(info)
    return seen, rewards, infos


@pytest.mark.filterwarnings("ignore:.*Box observation space.*infinity:UserWarning")
@pytest.mark.filterwarnings("ignore:.*not having a spec.*:UserWarning")
def test_passes_gymnasiums_own_check():
    check_env(StateEnv(IdealArm(), render_mode="rgb_array"))


def test_the_same_seed_repeats_the_episode_bit_for_bit(env):
    actions = np.random.default_rng(1).uniform(-1, 1, (50, 3)).astype(np.float32)
    runs = []
    for _ in range(2):
        steps = iter(actions)
        runs.append(episode(env, 7, lambda _, steps=steps: next(steps)))
    for (a, b), _ in zip(zip(*(run[0] for run in runs), strict=True), actions, strict=False):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])
    assert runs[0][1] == runs[1][1]


def test_without_a_seed_every_episode_is_another_and_the_row_repeats(env):
    def goals(seed):
        first = env.reset(seed=seed)[0]["desired_goal"]
        return [first, *(env.reset()[0]["desired_goal"] for _ in range(3))]

    once, again = goals(3), goals(3)
    np.testing.assert_array_equal(once, again)
    assert len({tuple(goal) for goal in once}) == 4


def test_an_episode_is_truncated_after_the_contracts_steps(env):
    seen, rewards, _ = episode(env, 0, lambda _: np.zeros(3, np.float32))
    assert len(rewards) == env.contract.task.episode_steps == len(seen) - 1


def test_the_way_to_the_goal_is_a_success_and_standing_still_is_none(env):
    _, rewards, infos = episode(env, 0, towards_goal)
    assert infos[-1]["is_success"] and infos[-1]["at_goal"] and rewards[-1] == 0.0
    _, rewards, infos = episode(env, 0, lambda _: np.zeros(3, np.float32))
    assert not infos[-1]["is_success"] and set(rewards) == {-1.0}


def test_success_counts_only_after_the_hold_steps(env):
    _, rewards, infos = episode(env, 0, towards_goal)
    first = rewards.index(0.0) + 1
    held = env.contract.task.success.hold_steps
    assert [info["is_success"] for info in infos[first : first + held]] == [False] * (held - 1) + [
        True
    ]


def test_compute_reward_gives_the_rewards_of_the_episode(env):
    seen, rewards, _ = episode(env, 2, towards_goal)
    achieved = np.stack([o["achieved_goal"] for o in seen[1:]])
    desired = np.stack([o["desired_goal"] for o in seen[1:]])
    np.testing.assert_array_equal(env.compute_reward(achieved, desired, {}), rewards)


def test_info_tells_what_was_asked_allowed_and_done(env):
    env.reset(seed=0)
    info = env.step(np.array([5.0, 0.0, 0.0], np.float32))[4]
    np.testing.assert_array_equal(info["requested_action"], [5.0, 0.0, 0.0])
    np.testing.assert_array_equal(info["gated_action"], [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(info["executed_action"], [1.0, 0.0, 0.0])
    assert info["limits"] == ("action_range",)
    assert info["stamp_s"] == env.contract.control_period_s


def test_points_on_the_wire_cover_the_control_period_at_the_command_rate(env):
    env.reset(seed=0)
    env.step(np.array([1.0, 0.0, 0.0], np.float32))
    (points,) = env.hardware.trajectories
    np.testing.assert_allclose(
        [p.time_from_start_s for p in points], 0.01 * np.arange(1, 6), atol=1e-12
    )
    np.testing.assert_array_equal(
        points[-1].position_rad, env.arm.controller.commanded_position_rad
    )


def test_the_gripper_is_set_to_the_tasks_width(env):
    env.reset(seed=0)
    assert env.hardware.width_m == env.contract.task.action.gripper_width_m


def test_a_fault_truncates_with_its_reason_and_the_next_reset_arms_again(env):
    env.reset(seed=0)
    env.step(np.ones(3, np.float32))
    env.hardware.broken_state = np.full(7, 9.0)
    env.step(np.ones(3, np.float32))
    _, _, terminated, truncated, info = env.step(np.ones(3, np.float32))
    assert (terminated, truncated) == (False, True)
    assert "from its command" in info["fault"]
    np.testing.assert_array_equal(info["executed_action"], np.zeros(3))
    env.hardware.broken_state = None
    _, info = env.reset()
    assert "fault" not in info and env.arm.controller.mode is SafetyMode.ARMED


def test_actions_that_are_not_finite_never_reach_the_arm(env):
    env.reset(seed=0)
    for _ in range(5):
        _, _, _, truncated, info = env.step(np.full(3, np.nan, np.float32))
    assert truncated and "refused requests in a row" in info["fault"]
    np.testing.assert_array_equal(
        env.arm.controller.commanded_position_rad, env.arm.kinematics.home_position_rad
    )


def test_a_robot_without_a_usable_state_cannot_be_reset(env):
    env.hardware.broken_state = np.full(7, np.nan)
    with pytest.raises(SafetyError, match="position_rad"):
        env.reset(seed=0)


def test_step_before_reset_says_what_to_do(env):
    with pytest.raises(RuntimeError, match="call reset"):
        env.step(np.zeros(3, np.float32))


def test_render_shows_the_contracts_first_camera(env):
    assert env.render().shape == (48, 64, 3)
    assert StateEnv(IdealArm()).render() is None
    with pytest.raises(ValueError, match="rgb_array"):
        StateEnv(IdealArm(), render_mode="human")


def test_close_releases_the_hardware(env):
    env.close()
    assert env.hardware.closed == 1


def test_registered_name_makes_the_environment_with_its_keywords(monkeypatch):
    monkeypatch.setattr(
        "robot_learning.envs.registration.open_hardware",
        lambda name, contract, **options: IdealArm(contract.robot.name),
    )
    register_envs()
    register_envs()
    made = gymnasium.make("robot_learning/Reach-v0", robot="iiwa7")
    assert made.unwrapped.contract.robot.name == "iiwa7"
    assert made.unwrapped.contract.task.name == "reach"


def test_doubt_slows_the_next_step_alone(env):
    env.reset(seed=0)
    action, slow = np.array([1.0, 0.0, 0.0], np.float32), env.contract.robot.operation.doubt
    env.doubt = 2.0 * slow.slow_above
    *_, info = env.step(action)
    np.testing.assert_allclose(info["executed_action"], 0.5 * action)
    assert info["limits"] == ("doubt",)
    *_, info = env.step(action)
    np.testing.assert_allclose(info["executed_action"], action)
    env.doubt = 100.0
    env.reset(seed=0)
    *_, info = env.step(action)
    np.testing.assert_allclose(info["executed_action"], action)


def test_doubt_that_stays_ends_the_episode_with_a_fault(env):
    env.reset(seed=0)
    for number in range(5):
        env.doubt = 100.0
        _, _, terminated, truncated, info = env.step(np.ones(3, np.float32))
        np.testing.assert_array_equal(info["executed_action"], np.zeros(3))
        assert (terminated, truncated) == (False, number == 4)
    assert "knows too little of this state" in info["fault"]
