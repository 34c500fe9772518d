"""On a physical robot a person arranges the scene; targets are drawn as in simulation."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.envs.physical_scene import PhysicalScene, SceneError
from robot_learning.hardware import open_hardware


def test_a_reaching_arm_waits_for_nobody_and_its_targets_are_the_simulators() -> None:
    pytest.importorskip("pybullet")
    scene = PhysicalScene(load_contract("panda", "reach"))
    with open_hardware("sim", load_contract("panda", "reach")) as hardware:
        for seed in range(3):
            hardware.reset(seed)
            target = hardware.read_scene()["target_position_m"]
            np.testing.assert_array_equal(scene.begin(seed), target)


def test_before_every_episode_with_objects_a_person_says_that_they_are_in_place() -> None:
    scene = PhysicalScene(load_contract("panda", "lift"))
    with pytest.raises(SceneError, match="scene/arranged"):
        scene.begin(0)
    scene.arranged()
    assert scene.begin(0) is None
    with pytest.raises(SceneError, match="scene/arranged"):
        scene.begin(1)


def test_a_target_for_pushing_keeps_away_from_where_the_object_was_seen() -> None:
    contract = load_contract("panda", "push")
    scene = PhysicalScene(contract, asks=False)
    with pytest.raises(SceneError, match="object_pose"):
        scene.begin(0)
    for seed in range(20):
        place = np.array([0.5, 0.0, 0.025])
        scene.on_object(place)
        target = scene.begin(seed)
        assert target is not None
        assert np.linalg.norm((target - place)[:2]) >= contract.task.target_distance_min_m
        np.testing.assert_array_equal(target, scene.begin(seed))


def test_a_word_that_came_while_the_object_was_hidden_still_counts() -> None:
    scene = PhysicalScene(load_contract("panda", "push"))
    scene.arranged()
    with pytest.raises(SceneError, match="object_pose"):
        scene.begin(0)
    scene.on_object(np.array([0.5, 0.0, 0.025]))
    assert scene.begin(0) is not None
