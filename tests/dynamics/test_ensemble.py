"""An ensemble on systems that are known: what it predicts, what it doubts, when it stops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_samples import A, B, linear_system, settings

from robot_learning.dynamics import DynamicsError, Ensemble, EnsembleFit, Transitions


def fitted(data: Transitions, seed: int = 0, **changes: object) -> tuple[Ensemble, EnsembleFit]:
    chosen = settings(**changes)
    size = data.observations.shape[1], data.actions.shape[1]
    model = Ensemble(*size, chosen, torch.Generator().manual_seed(seed))
    fit = EnsembleFit(model, data, np.random.default_rng(seed))
    fit.run()
    return model, fit


def asked(model: Ensemble, observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """The mean over members."""
    rows = [torch.as_tensor(part, dtype=torch.float32) for part in (observations, actions)]
    mean, _ = model.predict(*(part.expand(model.members, *part.shape) for part in rows))
    return mean.mean(0).numpy()


@pytest.mark.parametrize("likelihood", ["gaussian", "squared_error"])
@pytest.mark.parametrize("diversity", ["bootstrap", "initialisation"])
def test_it_predicts_a_linear_system(likelihood: str, diversity: str) -> None:
    model, fit = fitted(linear_system(), likelihood=likelihood, diversity=diversity)
    rng = np.random.default_rng(1)
    observations, actions = rng.normal(0, 1, (200, 2)), rng.uniform(-1, 1, (200, 1))
    wanted = observations @ A.T + actions @ B.T
    spread = (wanted - observations).std(0)
    assert (np.abs(asked(model, observations, actions) - wanted).mean(0) < 0.1 * spread).all()
    assert fit.report is not None and max(fit.report.error) < 0.05


def test_it_says_how_much_noise_there_is() -> None:
    model, _ = fitted(linear_system(2_000, noise=0.1), epochs=40)
    middle = torch.zeros(model.members, 1, 2), torch.zeros(model.members, 1, 1)
    _, std = model.predict(*middle)
    np.testing.assert_allclose(std.mean(0)[0], 0.1, rtol=0.35)


def test_a_rare_touch_is_no_noise() -> None:
    """A block is moved in one of thirty transitions, by whoever comes down on it."""
    rng = np.random.default_rng(0)
    n = 1_500
    seen, actions = rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, (n, 1))

    def after(rows: np.ndarray, taken: np.ndarray) -> np.ndarray:
        touched = (rows[:, 0] < -0.8) & (taken[:, 0] < -0.3)
        moved = np.where(touched, 0.5 * (-0.3 - taken[:, 0]), 0.0)
        return rows + np.stack((0.1 * taken[:, 0], moved), 1)

    data = Transitions.from_arrays(seen, actions, after(seen, actions), np.arange(n) // 50)
    touching = np.full((50, 2), -0.95), np.linspace(-1.0, -0.5, 50)[:, None]
    wanted = after(*touching)[:, 1] - touching[0][:, 1]
    missed = []
    for weight in (0.0, 0.5):
        model, _ = fitted(data, variance_weight=weight, epochs=60, hidden_sizes=(64, 64))
        found = asked(model, *touching)[:, 1] - touching[0][:, 1]
        missed.append(np.abs(found - wanted).mean() / wanted.mean())
    assert missed[1] < 0.3 and missed[1] < missed[0]


def test_members_disagree_where_nothing_was_seen() -> None:
    model, _ = fitted(linear_system())
    inside, outside = torch.zeros(50, 2), torch.full((50, 2), 12.0)
    actions = torch.zeros(50, 1)
    near, far = model.disagreement(inside, actions), model.disagreement(outside, actions)
    assert near.shape == (50,) and far.min() > 5.0 * near.max()


def test_the_elites_are_those_that_are_best_on_what_was_held_out() -> None:
    model, fit = fitted(linear_system(), members=4, elites=2)
    assert fit.report is not None
    order = np.argsort(fit.report.error)
    assert model.elites.tolist() == sorted(order[:2].tolist()) and model.members == 2


def test_a_fit_ends_when_held_out_episodes_are_no_better_for_it() -> None:
    """Noise alone: there is nothing to learn, and it is not learned by heart."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (300, 2)), rng.normal(0, 1, (300, 1)), rng.normal(0, 1, (300, 2))
    data = Transitions.from_arrays(*rows, np.arange(300) // 30)
    _, fit = fitted(data, patience=5, likelihood="squared_error")
    assert fit.report is not None and fit.report.epochs < 60


def test_a_constant_dimension_does_no_harm_and_is_predicted_to_stay() -> None:
    data = linear_system()
    stuck = torch.full((len(data), 1), 3.0)
    observations = torch.cat((data.observations, stuck), 1)
    after = torch.cat((data.next_observations, stuck), 1)
    model, _ = fitted(Transitions(observations, data.actions, after, data.episodes))
    predicted = asked(model, observations[:50].numpy(), data.actions[:50].numpy())
    np.testing.assert_allclose(predicted[:, 2], 3.0, atol=1e-4)


def test_too_little_data_says_how_much_there_is_and_is_wanted() -> None:
    with pytest.raises(DynamicsError, match=r"20 transitions are too few.*, 50 are wanted"):
        fitted(linear_system(20))


def test_a_model_that_was_not_fitted_does_not_answer() -> None:
    model = Ensemble(2, 1, settings(), torch.Generator())
    with pytest.raises(DynamicsError, match="asked before it was fitted"):
        model.predict(torch.zeros(2, 1, 2), torch.zeros(2, 1, 1))


def test_more_elites_than_members_are_refused() -> None:
    with pytest.raises(DynamicsError, match="elites 4 are more than members 3"):
        Ensemble(2, 1, settings(elites=4), torch.Generator())


def test_the_product_of_all_members_is_that_of_each_alone() -> None:
    model, _ = fitted(linear_system(), members=4, elites=3)
    rows = torch.randn(3, 7, 2), torch.rand(3, 7, 1)
    mean, std = model.predict(*rows)
    for place, member in enumerate(model.elites.tolist()):
        inputs = model.inputs.scale(torch.cat((rows[0][place], rows[1][place]), 1))
        outputs = model.network.member(member, inputs)
        changes, _ = model._distribution(outputs)
        alone = rows[0][place] + model.changes.unscale(changes)
        torch.testing.assert_close(mean[place], alone, rtol=1e-5, atol=1e-6)
    assert (std > 0).all()


def test_a_saved_model_is_the_same_model() -> None:
    model, _ = fitted(linear_system())
    twin = Ensemble(2, 1, settings(), torch.Generator().manual_seed(9))
    twin.load_state_dict(model.state_dict())
    rows = torch.randn(2, 5, 2), torch.rand(2, 5, 1)
    for one, other in zip(model.predict(*rows), twin.predict(*rows), strict=True):
        assert torch.equal(one, other)
    for each in (model, twin):
        EnsembleFit(each, linear_system(seed=5), np.random.default_rng(3)).run()
    assert torch.equal(model.network.flat, twin.network.flat)
