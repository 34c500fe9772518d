from __future__ import annotations

import inspect

import numpy as np
import pytest

from robot_learning.contract import load_contract, task
from robot_learning.hardware import Hardware, RobotState
from sim import tasks as sim_tasks
from sim.hardware import SimHardware


def test_every_method_of_the_protocol_is_there_with_its_parameters():
    for name, wanted in inspect.getmembers(Hardware, inspect.isfunction):
        if not name.startswith("_"):
            found = inspect.signature(getattr(SimHardware, name))
            assert list(found.parameters) == list(inspect.signature(wanted).parameters), name


@pytest.mark.parametrize("name", ["panda", "fr3", "iiwa7", "xarm7", "gen3"])
def test_starts_at_home_at_rest_with_the_gripper_open(opened, home, name):
    contract = load_contract(name)
    state = opened(contract, start_time_s=5.0).read_state()
    assert isinstance(state, RobotState)
    assert state.stamp_s == 5.0
    np.testing.assert_allclose(state.position_rad, home(contract), atol=1e-12)
    assert not state.velocity_rad_s.any()
    assert not state.wrench.any()
    assert state.gripper_width_m == pytest.approx(contract.robot.gripper.width_max_m)
    assert state.position_rad.dtype == state.effort_nm.dtype == np.float64
    assert state.effort_nm.shape == (7,)
    assert state.wrench.shape == (6,)


@pytest.mark.parametrize("name", ["panda", "iiwa7"])
def test_holds_home_against_gravity_with_less_than_a_milliradian_of_sag(opened, home, name):
    contract = load_contract(name)
    hardware = opened(contract)
    at_rest = hardware.read_state()
    hardware.step(3.0)
    state = hardware.read_state()
    assert np.abs(state.position_rad - home(contract)).max() < 1e-3
    assert np.abs(state.effort_nm).max() > 5.0
    np.testing.assert_allclose(at_rest.effort_nm, state.effort_nm, atol=0.2)


def test_time_does_not_drift_where_a_step_is_no_whole_number_of_physics_steps(opened, panda):
    hardware = opened(panda)
    for index in range(1, 301):
        hardware.step(0.01)
        assert hardware.time_s == pytest.approx(0.01 * index, abs=1e-9)
        assert 0.01 * index - 1 / 240 - 1e-9 <= hardware.read_state().stamp_s <= 0.01 * index + 1e-8
    assert hardware.read_state().stamp_s == pytest.approx(3.0, abs=1e-9)


def test_one_control_period_is_twelve_physics_steps(opened, panda):
    hardware = opened(panda)
    for index in range(1, 41):
        hardware.step(panda.control_period_s)
        assert hardware.read_state().stamp_s == pytest.approx(0.05 * index, abs=1e-9)


def test_stamps_never_go_back_and_a_reset_is_younger_than_what_was_before(opened, panda):
    hardware = opened(panda)
    hardware.step(0.123)
    before = hardware.read_state().stamp_s
    hardware.reset(1)
    assert hardware.read_state().stamp_s > before
    assert hardware.time_s >= hardware.read_state().stamp_s


def test_targets_are_uniform_in_the_goal_box(opened, panda):
    hardware = opened(panda)
    box = panda.task.goal.box
    targets = []
    for seed in range(300):
        hardware.redraw_scene(seed)
        targets.append(hardware.read_scene()["target_position_m"])
    assert (np.array(targets) >= box.min_m).all()
    assert (np.array(targets) <= box.max_m).all()
    middle = (np.array(box.min_m) + box.max_m) / 2
    tolerance = 5 * np.subtract(box.max_m, box.min_m) / np.sqrt(12 * 300)
    assert (np.abs(np.mean(targets, axis=0) - middle) < tolerance).all()


def test_redrawing_the_scene_leaves_the_arm_and_the_clock(opened, panda, home, glide):
    left, right = opened(panda), opened(panda)
    for hardware in (left, right):
        hardware.write_joint_trajectory(glide(home(panda), np.full(7, 0.2), 20))
        hardware.step(0.05)
    left.redraw_scene(9)
    assert left.time_s == right.time_s
    for hardware in (left, right):
        hardware.step(0.1)
    np.testing.assert_array_equal(left.read_state().position_rad, right.read_state().position_rad)
    right.reset(9)
    assert (left.read_scene()["target_position_m"] == right.read_scene()["target_position_m"]).all()


@pytest.mark.parametrize("duration", [-0.01, float("nan"), float("inf")])
def test_a_duration_that_is_none_is_refused(opened, panda, duration):
    with pytest.raises(ValueError, match="duration"):
        opened(panda).step(duration)


def test_closing_twice_is_fine_and_use_after_it_is_refused(panda, glide, home):
    hardware = SimHardware(panda)
    hardware.close()
    hardware.close()
    uses = [
        hardware.read_state,
        hardware.read_scene,
        lambda: hardware.read_camera("camera"),
        lambda: hardware.reset(0),
        lambda: hardware.redraw_scene(0),
        lambda: hardware.step(0.05),
        lambda: hardware.write_gripper(0.0, 1.0),
        lambda: hardware.write_joint_trajectory(glide(home(panda), np.zeros(7))),
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match="was closed"):
            use()


def test_every_kind_of_task_has_a_scene() -> None:
    assert set(sim_tasks.TASKS) == set(task.TASKS)
