"""Learned rewards and ends, of a task that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from step_samples import make_step

from robot_learning.dynamics import DynamicsError, LinearDynamics, Outcomes, Transitions
from robot_learning.dynamics.joint_fit import JointFit
from robot_learning.dynamics.reward_model import RewardFit, RewardModel, RewardSettings
from robot_learning.planning.objectives import ObjectiveError, learned_rewards, objective_of


def reaching(n: int = 600, seed: int = 0) -> Transitions:
    """Minus the distance from a goal on a line, less half the action; over beyond 1.2."""
    rng = np.random.default_rng(seed)
    seen, done = rng.uniform(-1.5, 1.5, (n, 2)), rng.uniform(-1, 1, (n, 1))
    after, goals = seen + 0.1 * done, rng.uniform(-1, 1, (n, 1))
    rewards = -np.abs(after[:, 0] - goals[:, 0]) - 0.5 * np.abs(done[:, 0])
    data = Transitions.from_arrays(seen, done, after, np.arange(n) // 20)
    facts = (goals, rewards, (after[:, 1] > 1.2).astype(np.float32))
    return replace(data, outcomes=Outcomes(*(torch.tensor(f, dtype=torch.float32) for f in facts)))


def fresh(seed: int = 0, goal_size: int = 1, **changes: Any) -> RewardModel:
    chosen = RewardSettings.model_validate(
        {"hidden_sizes": (64, 64), "learning_rate": 3e-3} | changes
    )
    return RewardModel(2, 1, goal_size, chosen, torch.Generator().manual_seed(seed))


def fit(model: RewardModel, data: Transitions) -> dict[str, float]:
    rng = np.random.default_rng(0)
    work = RewardFit(model, *data.split(0.15), rng)
    while not work.advance():
        pass
    assert work.figures is not None
    return work.figures


@pytest.fixture(scope="module")
def learned() -> tuple[RewardModel, dict[str, float]]:
    model = fresh()
    return model, fit(model, reaching())


def test_rewards_towards_goals_and_ends_are_learned(
    learned: tuple[RewardModel, dict[str, float]],
) -> None:
    model, figures = learned
    unseen = reaching(300, seed=1)
    assert unseen.outcomes is not None
    parts = unseen.observations, unseen.actions, unseen.next_observations
    found = model.reward(*parts, unseen.outcomes.goals)
    away = found - unseen.outcomes.rewards
    assert float(away.square().mean() / unseen.outcomes.rewards.var()) < 0.05
    said = model.ends(unseen.next_observations, unseen.outcomes.goals) > 0.5
    assert float((said == unseen.outcomes.terminated.bool()).float().mean()) > 0.95
    assert figures["reward_error"] < 0.05 and figures["termination_loss"] < 0.15
    others = model.reward(*parts, -unseen.outcomes.goals)
    assert float((others - found).abs().mean()) > 0.3


def test_as_an_objective_it_judges_many_at_once(
    learned: tuple[RewardModel, dict[str, float]],
) -> None:
    goal = torch.tensor([0.5])
    objective = objective_of({"name": "learned"}, goal, learned[0])
    rows = torch.randn(3, 7, 2), torch.zeros(3, 7, 1), torch.randn(3, 7, 2)
    rewards, ends = objective.reward(*rows), objective.terminated(rows[2])
    assert rewards.shape == (3, 7) and ends.shape == (3, 7) and ends.dtype == torch.bool
    one = objective.reward(*(part[1, 2:3] for part in rows))
    torch.testing.assert_close(one[0], rewards[1, 2], rtol=1e-4, atol=1e-5)
    each = objective_of({"name": "learned"}, goal.expand(7, 1), learned[0])
    torch.testing.assert_close(each.reward(*(part[0] for part in rows)), rewards[0])


def test_no_reward_is_expected_beyond_those_that_were_seen(
    learned: tuple[RewardModel, dict[str, float]],
) -> None:
    far = 100.0 * torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    found = learned[0].reward(far[:, :2], far[:, 2:3], far[:, 3:5], far[:, 5:])
    outcomes = reaching().outcomes
    assert outcomes is not None
    assert outcomes.rewards.min() <= found.min() and found.max() <= outcomes.rewards.max()


def test_a_saved_model_is_the_same_and_another_size_is_refused(
    learned: tuple[RewardModel, dict[str, float]],
) -> None:
    model, twin = learned[0], fresh(9)
    twin.load_state_dict({k: v.float() for k, v in model.state_dict().items()})
    rows = torch.randn(5, 2), torch.randn(5, 1), torch.randn(5, 2), torch.randn(5, 1)
    assert torch.equal(model.reward(*rows), twin.reward(*rows))
    with pytest.raises(DynamicsError, match="reward has shape"):
        fresh(goal_size=2).load_state_dict(model.state_dict())


def test_a_reward_that_never_changes_is_what_is_predicted() -> None:
    data = reaching(200)
    assert data.outcomes is not None
    ones = Outcomes(data.outcomes.goals, torch.ones(200), torch.zeros(200))
    model = fresh()
    assert np.isfinite(list(fit(model, replace(data, outcomes=ones)).values())).all()
    parts = data.observations, data.actions, data.next_observations, ones.goals
    np.testing.assert_allclose(model.reward(*parts), 1.0, atol=0.2)
    assert not (model.ends(data.next_observations, ones.goals) > 0.5).any()
    barely = fresh(3, epochs=1, batch_size=500)
    fit(barely, replace(data, outcomes=ones))
    assert not (barely.ends(data.next_observations, ones.goals) > 0.5).any()


def test_it_is_fitted_with_the_model_on_the_same_held_out_episodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split, calls = Transitions.split, list[float]()

    def watched(self: Transitions, share: float) -> Any:
        calls.append(share)
        return split(self, share)

    monkeypatch.setattr(Transitions, "split", watched)
    model, rewards = LinearDynamics(2, 1), fresh(epochs=3)
    work = JointFit(model, reaching(), np.random.default_rng(0), rewards)
    pieces = 1
    while not work.advance():
        pieces += 1
    assert calls == [0.15] and len(work.held) == 100
    assert pieces == 3 * 8  # 500 rows are 8 batches of 64
    assert model.fitted and rewards.fitted
    assert {"model_error", "reward_error", "termination_loss"} <= set(work.figures)


def test_without_recorded_rewards_and_before_a_fit_there_is_no_answer() -> None:
    bare = replace(reaching(50), outcomes=None)
    with pytest.raises(DynamicsError, match="these transitions have none"):
        fit(fresh(), bare)
    with pytest.raises(DynamicsError, match="before it was learned"):
        fresh().ends(torch.zeros(1, 2), torch.zeros(1, 1))


def test_a_reward_that_is_not_finite_is_refused_with_its_place() -> None:
    steps = [make_step(0), make_step(1), replace(make_step(2), reward=float("nan"))]
    with pytest.raises(DynamicsError, match=r"transition 2 of 3: its reward is .*nan"):
        Transitions.of(steps, lambda action: action)
    kept = Transitions.of(steps[:2], lambda action: action).outcomes
    assert kept is not None
    assert kept.rewards.tolist() == pytest.approx([step.reward for step in steps[:2]])


def test_settings_of_a_learned_objective_are_checked() -> None:
    described = {"name": "learned", "hidden_sizes": [8], "epochs": 5}
    model = learned_rewards(described, 2, 1, 0, torch.Generator())
    assert model is not None and model.settings.hidden_sizes == (8,)
    with pytest.raises(ObjectiveError, match="objective learned: epoch: "):
        learned_rewards({"name": "learned", "epoch": 5}, 2, 1, 0, torch.Generator())
    assert learned_rewards({"name": "balance"}, 2, 1, 0, torch.Generator()) is None
