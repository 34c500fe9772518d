"""Replay, labels and updates in step with what was collected."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from grasp_samples import WORLD, make_episode

from robot_learning.grasping.learner import LABEL_BATCH, GraspLearner
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.workers import LocalLabeller

HYPER = GraspHyperParameters(
    cem_samples=4, cem_elites=2, batch_size=8, labels_per_step=2.0, updates_per_step=0.1,
    replay_capacity=500,
)  # fmt: skip


@pytest.fixture
def learner(tmp_path):
    made = GraspLearner(WORLD.spaces, HYPER, tmp_path, seed=0)
    yield made
    made.close()


def test_labels_and_updates_keep_step_with_the_steps(learner):
    labeller = LocalLabeller()
    for seed in range(20):
        learner.add(make_episode(seed, steps=5))
        learner.work(labeller, 1_000)
        counts = learner.counts
        assert counts.episodes == seed + 1 and counts.steps == 5 * (seed + 1)
        assert 2 * counts.steps - LABEL_BATCH < counts.labelled <= 2 * counts.steps
        due = counts.steps // 10
        assert counts.updates == (due if counts.labelled else 0)
        assert counts.trained == 8 * counts.updates


def test_a_full_replay_is_no_longer_learned_from(tmp_path):
    learner, labeller = GraspLearner(WORLD.spaces, HYPER, tmp_path, seed=0), LocalLabeller()
    for seed in range(120):  # 720 frames where 500 fit
        learner.add(make_episode(seed, steps=5))
        learner.work(labeller, 1_000)
    positions = learner.replay.draw(100, np.random.default_rng(0))
    assert positions.min() >= learner.replay.oldest > 0
    assert learner.counts.trained < 8 * learner.counts.updates
    learner.close()


def test_it_goes_on_from_its_state_bit_for_bit(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    episodes = [make_episode(seed, steps=5) for seed in range(24)]
    for folder in folders:
        folder.mkdir()
    one, other = (
        GraspLearner(WORLD.spaces, HYPER, folder, seed) for seed, folder in enumerate(folders)
    )
    first, second = LocalLabeller(), LocalLabeller()
    for episode in episodes[:16]:
        one.add(episode)
        one.work(first, 1_000)
        other.add(episode)
    other.load_state_dict(*one.state_dict())
    for learner, labeller in ((one, first), (other, second)):
        for episode in episodes[16:]:
            learner.add(episode)
            learner.work(labeller, 1_000)
    assert one.counts == other.counts
    tensors, others = one.state_dict()[0], other.state_dict()[0]
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[key], others[key]) for key in tensors)
    one.close()
    other.close()
