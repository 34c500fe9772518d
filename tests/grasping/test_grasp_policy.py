"""The policy that grasps, and its file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from grasp_samples import (
    ACTION_SIZE,
    SIZE_PX,
    STATE_SIZE,
    WORLD,
    make_batch,
    make_episode,
    make_learner,
)

from robot_learning.grasping.exploring import NoisyGrasper
from robot_learning.grasping.policy import (
    POLICY_FILE,
    SEARCHES,
    grasp_policy_from_bytes,
    policy_of,
    read_grasp_policy,
)
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.training.policy_bytes import PolicyFileError


@pytest.fixture(scope="module")
def learner():
    made = make_learner(cem_samples=64, cem_elites=6)  # as by default
    for _ in range(5):
        made.update(make_batch(), np.linspace(0, 1, 6, dtype=np.float32))
    return made


@pytest.fixture
def policy(learner):
    return policy_of(learner)


class AtRandom:
    """Acts uniformly."""

    name = "random"

    def begin(self, rng, image):
        self.rng = rng

    def act(self, image, state):
        return self.rng.uniform(-1.0, 1.0, ACTION_SIZE).astype(np.float32)


def seen(seed=0):
    batch = make_batch(1, seed)
    return batch.images[0], batch.states[0]


def test_the_same_pictures_in_a_row_give_the_same_actions_and_others_give_others(policy):
    rows = []
    for seed in (0, 0, 1):
        policy.begin(np.random.default_rng(), seen(seed)[0])
        rows.append(np.stack([policy.act(*seen(seed)) for _ in range(3)]))
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).any()
    assert all((np.abs(row) <= 1.0).all() and row.shape == (3, ACTION_SIZE) for row in rows)


def test_where_an_action_changes_nothing_others_are_tried_next(policy):
    policy.begin(np.random.default_rng(), seen()[0])
    tried = [policy.judge(*seen()).tried for _ in range(SEARCHES + 1)]
    assert all((tried[0] != later).any() for later in tried[1:SEARCHES])
    np.testing.assert_array_equal(tried[0], tried[SEARCHES])


def test_its_action_is_worth_more_than_random_ones(learner, policy):
    image, state = seen()
    value = policy.judge(image, state).value
    rng = np.random.default_rng(0)
    tried = make_batch(200, images=np.stack([image] * 200), states=np.stack([state] * 200))
    actions = rng.uniform(-1, 1, (200, ACTION_SIZE)).astype(np.float32)
    actions[:, 7] = -1.0  # those that end the episode all mean the same
    with torch.no_grad():
        critic, states = learner.acting, torch.from_numpy(tried.states[:1])
        maps = critic.encode(critic.look(torch.from_numpy(tried.images[:1]), states))
        values = torch.sigmoid(critic.judge(maps, torch.from_numpy(actions)[None], states))[0]
    assert value >= np.quantile(values.numpy(), 0.95)


def test_a_policy_that_remembers_acts_by_how_its_attempt_began_until_the_next():
    hyper = GraspHyperParameters(cem_samples=16, cem_elites=4)
    policy = policy_of(GraspQTOpt(hyper, WORLD.spaces, seed=0))
    first, later = (make_episode(seed).images[0] for seed in range(2))
    low, high = np.array(WORLD.spaces.state_low), np.array(WORLD.spaces.state_high)
    state = ((low + high) / 2.0).astype(np.float32)  # the hand hides the middle of the bin
    with pytest.raises(RuntimeError, match="before begin"):
        policy.act(first, state)
    values = []
    for begin in (first, later, first):
        policy.begin(np.random.default_rng(), begin)
        values.append(policy.judge(later, state).value)
    assert values[0] == values[2] != values[1]
    with pytest.raises(ValueError, match="this policy was trained"):
        policy.begin(np.random.default_rng(), first[:8])


def test_it_does_not_change_while_its_learner_learns(policy, learner):
    before = policy.to_bytes()
    learner.update(make_batch(), np.zeros(6, np.float32))
    assert policy.to_bytes() == before


def test_a_file_acts_as_what_it_was_written_from(tmp_path, policy):
    policy.save(tmp_path)
    read = read_grasp_policy(tmp_path)
    np.testing.assert_array_equal(read.act(*seen()), policy.act(*seen()))
    assert read.spaces == policy.spaces and read.to_bytes() == policy.to_bytes()


@pytest.mark.parametrize("damage", ["cut", "foreign", "none"])
def test_a_file_that_is_none_is_refused(tmp_path, policy, damage):
    policy.save(tmp_path)
    path = tmp_path / POLICY_FILE
    if damage == "none":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:2000] if damage == "cut" else b"hello")
    with pytest.raises(PolicyFileError, match=r"holds no|is no grasp policy, or damaged"):
        read_grasp_policy(tmp_path)


def test_a_file_whose_view_does_not_show_the_bin_is_refused():
    beside = replace(WORLD.spaces.hand_view, floor_m=(5.0, 5.0, 5.2, 5.2))
    hyper = GraspHyperParameters(cem_samples=16, cem_elites=4)
    policy = policy_of(GraspQTOpt(hyper, WORLD.spaces, seed=0))
    policy.spaces = replace(WORLD.spaces, hand_view=beside)
    with pytest.raises(PolicyFileError, match="floor is not in the picture"):
        grasp_policy_from_bytes(policy.to_bytes())


@pytest.mark.parametrize(
    ("image", "state", "said"),
    [
        (np.zeros((64, 64, 3), np.uint8), np.zeros(STATE_SIZE), r"shape \(64, 64, 3\)"),
        (np.zeros((SIZE_PX, SIZE_PX), np.uint8), np.zeros(STATE_SIZE), r"shape \(32, 32\)"),
        (np.zeros((SIZE_PX, SIZE_PX, 3)), np.zeros(STATE_SIZE), "float64"),
        (np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8), np.zeros(2), "needs 10 numbers"),
        (
            np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8),
            np.full(STATE_SIZE, np.nan),
            "needs 10 numbers",
        ),
    ],
)
def test_what_it_was_not_trained_with_is_refused(policy, image, state, said):
    with pytest.raises(ValueError, match=said):
        policy.act(image, state)


def test_exploring_is_acting_by_the_policy_with_noise_and_at_random_now_and_then(
    policy, monkeypatch
):
    image, state = seen()
    policy.begin(np.random.default_rng(), image)
    best = policy.act(image, state)
    monkeypatch.setattr(policy, "act", lambda image, state: best)  # no other search every step
    noise = 0.05
    noisy = NoisyGrasper(policy, AtRandom(), random_share=0.25, noise=noise)
    largest = 5.0 * 2.0 * noise  # of a third of the episodes the noise is twice as large
    undisturbed, near = [], []
    for episode in range(60):
        noisy.begin(np.random.default_rng(episode), image)
        actions = np.stack([noisy.act(image, state) for _ in range(40)])
        assert (np.abs(actions) <= 1.0).all() and actions.dtype == np.float32
        undisturbed.append((actions == best).all())
        near.append(np.abs(actions - best).max(axis=1) < largest)
        moved = near[-1] & (actions[:, :5] != best[:5]).any(axis=1)
        np.testing.assert_array_equal(actions[moved, 5:] - best[5:], 0.0)  # switches stay
    assert np.mean(near) == pytest.approx(0.75, abs=0.07)
    assert np.mean(undisturbed) == pytest.approx(1 / 3, abs=0.15)
