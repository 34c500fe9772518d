"""A learner with demonstrations: what is learned before the first step, and from what after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demonstration_samples import shown
from learner_samples import SPACES
from point_mass import PointMass
from step_samples import make_step

from robot_learning.algorithms import OffPolicyAlgorithm, off_policy_algorithm
from robot_learning.demonstrations import Demonstrations
from robot_learning.replay import Batch
from robot_learning.training.learner import Learner, LearnerSettings
from robot_learning.training.policy_file import policy_to_bytes
from robot_learning.training.settings import SettingsError
from robot_learning.training.trainer import Trainer

SMALL: dict[str, Any] = {
    "hidden_sizes": (8,), "batch_size": 16, "replay_capacity": 20, "warmup_steps": 0,
    "pretraining_updates": 30, "updates_per_step": 2.0,
}  # fmt: skip


def make_settings(
    algorithm: str = "ddpgfd", demonstrations: Demonstrations | None = None, **hyper: Any
) -> LearnerSettings:
    model = off_policy_algorithm(algorithm).hyper_parameters
    return LearnerSettings(
        algorithm=algorithm,
        hyper=model.model_validate(SMALL | hyper),
        spaces=SPACES,
        seed=3,
        steps_goal=1_000,
        environment="gymnasium:robot_learning_tests/PointMass-v0",
        demonstrations=demonstrations or shown(),
    )


def feed(learner: Learner, numbers: range) -> None:
    for number in numbers:
        assert learner.insert(make_step(number))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Every batch that DDPGfD or RLPD learns from, as it comes."""
    seen: list[Batch] = []

    def watch(method: type[OffPolicyAlgorithm]) -> None:
        update = method.update

        def watched(self: Any, batch: Batch) -> dict[str, float]:
            seen.append(batch)
            return update(self, batch)

        monkeypatch.setattr(method, "update", watched)

    for name in ("td3", "sac"):  # whose updates theirs are
        watch(off_policy_algorithm(name))
    return seen


@pytest.mark.parametrize("algorithm", ["ddpgfd", "rlpd", "td3"])
def test_pretraining_is_due_before_the_first_step_and_is_of_demonstrations_alone(
    tmp_path: Path, batches: list[Batch], algorithm: str
) -> None:
    learner = Learner(tmp_path, make_settings(algorithm))
    assert (learner.steps, learner.updates_due()) == (0, 30)
    learner.update(learner.updates_due())
    assert (learner.updates, learner.updates_due()) == (30, 0)
    assert all(batch.demonstrated is not None and batch.demonstrated.all() for batch in batches)
    feed(learner, range(10))  # two updates each, of whole episodes
    assert learner.updates_due() == 20


def test_the_trainer_pretrains_before_it_acts(tmp_path: Path) -> None:
    learner = Learner(tmp_path, replace(make_settings(), steps_goal=1))
    updates_at_step = []

    class Watching(PointMass):
        def step(self, action: Any) -> Any:
            updates_at_step.append(learner.updates)
            return super().step(action)

    Trainer(Watching(), learner).run()
    assert updates_at_step == [30]


def test_without_demonstrations_nothing_is_pretrained(tmp_path: Path) -> None:
    learner = Learner(tmp_path, replace(make_settings("td3"), demonstrations=None))
    assert learner.updates_due() == 0
    feed(learner, range(5))
    assert learner.updates_due() == 10


def test_the_normaliser_begins_with_what_was_shown(tmp_path: Path) -> None:
    learner, expected = Learner(tmp_path, make_settings()), shown().inputs()
    policy = learner.policy()
    np.testing.assert_allclose(policy.mean, expected.mean(0), atol=1e-4)
    np.testing.assert_allclose(policy.std, expected.std(0), rtol=0.05)


def test_ddpgfd_mixes_its_own_steps_in_and_never_forgets_what_was_shown(
    tmp_path: Path, batches: list[Batch]
) -> None:
    """A hundred steps later only the newest twenty are left, and all demonstrations."""
    learner = Learner(tmp_path, make_settings(n_step=3))
    feed(learner, range(100))
    learner.update(60)
    rows = [np.concatenate([getattr(batch, name) for batch in batches]) for name in Batch._fields]
    late = Batch(*rows)
    assert late.demonstrated is not None and late.discounts is not None
    whose = late.demonstrated == 1
    assert 0.0 < whose.mean() < 1.0
    np.testing.assert_allclose(late.actions[whose], 0.5)
    assert len(np.unique(late.inputs[whose], axis=0)) == len(np.unique(shown().inputs(), axis=0))
    assert len(np.unique(late.inputs[~whose], axis=0)) == 20
    spans = np.round(np.log(late.discounts) / np.log(0.99)).astype(int)
    assert set(spans) == {1, 2, 3}


def test_rlpds_batches_are_half_what_was_shown_however_much_it_did_itself(
    tmp_path: Path, batches: list[Batch]
) -> None:
    learner = Learner(tmp_path, make_settings("rlpd", replay_capacity=1_000))
    feed(learner, range(200))
    learner.update(5)
    for batch in batches:
        assert (batch.rewards == 100).tolist() == [True] * 8 + [False] * 8


def test_demonstrations_count_as_no_steps_and_no_episodes(tmp_path: Path) -> None:
    learner = Learner(tmp_path, make_settings())
    assert (learner.steps, learner.episodes, learner.status().success_window) == (0, 0, 0)
    feed(learner, range(5))
    assert (learner.steps, learner.episodes) == (5, 1)


@pytest.mark.parametrize("algorithm", ["ddpgfd", "rlpd"])
def test_a_resumed_learner_is_the_same_learner(tmp_path: Path, algorithm: str) -> None:
    """Killed after a checkpoint in the middle of pretraining; priorities go on too."""
    hyper: dict[str, Any] = {"replay_priority": "td_error"}

    def opened(name: str, *, resume: bool = False) -> Learner:
        return Learner(tmp_path / name, make_settings(algorithm, **hyper), resume=resume)

    one, two = opened("one"), opened("two")
    for learner in (one, two):
        learner.update(20)
        learner.checkpoint()
    one.close()
    one = opened("one", resume=True)
    assert (one.updates, one.updates_due()) == (20, 10)
    for learner in (one, two):
        learner.update(10)
        feed(learner, range(40))
        learner.update(learner.updates_due())
    assert policy_to_bytes(one.policy().frozen(1)) == policy_to_bytes(two.policy().frozen(1))


@pytest.mark.parametrize("algorithm", ["gail", "amp"])
def test_what_is_imitated_is_no_experience_of_ones_own(tmp_path: Path, algorithm: str) -> None:
    """GAIL and AMP reward likeness to it: learning from it as well would be another method."""
    learner = Learner(tmp_path, make_settings(algorithm, discriminator_sizes=(8,)))
    assert learner.updates_due() == 0
    feed(learner, range(5))
    assert len(learner._replay) == 5


@pytest.mark.parametrize("algorithm", ["gail", "amp", "hg_dagger"])
def test_who_imitates_cannot_begin_with_nothing(tmp_path: Path, algorithm: str) -> None:
    settings = replace(make_settings(algorithm), demonstrations=None)
    with pytest.raises(SettingsError, match="nothing to imitate: give --demonstrations"):
        Learner(tmp_path, settings)


def test_hg_dagger_learns_what_a_person_did_in_its_place_and_nothing_of_its_own(
    tmp_path: Path,
) -> None:
    """Shown 0.5 everywhere; by itself it does -0.9, and where a person took over that did 0.1."""
    settings = make_settings("hg_dagger", pretraining_updates=500, replay_capacity=1_000)
    learner = Learner(tmp_path, settings)
    learner.update(learner.updates_due())
    step = make_step(0)
    where = np.concatenate((step.observation, step.desired_goal))[None]
    np.testing.assert_allclose(learner.policy().act(where), 0.5, atol=0.1)

    def acted(number: int, action: float, *, by_person: bool) -> None:
        assert learner.insert(
            make_step(
                number,
                observation=step.observation,
                desired_goal=step.desired_goal,
                executed_action=np.full(2, action, np.float32),
                is_intervention=by_person,
            )
        )

    for number in range(100):
        acted(number, -0.9, by_person=False)
    learner.update(learner.updates_due())
    np.testing.assert_allclose(learner.policy().act(where), 0.5, atol=0.1)

    for number in range(100, 300):
        acted(number, 0.1, by_person=True)
    learner.update(learner.updates_due())
    np.testing.assert_allclose(learner.policy().act(where), 0.1, atol=0.1)


@pytest.mark.parametrize("algorithm", ["ddpgfd", "rlpd", "td3"])
@pytest.mark.parametrize("resumed", [False, True])
def test_what_a_person_did_is_experience_and_a_demonstration_also_after_a_restart(
    tmp_path: Path, batches: list[Batch], algorithm: str, resumed: bool
) -> None:
    settings = replace(make_settings(algorithm, pretraining_updates=0), demonstrations=None)
    learner = Learner(tmp_path, settings)
    for number in range(10):
        corrected = 3 <= number < 6
        assert learner.insert(make_step(number, reward=float(corrected), is_intervention=corrected))
    if resumed:
        learner.close()
        learner = Learner(tmp_path, settings, resume=True)
    assert learner.demonstrations == 3
    learner.update(20)
    seen = np.concatenate(
        [batch.demonstrated for batch in batches if batch.demonstrated is not None]
    )
    assert 0 < seen.mean() < 1
    for batch in batches:
        assert batch.demonstrated is not None
        alone = batch.discounts is None or (batch.discounts == settings.hyper.gamma)
        assert (batch.rewards[(batch.demonstrated == 1.0) & alone] == 1.0).all()
