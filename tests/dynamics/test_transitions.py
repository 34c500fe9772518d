"""The data of a model: what is refused, and how it is divided."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_samples import linear_system
from step_samples import make_step

from robot_learning.dynamics import DynamicsError, Scaling, Transitions


def test_what_is_learned_is_the_change_by_what_was_done() -> None:
    steps = [make_step(number) for number in range(10)]
    data = Transitions.of(steps, lambda action: action * np.float32(0.5))
    first = steps[0]
    np.testing.assert_allclose(data.changes[0], first.next_observation - first.observation)
    np.testing.assert_allclose(data.actions[0], 0.5 * first.executed_action)
    assert data.episodes.tolist() == [0] * 5 + [1] * 5
    np.testing.assert_allclose(data.inputs[0, :2], first.observation)


@pytest.mark.parametrize("name", ["observation", "executed_action", "next_observation"])
def test_what_is_not_finite_is_refused_with_its_place(name: str) -> None:
    broken = make_step(3, **{name: np.array([0.0, np.nan], np.float32)})
    steps = [make_step(0), make_step(1), make_step(2), broken]
    with pytest.raises(DynamicsError, match=r"transition 3 of 4: its .* is .*nan.*; leave that"):
        Transitions.of(steps, lambda action: action)
    with pytest.raises(DynamicsError, match="no transitions"):
        Transitions.of([], lambda action: action)


def test_whole_episodes_are_held_out() -> None:
    data = linear_system(100, episodes=5)
    learned, held = data.split(0.2)
    assert len(held.episodes.unique()) == 1 and len(learned.episodes.unique()) == 4
    assert not set(held.episodes.tolist()) & set(learned.episodes.tolist())
    assert len(held) + len(learned) == 100


def test_an_episode_that_was_held_out_once_always_is() -> None:
    data = linear_system(400, episodes=40)
    before: set[int] = set()
    for count in range(2, 41):
        learned, held = data.take((data.episodes < count).nonzero()[:, 0]).split(0.15)
        aside = set(held.episodes.tolist())
        assert before <= aside and 0 not in aside and len(learned) + len(held) == 10 * count
        before = aside
    assert before == {1, 8, 15, 21, 28, 35}


def test_of_a_single_episode_its_last_part_is() -> None:
    data = linear_system(100, episodes=1)
    learned, held = data.split(0.2)
    assert len(held) == 20
    assert torch.equal(held.observations, data.observations[80:])
    assert torch.equal(learned.observations, data.observations[:80])


def test_an_input_that_never_changes_is_only_centred() -> None:
    rows = torch.tensor([[1.0, 7.0], [3.0, 7.0]])
    scaling = Scaling.of_inputs(rows)
    assert scaling.std.tolist() == [1.0, 1.0] and scaling.mean.tolist() == [2.0, 7.0]
    assert scaling.scale(torch.tensor([[4.0, 8.0]])).tolist() == [[2.0, 1.0]]
    assert torch.equal(scaling.unscale(scaling.scale(rows)), rows)


def test_of_an_output_that_never_changes_nothing_that_is_said_counts() -> None:
    scaling = Scaling.of_outputs(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
    said = scaling.unscale(torch.tensor([[1.0, 5.0]]))
    assert said[0].tolist() == pytest.approx([3.0, 0.0], abs=1e-5)
