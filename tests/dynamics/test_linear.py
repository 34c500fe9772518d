"""Least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_samples import A, B, linear_system

from robot_learning.dynamics import DynamicsError, LinearDynamics


def test_it_finds_the_matrices_of_a_linear_system_and_its_noise() -> None:
    model = LinearDynamics(2, 1)
    model.fit(linear_system(4_000, noise=0.05))
    a, b, c = model.matrices
    np.testing.assert_allclose(a, A, atol=0.01)
    np.testing.assert_allclose(b, B, atol=0.01)
    np.testing.assert_allclose(c, 0.0, atol=0.01)
    np.testing.assert_allclose(model.std, 0.05, rtol=0.1)
    observations, actions = torch.randn(1, 4, 2), torch.rand(1, 4, 1)
    mean, _ = model.predict(observations, actions)
    wanted = observations[0] @ a.T + actions[0] @ b.T + c
    torch.testing.assert_close(mean[0], wanted, rtol=1e-4, atol=1e-5)


def test_too_little_data_and_none_at_all() -> None:
    model = LinearDynamics(2, 1)
    with pytest.raises(DynamicsError, match=r"3 transitions are too few .* 4 weights"):
        model.fit(linear_system(3, episodes=1))
    with pytest.raises(DynamicsError, match="before it was fitted"):
        model.predict(torch.zeros(1, 1, 2), torch.zeros(1, 1, 1))
