"""Data of systems that are known, for tests of models."""

from __future__ import annotations

from typing import Any

import numpy as np

from robot_learning.dynamics import EnsembleSettings, Transitions

A = np.array([[0.95, 0.1], [-0.1, 0.9]])
B = np.array([[0.0], [0.2]])
SMALL: dict[str, Any] = {
    "members": 3, "elites": 2, "hidden_sizes": (32, 32), "batch_size": 64, "epochs": 120,
    "patience": 20, "learning_rate": 3e-3,
}  # fmt: skip


def settings(**changes: Any) -> EnsembleSettings:
    return EnsembleSettings.model_validate(SMALL | changes)


def linear_system(
    n: int = 600, *, noise: float = 0.0, seed: int = 0, episodes: int = 10
) -> Transitions:
    """o' = A o + B a, with Gaussian noise; drawn from everywhere."""
    rng = np.random.default_rng(seed)
    observations, actions = rng.normal(0, 1, (n, 2)), rng.uniform(-1, 1, (n, 1))
    after = observations @ A.T + actions @ B.T + noise * rng.normal(0, 1, (n, 2))
    numbers = np.arange(n) * episodes // n
    return Transitions.from_arrays(observations, actions, after, numbers)
