"""Data sets for tests of imitation."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.replay.dataset import Dataset


def make_dataset(inputs: Any, actions: Any, **changes: Any) -> Dataset:
    """One episode a row, unless `episodes` says otherwise; nothing follows a row."""
    inputs, actions = np.asarray(inputs, np.float32), np.asarray(actions, np.float32)
    fields = {
        "inputs": inputs,
        "actions": actions,
        "rewards": np.zeros(len(inputs), np.float32),
        "next_inputs": inputs,
        "terminated": np.ones(len(inputs), np.float32),
        "episodes": np.arange(len(inputs)),
    }
    return Dataset(**(fields | changes))
