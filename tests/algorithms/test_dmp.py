"""Movement primitives: the path they learned, new goals, and cloning of their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from robot_learning.algorithms import BC
from robot_learning.algorithms.bc import BCHyperParameters
from robot_learning.algorithms.dmp import MovementPrimitive, primitive_dataset


def reach(height: float = 0.1) -> Any:
    """A reach in three coordinates; the third ends where it began."""
    t = np.linspace(0.0, 1.0, 101)
    travelled = 10 * t**3 - 15 * t**4 + 6 * t**5
    return np.stack((0.4 * travelled, 0.3 - 0.5 * travelled, height * np.sin(np.pi * t) ** 2), 1)


def test_it_plays_what_it_learned() -> None:
    learned = MovementPrimitive.fit(reach(), 2.0)
    assert_allclose(learned.path(101), reach(), atol=1e-3)
    assert_allclose(learned.path(101)[-1], reach()[-1], atol=1e-4)


def test_it_ends_at_a_new_goal_whatever_the_duration_and_the_number_of_points() -> None:
    goal = [1.0, -1.0, 0.2]
    for points in (11, 101, 777):
        found = MovementPrimitive.fit(reach(), 2.0).towards(goal, duration_s=5.0).path(points)
        assert_allclose(found[-1], goal, atol=1e-4)
        assert_allclose(found[0], reach()[0], atol=1e-12)


def test_another_goal_stretches_the_path_and_another_duration_does_not_change_it() -> None:
    learned = MovementPrimitive.fit(reach(), 2.0)
    twice = learned.towards([0.8, -0.7, 0.0])
    stretched = reach()[0] + 2 * (reach() - reach()[0])
    assert_allclose(twice.path(101)[:, :2], stretched[:, :2], atol=2e-3)
    assert_allclose(learned.towards(learned.goal, duration_s=7.0).path(101), learned.path(101))


def test_the_path_does_not_depend_on_the_step() -> None:
    learned = MovementPrimitive.fit(reach(), 2.0)
    assert_allclose(learned.path(1001)[::10], learned.path(101), atol=1e-5)


def test_without_a_force_it_is_the_critically_damped_spring() -> None:
    t = np.linspace(0.0, 1.0, 50)
    spring = 1.0 - (1.0 + 12.5 * t) * np.exp(-12.5 * t)
    bare = MovementPrimitive(
        weights=np.zeros((1, 5)), start=np.zeros(1), goal=np.ones(1), duration_s=3.0,
        start_velocity=np.zeros(1), scales=np.array([True]),
    )  # fmt: skip
    assert_allclose(bare.path(50)[:, 0], spring, atol=1e-12)


def test_its_end_is_as_good_as_the_reference_implementation() -> None:
    reference = pytest.importorskip("movement_primitives.dmp")
    theirs = reference.DMP(n_dims=3, execution_time=2.0, dt=0.02, n_weights_per_dim=100)
    theirs.imitate(np.linspace(0.0, 2.0, 101), reach())
    goal = np.array([1.0, -1.0, 0.2])
    theirs.configure(goal_y=goal)
    _, played = theirs.open_loop()
    ours = MovementPrimitive.fit(reach(), 2.0, basis=100).towards(goal).path(101)
    assert np.abs(ours[-1] - goal).max() <= np.abs(played[-1] - goal).max() + 1e-6
    assert np.abs(ours[-1] - goal).max() < 1e-4


def test_a_clone_of_weights_plays_the_movement_that_the_context_asks_for() -> None:
    heights = np.linspace(0.05, 0.25, 9)
    movements = [MovementPrimitive.fit(reach(height), 2.0, basis=15) for height in heights]
    data, spaces = primitive_dataset(heights[:, None], movements)
    hyper = BCHyperParameters(
        hidden_sizes=(), learning_rate=0.05, epochs=400, patience=400, validation_share=0.0
    )
    clone = BC(spaces, hyper, 0)
    clone.fit(data)
    vector = clone.policy().act(np.array([0.13], np.float32))
    played = movements[0].from_vector(vector).path(101)
    assert_allclose(played, reach(0.13), atol=3e-3)


@pytest.mark.parametrize(
    ("path", "message"),
    [([[0.0, 1.0]], "two points or more"), ([[0.0], [np.nan], [1.0]], "not finite")],
)
def test_a_path_that_is_none_is_refused(path: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MovementPrimitive.fit(path, 1.0)
