from __future__ import annotations

import json
from typing import Any

import numpy as np

from robot_learning.algorithms import Spaces, TD3HyperParameters
from robot_learning.training.exploration import Exploration

SPACES = Spaces(2, 0, (-2.0, 0.0), (2.0, 1.0))
MIDDLE = np.array([0.0, 0.5], np.float32)


def explore(seed: int = 0, **changes: Any) -> Exploration:
    return Exploration(SPACES, TD3HyperParameters(**({"warmup_steps": 100} | changes)), seed)


def test_the_warm_up_is_random_within_the_bounds() -> None:
    exploration = explore()
    assert exploration.is_random(99) and not exploration.is_random(100)
    actions = np.array([exploration.random_action() for _ in range(2_000)])
    assert (actions >= [-2, 0]).all() and (actions <= [2, 1]).all()
    np.testing.assert_allclose(actions.mean(0), MIDDLE, atol=0.1)


def test_the_noise_is_in_units_of_the_bounds_and_is_clipped() -> None:
    exploration = explore(exploration_std=0.1, exploration_std_final=0.1)
    noisy = np.array([exploration.disturb(MIDDLE, 200) for _ in range(4_000)])
    np.testing.assert_allclose(noisy.std(0), [0.2, 0.05], rtol=0.1)
    edge = np.array([exploration.disturb(np.array([2.0, 1.0], np.float32), 200) for _ in range(99)])
    assert (edge <= [2, 1]).all() and noisy.dtype == np.float32


def test_the_noise_goes_to_its_final_value_in_a_straight_line() -> None:
    exploration = explore(
        exploration_std=0.3, exploration_std_final=0.1, exploration_decay_steps=200
    )
    found = [exploration.noise_std(steps) for steps in (0, 100, 200, 300, 10_000)]
    np.testing.assert_allclose(found, [0.3, 0.3, 0.2, 0.1, 0.1])


def test_a_share_of_the_actions_is_random() -> None:
    exploration = explore(
        random_action_fraction=0.3, exploration_std=0.0, exploration_std_final=0.0
    )
    changed = [not np.array_equal(exploration.disturb(MIDDLE, 200), MIDDLE) for _ in range(4_000)]
    assert abs(np.mean(changed) - 0.3) < 0.03


def test_it_goes_on_where_it_was() -> None:
    one, two = explore(0), explore(1)
    one.random_action()
    two.restore(json.loads(json.dumps(one.state())))
    assert np.array_equal(one.disturb(MIDDLE, 200), two.disturb(MIDDLE, 200))
