from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from demonstration_samples import shown
from step_samples import make_step

from robot_learning.algorithms import ALGORITHMS, Spaces
from robot_learning.algorithms.base import ReplayHyperParameters
from robot_learning.replay import (
    Batch,
    PrioritisedReplay,
    Replay,
    ReplayBuffer,
    SymmetricReplay,
)
from robot_learning.training.make_replay import make_replay, needs_whole_episodes

SPACES = Spaces(2, 2, (-1.0, 0.0), (1.0, 4.0))
NEW = {"replay_capacity": 20, "batch_size": 8, "gamma": 0.9}


def made(demonstrations: Any = (), *, own: int = 0, reward_of: Any = None, **hyper: Any) -> Replay:
    """A replay with `own` steps of reward -1 in episodes of five; demonstrations have 100."""
    replay = make_replay(ReplayHyperParameters(**(NEW | hyper)), SPACES, reward_of, demonstrations)
    for first in range(0, own, 5):
        steps = [make_step(number) for number in range(first, first + 5)]
        replay.add(steps, np.zeros((5, 2), np.float32))
    return replay


def drawn(replay: Replay, size: int = 400) -> Batch:
    return replay.sample(size, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("priority", "kind"),
    [
        ("uniform", ReplayBuffer),
        ("td_error", PrioritisedReplay),
        ("target_error", PrioritisedReplay),
    ],
)
def test_what_is_drawn_by_is_the_hyper_parameters_choice(priority: str, kind: type) -> None:
    replay = made(own=10, replay_priority=priority)
    assert type(replay) is kind
    assert (drawn(replay).weights is None) == (priority == "uniform")


def test_demonstrations_are_there_at_once_and_for_ever_beside_the_capacity() -> None:
    replay = made(shown((5, 3)).episodes)
    assert len(replay) == 8
    for first in range(0, 200, 5):
        steps = [make_step(number) for number in range(first, first + 5)]
        replay.add(steps, np.zeros((5, 2), np.float32))
    assert len(replay) == 28
    batch = drawn(replay)
    assert batch.demonstrated is not None
    assert np.array_equal(batch.demonstrated == 1, batch.rewards == 100)
    assert (batch.rewards == 100).mean() == pytest.approx(8 / 28, abs=0.08)


def test_their_actions_are_learned_in_units_of_the_networks() -> None:
    """0.5 lies a quarter from the middle of [-1, 1] upwards, and an eighth into [0, 4]."""
    np.testing.assert_allclose(
        drawn(made(shown().episodes)).actions, np.tile([0.5, -0.75], (400, 1)), atol=1e-6
    )


def test_a_share_of_demonstrations_splits_every_batch() -> None:
    replay = made(shown().episodes, own=20, demonstration_share=0.25)
    assert isinstance(replay, SymmetricReplay)
    assert (drawn(replay).rewards == 100).sum() == 100


def test_a_share_of_demonstrations_that_nobody_gave_changes_nothing() -> None:
    shared, plain = drawn(made(own=20, demonstration_share=0.5)), drawn(made(own=20))
    assert np.array_equal(shared.inputs, plain.inputs)
    assert plain.demonstrated is None
    assert shared.demonstrated is not None and not shared.demonstrated.any()


def test_rows_over_several_steps_are_mixed_with_those_over_one() -> None:
    batch = drawn(made(shown().episodes, own=20, n_step=3, n_step_share=0.5), 2_000)
    assert batch.discounts is not None
    spans = np.round(np.log(batch.discounts) / np.log(0.9)).astype(int)
    assert set(spans) == {1, 2, 3}  # 2: an episode that ends earlier
    steps = np.array([1.0, 1.9, 2.71])[spans - 1]
    np.testing.assert_allclose(batch.rewards, np.where(batch.demonstrated, 100, -1) * steps, 1e-5)
    assert (spans == 1).mean() == pytest.approx(0.5 + 0.5 * 0.2, abs=0.04)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_demonstrations_get_new_goals_too(share: float) -> None:
    def sparse(achieved: Any, desired: Any) -> Any:
        return np.where((achieved == desired).all(-1), 0.0, -1.0)

    replay = made(
        shown().episodes, own=20, reward_of=sparse, hindsight_per_transition=4,
        demonstration_share=share,
    )  # fmt: skip
    batch = drawn(replay)
    assert batch.demonstrated is not None
    relabelled = (batch.rewards != 100)[batch.demonstrated == 1]
    assert relabelled.mean() == pytest.approx(0.8, abs=0.08)


def test_priorities_are_those_of_the_hyper_parameters() -> None:
    """Drawn in proportion to (error + epsilon + bonus)^alpha."""
    replay = made(
        shown((10,)).episodes, own=20, replay_priority="td_error", priority_exponent=0.5,
        priority_epsilon=0.1, demonstration_bonus=2.0, priority_correction=1.0,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for _ in range(20):
        replay.sample(64, rng)
        replay.update_priorities(np.full(64, 0.5))
    batch = drawn(replay, 5_000)
    chances = np.array([2.6**0.5, 0.6**0.5])
    mass = chances * [10, 20]
    assert batch.demonstrated is not None and batch.weights is not None
    assert batch.demonstrated.mean() == pytest.approx(mass[0] / mass.sum(), abs=0.01)
    np.testing.assert_allclose(
        batch.weights, np.where(batch.demonstrated, chances[1] / chances[0], 1.0), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("hyper", "needed"),
    [({}, False), ({"n_step": 2}, True), ({"hindsight_per_transition": 1}, True)],
)
def test_episodes_are_needed_whole_where_rows_look_ahead(
    hyper: dict[str, int], needed: bool
) -> None:
    assert needs_whole_episodes(ReplayHyperParameters.model_validate(NEW | hyper)) == needed


def test_hindsight_without_a_reward_function_is_refused() -> None:
    with pytest.raises(ValueError, match="reward function"):
        made(hindsight_per_transition=4)


def test_ddpgfd_draws_by_priority_rows_over_one_and_ten_steps() -> None:
    hyper = ALGORITHMS["ddpgfd"].hyper_parameters()
    assert isinstance(hyper, ReplayHyperParameters)
    replay = make_replay(hyper, SPACES, None, shown((30,)).episodes)
    batch = drawn(replay, 1_000)
    assert type(replay) is PrioritisedReplay
    assert batch.discounts is not None
    spans = np.round(np.log(batch.discounts) / np.log(0.99)).astype(int)
    assert (spans == 10).mean() == pytest.approx(0.5 * 21 / 30, abs=0.06)
    assert hyper.demonstration_bonus > 0


def test_rlpd_draws_half_of_each_batch_from_the_demonstrations() -> None:
    hyper = ALGORITHMS["rlpd"].hyper_parameters()
    assert isinstance(hyper, ReplayHyperParameters)
    replay = make_replay(hyper, SPACES, None, shown().episodes)
    replay.add([make_step(0)], np.zeros((1, 2), np.float32))
    batch = drawn(replay, 256)
    assert batch.demonstrated is not None and batch.demonstrated.sum() == 128
