"""What must hold of replays with priorities."""

from __future__ import annotations

from typing import Any

import numpy as np


def assert_draws_go_on_bit_for_bit(first: Any, second: Any) -> None:
    """`second`, of the same steps, takes over the priorities of `first`; both then draw alike."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        first.sample(32, rng)
        first.update_priorities(rng.random(32))
    second.load_state_dict(first.state_dict())
    for seed in range(5):
        ours = first.sample(32, np.random.default_rng(seed))
        theirs = second.sample(32, np.random.default_rng(seed))
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, other)
        for replay in (first, second):
            replay.update_priorities(np.arange(32.0))
