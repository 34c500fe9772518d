"""Planning in ensembles: what is fitted when, what is planned, and what a policy file carries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from pydantic import ValidationError

import robot_learning.envs
from robot_learning.algorithms.base import Spaces
from robot_learning.algorithms.pets import PETS, PETSHyperParameters
from robot_learning.dynamics import DynamicsError
from robot_learning.envs.cart_pole import CartPole
from robot_learning.evaluation.rollout import evaluate
from robot_learning.networks import MlpPolicy
from robot_learning.planning.objectives import ObjectiveError
from robot_learning.planning.policy import PlannerPolicy
from robot_learning.replay.journal_format import read_steps
from robot_learning.training.expert import find_expert
from robot_learning.training.learner import Learner
from robot_learning.training.learner_types import LearnerSettings
from robot_learning.training.open_trainer import environment_settings, open_trainer
from robot_learning.training.policy_file import (
    PolicyFileError,
    policy_from_bytes,
    policy_to_bytes,
    save_policy,
)
from robot_learning.training.trainer import Trainer

SPACES = Spaces(4, 0, (-1.0,), (1.0,))
SMALL: dict[str, Any] = {
    "members": 3, "elites": 3, "hidden_sizes": (32, 32), "learning_rate": 3e-3, "epochs": 60,
    "population": 32, "rounds": 2, "warmup_steps": 150, "update_every_steps": 150,
    "objective": {"name": "balance"},
}  # fmt: skip


def settings(steps: int = 300, **changes: Any) -> LearnerSettings:
    return LearnerSettings(
        algorithm="pets",
        hyper=PETSHyperParameters.model_validate(SMALL | changes),
        spaces=SPACES,
        seed=0,
        steps_goal=steps,
        environment="gymnasium:robot_learning/CartPole-v0",
        has_success=False,
    )


def cart_pole(steps_max: int = 200) -> Any:
    assert robot_learning.envs
    return gymnasium.make("robot_learning/CartPole-v0", max_episode_steps=steps_max)


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    """One that has seen 150 random steps, and then 150 of its own."""
    made = Learner(tmp_path_factory.mktemp("pets"), settings())
    Trainer(cart_pole(), made).run()
    return made


def policy(learner: Learner) -> PlannerPolicy:
    found = learner.policy()
    assert isinstance(found, PlannerPolicy)
    return found


def test_what_it_learned_from_150_random_steps_balances_longer_than_chance(
    learner: Learner,
) -> None:
    figures = evaluate(
        cart_pole(), learner.policy(), episodes=2, seed=0, hold_steps=1, has_success=False
    )
    assert figures.mean_return > 100.0  # a random policy: about 30


def test_the_same_observations_since_the_beginning_give_the_same_actions(learner: Learner) -> None:
    acts = policy(learner)
    seen = np.tile([0.0, 0.0, 0.15, 0.5], (4, 1))  # about to fall: something must be done

    def episode() -> list[float]:
        acts.begin()
        return [float(acts.act(row.astype(np.float32))[0]) for row in seen]

    assert episode() == episode()
    first = acts.act(seen[0].astype(np.float32))
    acts.begin()
    assert not np.array_equal(first, acts.act(seen[0].astype(np.float32)))


def test_open_loop_a_plan_is_carried_out_whatever_is_seen(learner: Learner) -> None:
    trained = policy(learner)
    planner = trained.settings.model_copy(update={"replan_every_steps": 3})
    acts = replace(trained, settings=planner)
    acts.begin()
    acts.act(np.float32([0.0, 0.0, 0.15, 0.5]))
    first = acts.newest
    assert first is not None
    for step in (1, 2):
        assert acts.act(np.full(4, 0.1, np.float32)) == pytest.approx(first.actions[step].numpy())
        assert acts.newest is first
    acts.act(np.zeros(4, np.float32))
    assert acts.newest is not first


def test_a_policy_file_carries_model_search_and_objective(learner: Learner) -> None:
    original = policy(learner).frozen(3)
    found, _ = policy_from_bytes(policy_to_bytes(original))
    assert isinstance(found, PlannerPolicy) and found.version == 3
    rows = np.random.default_rng(1).uniform(-0.05, 0.05, (3, 4)).astype(np.float32)
    np.testing.assert_array_equal(found.act(rows), original.act(rows))
    assert found.objective == {"name": "balance"}
    assert policy_to_bytes(found) == policy_to_bytes(original)


def test_a_file_whose_planner_does_not_fit_is_refused_with_the_reason(learner: Learner) -> None:
    original = policy(learner).frozen(1)
    for changes, reason in (
        ({"objective": {"name": "balanse"}}, "did you mean balance"),
        ({"objective": {}}, "no objective is called None"),
        ({"objective": {"name": "learned"}}, "its model does not fit together"),
    ):
        with pytest.raises(PolicyFileError, match=reason):
            policy_from_bytes(policy_to_bytes(replace(original, **changes)))


def test_frozen_does_not_change_with_what_is_learned_later(learner: Learner) -> None:
    kept = policy(learner).frozen(1)
    before = policy_to_bytes(kept)
    weights = policy(learner).model.state_dict()["network"]
    learned = policy(learner).model.network.flat
    learned.add_(1.0)
    try:
        assert policy_to_bytes(kept) == before
        assert policy_to_bytes(policy(learner).frozen(1)) != before
    finally:
        learned.copy_(weights)
    assert kept.model is not policy(learner).model


def test_it_is_fitted_after_every_trial_and_not_before_there_is_data(tmp_path: Path) -> None:
    learner = Learner(tmp_path, settings(steps=149))
    Trainer(cart_pole(), learner).run()
    assert not policy(learner).model.fitted and learner.updates_due() == 0
    with pytest.raises(DynamicsError, match="before it was fitted"):
        learner.policy().act(np.zeros(4, np.float32))


def test_a_run_that_goes_on_has_its_data_and_its_model(tmp_path: Path) -> None:
    def opened(name: str, steps: int, *, resume: bool = False) -> Learner:
        return Learner(tmp_path / name, settings(steps), resume=resume)

    whole = opened("whole", 320)
    Trainer(cart_pole(), whole).run()
    cut = opened("cut", 320)
    trainer = Trainer(cart_pole(), cut)
    trainer.run(on_boundary=lambda: trainer.checkpoint())
    trainer.checkpoint()
    cut.close()
    again = opened("cut", 320, resume=True)
    assert policy_to_bytes(again.policy().frozen(1)) == policy_to_bytes(whole.policy().frozen(1))
    assert again.updates == whole.updates


def test_a_planner_is_distilled_into_a_network_by_dagger(learner: Learner, tmp_path: Path) -> None:
    save_policy(tmp_path / "planner", learner.policy_file(version=1))
    rounds = {"rounds": 2, "demonstration_episodes": 1, "validation_episodes": 1}
    short = cart_pole(80)
    asked = environment_settings(
        short, "gymnasium:robot_learning/CartPole-v0", "dagger", rounds,
        seed=0, steps=400, evaluation_episodes=0,
    )  # fmt: skip
    planner = find_expert(asked, str(tmp_path / "planner"))
    assert isinstance(planner, PlannerPolicy)
    out = tmp_path / "network"
    trainer = open_trainer(asked, short, cart_pole, out, resume=False, expert=planner)
    trainer.run()
    first = [step for _, step in read_steps(out / "steps.journal") if step.episode_step == 0]
    assert len(first) == 2
    for step in first:  # every episode is planned from its own beginning
        planner.begin()
        assert np.array_equal(step.requested_action, planner.act(step.observation))
    student = trainer.learner.policy()
    assert isinstance(student, MlpPolicy)
    figures = evaluate(short, student, episodes=3, seed=0, hold_steps=1, has_success=False)
    assert figures.mean_return > 60.0  # of 80; a random policy: about 30


def test_without_an_objective_it_says_where_it_knows_one() -> None:
    hyper = PETSHyperParameters.model_validate({k: v for k, v in SMALL.items() if k != "objective"})
    with pytest.raises(ObjectiveError, match="pets learns reach, push"):
        PETS(SPACES, hyper, 0)


def test_the_environment_is_the_published_one() -> None:
    """One step by hand, from rest and upright: mbrl-lib's constants (Barto et al. 1983)."""
    env = CartPole()
    env.reset(seed=0)
    env._state = np.zeros(4)
    after, reward, fallen, _, _ = env.step(np.array([1.0], np.float32))
    angular = -(10.0 / 1.1) / (0.5 * (4.0 / 3.0 - 0.1 / 1.1))
    linear = 10.0 / 1.1 - 0.05 * angular / 1.1
    np.testing.assert_allclose(after, [0.0, 0.02 * linear, 0.0, 0.02 * angular], rtol=1e-6)
    assert reward == 1.0 and not fallen


FEW: dict[str, Any] = {
    "warmup_steps": 60, "update_every_steps": 30, "population": 8, "rounds": 1, "horizon": 8,
    "points_max": 60,
}  # fmt: skip
LEARNED: dict[str, Any] = {"objective": {"name": "learned", "hidden_sizes": [16], "epochs": 4}}


@pytest.mark.parametrize(
    "changes",
    [
        {"dynamics": "linear"},
        {"dynamics": "gaussian_process"},
        {"dynamics": "locally_weighted"},
        {"likelihood": "squared_error", "epochs": 5} | LEARNED,
        {"dynamics": "linear"} | LEARNED,
    ],
    ids=["linear", "gaussian_process", "locally_weighted", "deterministic, learned", "learned"],
)
def test_any_model_and_learned_rewards_go_on_and_play_from_their_file(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    def opened(name: str, *, resume: bool = False) -> Learner:
        return Learner(tmp_path / name, settings(110, **(FEW | changes)), resume=resume)

    whole, reports = opened("whole"), list[dict[str, float]]()
    Trainer(cart_pole(), whole).run(on_step=reports.append)
    found = [figures for figures in reports if "model_error" in figures]
    assert len(found) == 2 and all(np.isfinite(list(each.values())).all() for each in found)
    learned = "objective" in changes
    assert all(("reward_error" in figures) is learned for figures in found)

    original = policy(whole).frozen(1)
    again, _ = policy_from_bytes(policy_to_bytes(original))
    assert policy_to_bytes(again) == policy_to_bytes(original)
    assert isinstance(again, PlannerPolicy) and (again.rewards is not None) is learned
    row = np.array([0.02, 0.0, 0.1, 0.3], np.float32)
    np.testing.assert_array_equal(again.act(row), original.act(row))

    cut = opened("cut")
    trainer = Trainer(cart_pole(), cut)
    trainer.run(on_boundary=trainer.checkpoint)
    trainer.checkpoint()
    cut.close()
    resumed = opened("cut", resume=True)
    assert policy_to_bytes(resumed.policy().frozen(1)) == policy_to_bytes(original)
    assert resumed.update(1) == {}  # what it has was fitted already


def test_doubt_that_no_member_can_have_is_refused() -> None:
    for changes, reason in (
        ({"dynamics": "linear", "disagreement_cost": 1.0}, "wants several members"),
        ({"dynamics": "gaussian_process", "pessimism": 1.0}, "raise particles"),
    ):
        with pytest.raises(ValidationError, match=reason):
            PETSHyperParameters.model_validate(SMALL | changes)


def test_too_few_steps_for_a_fit_are_said_when_it_is_due(tmp_path: Path) -> None:
    few = settings(40, dynamics="gaussian_process", warmup_steps=20, update_every_steps=20)
    with pytest.raises(DynamicsError, match=r"20 transitions are too few .* 50 are wanted"):
        Trainer(cart_pole(), Learner(tmp_path, few)).run()


def test_an_objective_that_does_not_fit_is_refused_before_anything_is_collected() -> None:
    for described, reason in (
        ({"name": "balanse"}, "did you mean balance"),
        ({"name": "learned", "layers": 3}, "objective learned: layers"),
    ):
        hyper = PETSHyperParameters.model_validate(SMALL | {"objective": described})
        with pytest.raises(ObjectiveError, match=reason):
            PETS(SPACES, hyper, 0)


def test_far_from_what_it_has_seen_it_doubts_and_near_it_does_not(learner: Learner) -> None:
    acts = policy(learner)
    near, far = np.zeros(4, np.float32), np.array([0.0, 0.0, 3.0, 60.0], np.float32)
    action = np.zeros(1, np.float32)
    assert 0.0 <= acts.doubt(near, None, action) < 3.0
    assert acts.doubt(far, None, action) > 3.0 * acts.doubt(near, None, action)
    read, _ = policy_from_bytes(policy_to_bytes(acts.frozen(1)))
    assert read.doubt(far, None, action) == pytest.approx(acts.doubt(far, None, action), rel=1e-5)


def test_kept_to_a_time_it_takes_the_shorter_of_that_and_its_own_and_forgets(
    learner: Learner,
) -> None:
    acts = policy(learner)
    bounded = acts.within(20.0)
    assert bounded.settings.replan_budget_s == 20.0 and acts.settings.replan_budget_s is None
    assert bounded.within(50.0).settings.replan_budget_s == 20.0
    assert bounded.within(None).settings.replan_budget_s == 20.0
    assert bounded.newest is None and bounded.thought is None and bounded.model is acts.model
    bounded.act(np.zeros(4, np.float32))
    assert bounded.thought is not None and bounded.thought.scored > 0
    assert "population (32), rounds (2)" in bounded.lighter and "[32, 32]" in bounded.lighter


def test_while_a_fit_is_under_way_it_acts_in_the_model_of_the_one_before(
    learner: Learner,
) -> None:
    known: Any = learner._algorithm
    method = PETS(SPACES, known._hyper, 0)
    assert not method.policy().ready
    method.load_state_dict(*known.state_dict())
    before = policy_to_bytes(method.policy().frozen(1))
    method.experience(known._steps)
    method._fitted_steps = 0
    batch: Any = None
    assert method.update(batch) == {} and method._fit is not None
    assert policy_to_bytes(method.policy().frozen(1)) == before
    while not method.update(batch):
        pass
    assert policy_to_bytes(method.policy().frozen(1)) != before
