"""Made-up transitions for tests of methods that learn from a replay."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.algorithms import Spaces
from robot_learning.replay import Batch

SPACES = Spaces(2, 1, (-1.0, -1.0), (1.0, 1.0))
"""Two observations, a goal of one number, two actions."""


def make_batch(n: int = 8, seed: int = 0, **changes: Any) -> Batch:
    """`n` transitions of `SPACES`, none of them terminated; `changes` are fields of `Batch`."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    fields = {
        "inputs": normal(n, 3),
        "actions": rng.uniform(-1, 1, (n, 2)).astype(np.float32),
        "rewards": normal(n),
        "next_inputs": normal(n, 3),
        "terminated": np.zeros(n, np.float32),
    }
    return Batch(**(fields | changes))
