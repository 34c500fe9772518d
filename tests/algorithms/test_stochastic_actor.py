from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, Independent, Normal

from robot_learning.networks.stochastic_actor import (
    CategoricalActor,
    GaussianActor,
    StateDependentActor,
    StochasticActor,
)

SIZES = (3, 8, 2)
INPUTS = torch.linspace(-1, 1, 15).view(5, 3)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def actors() -> list[StochasticActor]:
    return [
        CategoricalActor(SIZES, generator()),
        GaussianActor(SIZES, generator(), -0.5),
        StateDependentActor(SIZES, generator(), -0.5, hold_steps=4),
    ]


@pytest.mark.parametrize("actor", actors(), ids=["categorical", "gaussian", "state_dependent"])
def test_drawn_actions_have_the_probability_that_is_judged(actor: StochasticActor) -> None:
    actions, logs = actor.sample(INPUTS, generator())
    again, _ = actor.judge(INPUTS, actions)
    torch.testing.assert_close(logs, again)


def test_choices_and_gaussians_are_torchs() -> None:
    categorical, gaussian, _ = actors()
    choices = torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0]])
    logs, entropies = categorical.judge(INPUTS, choices)
    reference = Categorical(logits=categorical.network(INPUTS))
    torch.testing.assert_close(logs, reference.log_prob(choices[:, 0]))
    torch.testing.assert_close(entropies, reference.entropy())
    actions = torch.randn(5, 2, generator=generator())
    logs, entropies = gaussian.judge(INPUTS, actions)
    normal = Independent(Normal(gaussian.network(INPUTS), gaussian.log_std.exp()), 1)
    torch.testing.assert_close(logs, normal.log_prob(actions))
    torch.testing.assert_close(entropies, normal.entropy())


def test_state_dependent_exploration_is_that_of_stable_baselines() -> None:
    distributions = pytest.importorskip("stable_baselines3.common.distributions")
    actor = StateDependentActor(SIZES, generator(), -0.5, hold_steps=4)
    actions, _ = actor.sample(INPUTS, generator())
    theirs = distributions.StateDependentNoiseDistribution(2)
    theirs.proba_distribution_net(8, latent_sde_dim=8, log_std_init=-0.5)
    hidden = actor.network.hidden(INPUTS)
    theirs.proba_distribution(actor.network(INPUTS), actor.log_std.view(8, 2), hidden)
    theirs.exploration_matrices = actor.noise
    torch.testing.assert_close(actions, theirs.sample())
    logs, entropies = actor.judge(INPUTS, actions)
    torch.testing.assert_close(logs, theirs.log_prob(actions))
    torch.testing.assert_close(entropies, theirs.entropy())


def test_held_noise_gives_the_same_state_the_same_action_until_it_is_drawn_anew() -> None:
    actor = StateDependentActor(SIZES, generator(), 0.0, hold_steps=3)
    source = generator()
    drawn = [actor.sample(INPUTS, source)[0] for _ in range(4)]
    assert torch.equal(drawn[0], drawn[1]) and torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[3])
    # Each environment has noise of its own.
    same = actor.sample(INPUTS[:1].expand(5, 3).contiguous(), source)[0]
    assert len(torch.unique(same[:, 0])) == 5


@pytest.mark.parametrize("actor", actors()[1:], ids=["gaussian", "state_dependent"])
def test_the_gradient_has_a_part_for_the_deviation(actor: GaussianActor) -> None:
    actions = torch.ones(5, 2)
    network, log_std = actor.gradient(actor.judge(INPUTS, actions)[0].mean())
    assert network.shape == actor.network.flat.shape
    for index in (0, len(log_std) - 1):
        with torch.no_grad():
            actor.log_std[index] += 1e-3
            above = actor.judge(INPUTS, actions)[0].mean().item()
            actor.log_std[index] -= 2e-3
            below = actor.judge(INPUTS, actions)[0].mean().item()
            actor.log_std[index] += 1e-3
        assert log_std[index].item() == pytest.approx((above - below) / 2e-3, rel=0.05, abs=2e-3)
