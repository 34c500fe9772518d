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


def learner_after_logs(path, share, own_episodes, log_episodes=40):
    hyper = HYPER.model_copy(update={"online_share": share, "replay_capacity": 20_000})
    learner = GraspLearner(WORLD.spaces, hyper, path, seed=0)
    for seed in range(log_episodes):
        learner.add(make_episode(seed, steps=9))
    learner.end_of_logs()
    for seed in range(own_episodes):
        learner.add(make_episode(100 + seed, steps=9))
    return learner, 10 * log_episodes


def test_so_much_of_what_is_labelled_is_of_the_runs_own_episodes(tmp_path):
    # 8 of 48 episodes are its own, 80 frames: so few that they are not forced on it.
    learner, own_from = learner_after_logs(tmp_path, 1.0, own_episodes=8)
    drawn = np.concatenate([learner._draw(LABEL_BATCH) for _ in range(60)])
    assert (drawn >= own_from).mean() == pytest.approx(8 / 48, abs=0.04)
    learner.close()


def test_with_many_of_its_own_their_share_is_the_one_that_was_set(tmp_path, monkeypatch):
    monkeypatch.setattr("robot_learning.grasping.learner._FEW_FRAMES", 80)
    for share in (0.0, 0.5, 1.0):
        learner, own_from = learner_after_logs(tmp_path, share, own_episodes=8)
        drawn = np.concatenate([learner._draw(LABEL_BATCH) for _ in range(60)])
        # The rest is of all there is, of which they are a sixth.
        expected = share + (1.0 - share) * 8 / 48
        assert (drawn >= own_from).mean() == pytest.approx(expected, abs=0.04)
        learner.close()


def test_without_logs_all_of_it_is_its_own(tmp_path):
    learner = GraspLearner(WORLD.spaces, HYPER, tmp_path, seed=0)
    for seed in range(20):
        learner.add(make_episode(seed, steps=5))
    drawn = learner._draw(600)
    assert len(set(drawn.tolist())) == 20 * 5
    learner.close()


def test_updates_that_are_held_back_wait_and_their_labels_too(tmp_path):
    learner, labeller = GraspLearner(WORLD.spaces, HYPER, tmp_path, seed=0), LocalLabeller()
    for seed in range(40):
        learner.add(make_episode(seed, steps=5))  # 20 updates and 400 labels are due
    learner.held_back = 15
    learner.work(labeller, 1_000)
    assert learner.counts.updates == 5 and learner.behind == 0
    assert learner.counts.labelled <= 100
    learner.held_back = 0
    learner.work(labeller, 1_000)
    assert learner.counts.updates == 20 and learner.counts.labelled > 300
    learner.close()
