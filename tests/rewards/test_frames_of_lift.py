"""A scripted operator's pictures in simulation, labelled by the task; a classifier's reward."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_learning.contract import ContractError, load_contract
from robot_learning.hardware import open_hardware
from robot_learning.rewards.pixels.classifier import (
    ClassifierError,
    SuccessClassifier,
    SuccessNetwork,
)
from robot_learning.rewards.pixels.collecting import collect_frames
from robot_learning.rewards.pixels.frames import FrameStore, PictureView
from robot_learning.rewards.pixels.state_judge import classifier_of
from robot_learning.training.tasks import make_contract_environment

CONTRACT = load_contract("panda", "lift")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = FrameStore(tmp_path_factory.mktemp("frames"), PictureView.of(CONTRACT))
    hardware = open_hardware("sim", CONTRACT)
    pictures, successes = collect_frames(
        hardware, made, episodes=3, seed=1, failure_share=0.34, on_episode=lambda: None
    )
    hardware.close()
    assert pictures == sum(map(len, made.episodes())) and successes > 0
    return made


def test_success_is_seen_for_a_while_and_failures_on_purpose_show_none(store):
    shown = [episode.labels for episode in store.episodes()]
    assert sorted(bool(labels.any()) for labels in shown) == [False, True, True]
    for labels in shown:
        assert not labels[0]
        if labels.any():
            assert labels[-1] and labels.sum() >= 5


class Idle:
    """A policy that stays where it is."""

    def act(self, observation):
        del observation
        return np.zeros(4, np.float32)


def test_a_policys_pictures_are_labelled_by_the_task_and_told_from_the_operators(tmp_path):
    made = FrameStore(tmp_path, PictureView.of(CONTRACT))
    hardware = open_hardware("sim", CONTRACT)
    counts = collect_frames(
        hardware,
        made,
        episodes=1,
        seed=1,
        failure_share=0.0,
        on_episode=lambda: None,
        policy=Idle(),
    )
    hardware.close()
    (episode,) = made.episodes()
    assert counts == (61, 0) and episode.name.startswith("policy1-")


def says(store: FrameStore, folder: Path, probability: float) -> Path:
    """A classifier that says the same of every picture; two in a row are a success."""
    network = SuccessNetwork(store.view.size_px, 4, torch.Generator())
    with torch.no_grad():
        network.head.bias.fill_(math.log(probability / (1.0 - probability)))
    limits = {"temperature": 1.0, "threshold": 0.5, "hold_steps": 2}
    SuccessClassifier(network, store.view, **limits, about={}).save(folder)
    return folder


@pytest.mark.parametrize(("probability", "steps", "reward"), [(0.999, 1, 1.0), (0.001, 3, 0.0)])
def test_in_training_its_word_is_the_only_reward(store, tmp_path, probability, steps, reward):
    environment = make_contract_environment(CONTRACT, says(store, tmp_path, probability))
    environment.reset(seed=0)  # the first of the two pictures in a row
    for _ in range(steps):
        result = environment.step(np.zeros(4, np.float32))
    environment.close()
    assert result[1] == reward and result[2] is bool(reward)
    assert result[4]["is_success"] is bool(reward)


def other_crop(task):
    picture = task.success_image.model_copy(update={"crop_side": 0.3})
    return task.model_copy(update={"success_image": picture})


def other_condition(task):
    success = task.success.model_copy(update={"height_min_m": 0.15})
    return task.model_copy(update={"success": success})


def other_camera(robot):
    camera = robot.cameras[0].model_copy(update={"position_m": (0.0, -0.7, 1.3)})
    return robot.model_copy(update={"cameras": [camera, *robot.cameras[1:]]})


@pytest.mark.parametrize(
    ("part", "change", "named"),
    [
        ("task", other_crop, r"crop_side 0.3 here and 0.4 there"),
        ("task", other_condition, r"success.height_min_m 0.15 here and 0.1 there"),
        ("robot", other_camera, r"camera.position_m \[0.0, -0.7, 1.3\] here"),
    ],
)
def test_a_classifier_of_other_pictures_is_refused_with_what_differs_and_what_to_do(
    store, tmp_path, part, change, named
):
    folder = says(store, tmp_path, 0.9)
    other = CONTRACT.model_copy(update={part: change(getattr(CONTRACT, part))})
    with pytest.raises(ClassifierError, match=rf"{named}.*; learn one for this robot and task"):
        classifier_of(folder, other)
    assert classifier_of(folder, CONTRACT).view == PictureView.of(CONTRACT)


def test_a_classifier_of_another_robot_is_refused(store, tmp_path):
    with pytest.raises(ClassifierError, match="robot fr3 here and panda there"):
        classifier_of(says(store, tmp_path, 0.9), load_contract("fr3", "lift"))


@pytest.mark.parametrize(
    ("task", "reason"),
    [("reach", "has goals"), ("push", "has goals"), ("bin_grasp", "is of kind bin_grasp")],
)
def test_a_task_that_a_picture_says_nothing_of_is_not_judged_by_it(tmp_path, task, reason):
    with pytest.raises(ContractError, match=reason):
        classifier_of(tmp_path, load_contract("panda", task))
