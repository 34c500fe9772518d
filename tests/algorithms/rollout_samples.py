"""Made-up rollouts for tests of on-policy methods."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.algorithms import Spaces
from robot_learning.algorithms.on_policy import Rollout

CHOICES = Spaces(3, 0, (0.0,), (1.0,), choices=2)
CONTINUOUS = Spaces(3, 0, (-2.0, -1.0), (2.0, 1.0))


def make_rollout(
    spaces: Spaces = CONTINUOUS, t: int = 12, n: int = 2, seed: int = 0, **changes: Any
) -> Rollout:
    """Nothing ends in it but with the last step, where every episode is cut off."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    inputs, last = normal(t, n, spaces.input_size), normal(1, n, spaces.input_size)
    actions = normal(t, n, spaces.action_size)
    if spaces.choices:
        actions = rng.integers(0, spaces.choices, (t, n, 1)).astype(np.float32)
    truncated = np.zeros((t, n), bool)
    truncated[-1] = True
    fields = {
        "inputs": inputs,
        "actions": actions,
        "log_probabilities": -1.0 + 0.1 * normal(t, n),
        "rewards": normal(t, n),
        "next_inputs": np.concatenate((inputs[1:], last)),
        "terminated": np.zeros((t, n), bool),
        "truncated": truncated,
        "counted": np.ones((t, n), bool),
        "constraints": np.zeros((t, n, 0), np.float32),
    }
    return Rollout(**(fields | changes))
