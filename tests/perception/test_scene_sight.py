"""States, objects, wrenches and targets, joined to moments whatever comes first."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.hardware import RobotState
from robot_learning.perception.scene_sight import SceneSight

PLACE = np.array([0.5, 0.1, 0.02])


def state(stamp_s: float) -> RobotState:
    zeros = np.zeros(7)
    return RobotState(stamp_s, zeros, zeros, zeros, 0.0, 0.0, 0.0, np.zeros(6))


def sight(task: str, *, lockstep: bool = True, with_target: bool = True) -> SceneSight:
    return SceneSight(load_contract("panda", task), lockstep=lockstep, with_target=with_target)


def test_a_task_without_objects_needs_no_more_than_the_state() -> None:
    moment = sight("reach", with_target=False).on_state(state(1.0))
    assert moment is not None and moment.state.stamp_s == 1.0 and not moment.scene


@pytest.mark.parametrize("object_first", [True, False])
def test_a_moment_is_whole_once_the_object_of_its_stamp_is_there(object_first: bool) -> None:
    seen = sight("lift")
    if object_first:
        assert seen.on_part("object_position_m", 1.0, PLACE) is None
        moment = seen.on_state(state(1.0))
    else:
        assert seen.on_state(state(1.0)) is None and seen.missing() == "object_pose"
        moment = seen.on_part("object_position_m", 1.0, PLACE)
    assert moment is not None
    np.testing.assert_array_equal(moment.scene["object_position_m"], PLACE)
    assert seen.on_part("object_position_m", 1.0, PLACE) is None  # once


def test_in_lockstep_the_object_of_another_state_does_not_count() -> None:
    seen = sight("lift")
    seen.on_part("object_position_m", 1.0, PLACE)
    assert seen.on_state(state(1.02)) is None
    assert seen.on_part("object_position_m", 1.02, PLACE) is not None


def test_in_real_time_a_measurement_counts_until_it_is_too_old() -> None:
    seen = sight("lift", lockstep=False)
    seen.on_part("object_position_m", 1.0, PLACE)
    assert seen.on_state(state(1.099)) is not None
    assert seen.on_state(state(1.101)) is None and seen.missing() == "object_pose"


def test_what_the_wrist_feels_and_where_the_hole_is_belong_to_an_insertion() -> None:
    seen, wrench = sight("insertion"), np.arange(6.0)
    assert seen.needs == {"wrench"}
    assert seen.on_state(state(1.0)) is None and seen.missing() == "wrench"
    assert seen.on_part("wrench", 1.0, wrench) is None and seen.missing() == "target_pose"
    moment = seen.on_target(PLACE)
    assert moment is not None
    np.testing.assert_array_equal(moment.state.wrench, wrench)
    np.testing.assert_array_equal(moment.scene["target_position_m"], PLACE)


def test_whoever_knows_the_target_himself_need_not_wait_for_it() -> None:
    seen = sight("insertion", with_target=False)
    seen.on_part("wrench", 1.0, np.zeros(6))
    moment = seen.on_state(state(1.0))
    assert moment is not None and "target_position_m" not in moment.scene
