"""A scripted operator's pictures in simulation, labelled by the task; a classifier's reward."""

from __future__ import annotations

import math
from dataclasses import replace
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
from robot_learning.rewards.pixels.frames import FrameStore
from robot_learning.rewards.pixels.state_judge import classifier_of, success_view
from robot_learning.training.tasks import make_contract_environment

CONTRACT = load_contract("panda", "lift")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = FrameStore(tmp_path_factory.mktemp("frames"), success_view(CONTRACT))
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


def test_a_classifier_of_other_pictures_is_refused_with_what_differs(store, tmp_path):
    folder = says(store, tmp_path, 0.9)
    picture = CONTRACT.task.success_image.model_copy(update={"crop_side": 0.4})
    task = CONTRACT.task.model_copy(update={"success_image": picture})
    other = CONTRACT.model_copy(update={"task": task})
    with pytest.raises(ClassifierError, match=r"crop_side 0.4 here and 0.55 there"):
        classifier_of(folder, other)
    assert replace(success_view(other), crop_side=0.55) == success_view(CONTRACT)


@pytest.mark.parametrize("task", ["reach", "push"])
def test_a_task_with_goals_is_not_judged_by_pictures(tmp_path, task):
    with pytest.raises(ContractError, match="has goals"):
        classifier_of(tmp_path, load_contract("panda", task))
