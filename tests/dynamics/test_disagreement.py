"""What is usual for a model, and how far beyond that it is where it has never been."""

from __future__ import annotations

import numpy as np
import torch
from model_samples import linear_system, settings

from robot_learning.dynamics import Ensemble, EnsembleFit, Transitions
from robot_learning.dynamics.disagreement import usual_disagreement


def fitted(data: Transitions) -> tuple[Ensemble, EnsembleFit]:
    size = data.observations.shape[1], data.actions.shape[1]
    model = Ensemble(*size, settings(members=5, elites=5), torch.Generator().manual_seed(0))
    fit = EnsembleFit(model, data, np.random.default_rng(0))
    fit.run()
    return model, fit


def test_nearly_all_that_it_has_learned_is_usual_and_the_far_away_is_not() -> None:
    data = linear_system(noise=0.3)
    model, fit = fitted(data)
    usual = usual_disagreement(model, fit.held)
    near = model.disagreement(data.observations, data.actions)
    far = model.disagreement(data.observations + 50.0, data.actions)
    assert float((near <= usual).float().mean()) > 0.9
    assert float(far.min()) > 3.0 * usual


def test_a_model_that_is_sure_of_everything_does_not_doubt_trifles() -> None:
    model, fit = fitted(linear_system())
    assert usual_disagreement(model, fit.held) == 0.05
