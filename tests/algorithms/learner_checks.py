"""What must hold of learners of every method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from made_up_batches import make_batch

from robot_learning.algorithms import Spaces
from robot_learning.replay import Batch

UNEVEN = Spaces(2, 1, (-2.0, 0.0), (2.0, 1.0))
"""The spaces of made-up batches, but each action has bounds of its own."""


def target(learner: Any, batch: Batch) -> Any:
    """The target of each row, of inputs as they are."""
    return learner.target(batch, torch.from_numpy(batch.next_inputs)).numpy()


def assert_truncation_adds(off: Any, learner: Any, batch: Batch, atol: float = 1e-6) -> None:
    """Terminated, the rows of `batch` are worth their rewards; truncated, each `off` more."""
    assert not batch.terminated.any()
    assert np.abs(off).min() > 1e-4
    np.testing.assert_allclose(target(learner, batch) - batch.rewards, off, rtol=1e-4, atol=atol)
    terminated = batch._replace(terminated=np.ones_like(batch.terminated))
    np.testing.assert_array_equal(target(learner, terminated), batch.rewards)


def assert_resumes_bit_for_bit(
    learner: Any, other: Any, make: Callable[..., Batch] = make_batch
) -> None:
    """After three updates of `learner`, `other` takes over its state and goes on alike."""
    learner.observe(make().inputs)
    for seed in range(3):
        learner.update(make(seed=seed))
    assert_goes_on_bit_for_bit(learner, other, [make(seed=seed) for seed in range(3, 7)])


def assert_goes_on_bit_for_bit(first: Any, second: Any, batches: list[Any]) -> None:
    """`second`, of another seed, takes over the state of `first`; both then learn alike."""
    second.load_state_dict(*first.state_dict())
    for batch in batches:
        assert first.update(batch) == second.update(batch)
    assert_same_tensors(first, second)


def assert_same_tensors(first: Any, second: Any) -> None:
    """The tensors of both states are equal bit for bit."""
    ours, theirs = first.state_dict()[0], second.state_dict()[0]
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def assert_the_policy_acts_as(learner: Any, act: Callable[[Any], Any] | None = None) -> None:
    """The policy file of a learner of `UNEVEN` gives its actions, in units of the robot.

    `act` gives them where the learner itself acts by its policy.
    """
    rng = np.random.default_rng(0)
    learner.observe(rng.normal(3.0, 2.0, (50, 3)).astype(np.float32))
    inputs = rng.normal(3.0, 4.0, (20, 3)).astype(np.float32)
    own = act(inputs) if act else learner.act(inputs, explore=False)
    assert np.abs(own).max() <= 1.0 and len(np.unique(own)) > 10
    outside = learner.policy().act(inputs[:, :2], inputs[:, 2:])
    np.testing.assert_allclose(outside, [0.0, 0.5] + own * [2.0, 0.5], atol=1e-5)
    np.testing.assert_allclose(UNEVEN.normalise_action(outside), own, atol=1e-5)
