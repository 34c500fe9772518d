"""Gaussian process and locally weighted regression: against oracles, and what they are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_samples import linear_system
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from torch import Tensor

from robot_learning.dynamics import MODELS, DynamicsError, StoredModel, Transitions, begin_fit
from robot_learning.dynamics.gaussian_process import spread_out

KINDS = ["gaussian_process", "locally_weighted"]


def curved(n: int, *, noise: float = 0.0, seed: int = 0) -> Transitions:
    """A pendulum's kind of system: o1' = o1 + 0.1 o2, o2' = o2 + 0.3 sin 2 o1 + 0.2 a."""
    rng = np.random.default_rng(seed)
    seen, done = rng.uniform(-2, 2, (n, 2)), rng.uniform(-1, 1, (n, 1))
    after = seen + np.stack((0.1 * seen[:, 1], 0.3 * np.sin(2 * seen[:, 0]) + 0.2 * done[:, 0]), 1)
    after += noise * rng.normal(0, 1, (n, 2))
    return Transitions.from_arrays(seen, done, after, np.arange(n) // 10)


def fitted(kind: str, data: Transitions, **changes: Any) -> Any:
    chosen = MODELS[kind].settings.model_validate(changes)
    sizes = data.observations.shape[1], data.actions.shape[1]
    model = MODELS[kind].make(*sizes, chosen, torch.Generator())
    fit = begin_fit(model, data, np.random.default_rng(0))
    while not fit.advance():
        pass
    return model


def error(model: StoredModel, data: Transitions) -> float:
    mean, _ = model.predict(data.observations[None], data.actions[None])
    away = (mean[0] - data.next_observations) / data.changes.std(0)
    return float(away.square().mean().sqrt())


@pytest.mark.parametrize(("kind", "most"), [("gaussian_process", 0.02), ("locally_weighted", 0.35)])
def test_what_is_curved_is_learned_from_few_data_better_than_by_a_line(
    kind: str, most: float
) -> None:
    data, unseen = curved(150), curved(300, seed=1)
    found, line = error(fitted(kind, data), unseen), error(fitted("linear", data), unseen)
    assert found < most and found < 0.6 * line


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_linear_is_found_and_what_is_noise_is_said(kind: str) -> None:
    model = fitted(kind, linear_system(300, noise=0.05))
    unseen = linear_system(200, seed=3)
    _, std = model.predict(unseen.observations[None], unseen.actions[None])
    assert error(model, unseen) < 0.35  # a spread of the changes is 0.16: noise is a third of it
    assert 0.04 < float(std.median()) < 0.08


def test_predictions_are_those_of_scikit_learn_with_the_same_kernel() -> None:
    model, asked = fitted("gaussian_process", curved(120, noise=0.02)), curved(40, seed=2)
    points, targets = (model.state_dict()[name].double().numpy() for name in ("points", "targets"))
    rows = model.inputs.scale(asked.inputs).double().numpy()
    mean, std = model.predict(asked.observations[None], asked.actions[None])
    for dimension, kernel in enumerate(model.state_dict()["kernels"].double().numpy()):
        oracle = GaussianProcessRegressor(
            ConstantKernel(kernel[-2]) * RBF(kernel[:-2]) + WhiteKernel(kernel[-1]),
            alpha=0.0,
            optimizer=None,
        ).fit(points, targets[:, dimension])
        wanted, deviation = oracle.predict(rows, return_std=True)
        scale, middle = (float(part[dimension]) for part in (model.changes.std, model.changes.mean))
        change = (mean[0] - asked.observations)[:, dimension].numpy()
        np.testing.assert_allclose(change, wanted * scale + middle, atol=2e-6)
        np.testing.assert_allclose(std[0, :, dimension], deviation * scale, rtol=1e-3)


def test_a_local_model_is_weighted_least_squares_of_the_nearest() -> None:
    model = fitted("locally_weighted", curved(150), neighbours=12, ridge=1e-12)
    asked = curved(20, seed=2)
    mean, _ = model.predict(asked.observations[None], asked.actions[None])
    points, targets = (model.state_dict()[name].double().numpy() for name in ("points", "targets"))
    for row, found in zip(model.inputs.scale(asked.inputs).double().numpy(), mean[0], strict=True):
        away = np.linalg.norm(points - row, axis=1)
        near = np.argsort(away)[:12]
        root = np.exp(-((away[near] / away[near].max()) ** 2))[:, None]
        design = np.hstack((np.ones((12, 1)), points[near] - row))
        solution = np.linalg.lstsq(root * design, root * targets[near], rcond=None)[0][0]
        change = torch.from_numpy(solution).float()
        wanted = model.inputs.unscale(torch.from_numpy(row).float())[:2]
        torch.testing.assert_close(found, wanted + model.changes.unscale(change), atol=2e-4, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_it_doubts_itself_where_nothing_was_seen(kind: str) -> None:
    model = fitted(kind, curved(200, noise=0.02))
    inside, actions = curved(100, seed=5).observations * 0.5, torch.zeros(100, 1)
    near, far = (model.disagreement(where, actions) for where in (inside, inside + 12.0))
    assert near.shape == (100,) and far.median() > 3.0 * near.median()


def test_far_from_every_point_a_gaussian_process_expects_any_change() -> None:
    data = curved(150)
    model = fitted("gaussian_process", data)
    where = torch.full((1, 1, 2), 500.0), torch.zeros(1, 1, 1)
    near = torch.zeros(1, 1, 2), torch.zeros(1, 1, 1)
    assert (model.predict(*where)[1] > 10.0 * model.predict(*near)[1]).all()


@pytest.mark.parametrize("kind", ["linear", *KINDS])
def test_a_constant_dimension_does_no_harm_and_is_predicted_to_stay(kind: str) -> None:
    data = curved(150)
    stuck = torch.full((len(data), 1), 3.0)
    seen = torch.cat((data.observations, stuck), 1)
    after = torch.cat((data.next_observations, stuck), 1)
    model = fitted(kind, Transitions(seen, data.actions, after, data.episodes))
    mean, std = model.predict(seen[None, :50], data.actions[None, :50])
    np.testing.assert_allclose(mean[0, :, 2], 3.0, atol=1e-4)
    assert float(std[..., 2].max()) < 1e-4 and mean.isfinite().all() and std.isfinite().all()


@pytest.mark.parametrize("kind", ["linear", *KINDS])
def test_too_little_data_says_how_much_there_is_and_is_wanted(kind: str) -> None:
    with pytest.raises(DynamicsError, match=r"^20 transitions are too few.*, 50 are wanted"):
        fitted(kind, curved(20))


def test_fewer_transitions_than_neighbours_are_too_few() -> None:
    """Of 60 in six episodes one is held out."""
    with pytest.raises(DynamicsError, match=r"50 transitions are too few .* 51 .*lower neighbours"):
        fitted("locally_weighted", curved(60), neighbours=51)


def test_of_more_points_than_it_may_keep_it_keeps_those_that_lie_far_apart() -> None:
    data = curved(400)
    crowd = data.take(torch.zeros(300, dtype=torch.int64))  # one transition again and again
    both = Transitions(
        *(
            torch.cat((getattr(crowd, name), getattr(data, name)))
            for name in ("observations", "actions", "next_observations")
        ),
        torch.arange(700) // 10,
    )
    model = fitted("gaussian_process", both, points_max=60)
    points = model.state_dict()["points"]
    assert len(points) == 60 and len(points.unique(dim=0)) == 60
    assert error(model, curved(300, seed=1)) < 0.15


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=40),
    st.integers(1, 50),
)
def test_spread_rows_are_some_of_the_rows_each_once(
    rows: list[tuple[float, float]], count: int
) -> None:
    chosen = spread_out(torch.tensor(rows), count).tolist()
    assert chosen == sorted(set(chosen)) and set(chosen) <= set(range(len(rows)))
    assert 1 <= len(chosen) <= min(count, len(rows))
    if len(set(rows)) >= count:
        assert len(chosen) == min(count, len(rows))


def test_the_kernels_of_a_gaussian_process_are_found_one_a_piece() -> None:
    model: Any = MODELS["gaussian_process"].make(2, 1, None, torch.Generator())
    fit, pieces = begin_fit(model, curved(60), np.random.default_rng(0)), 1
    while not fit.advance():
        assert not model.fitted
        pieces += 1
    assert pieces == 3 and model.fitted and fit.report is not None
    assert fit.report.transitions == (50, 10) and fit.report.error[0] < 0.5


def test_the_same_data_gives_the_same_model() -> None:
    def predicted(kind: str) -> Tensor:
        data = curved(80, noise=0.01)
        mean, std = fitted(kind, data).predict(data.observations[None], data.actions[None])
        return torch.cat((mean, std))

    for kind in KINDS:
        assert torch.equal(predicted(kind), predicted(kind))
