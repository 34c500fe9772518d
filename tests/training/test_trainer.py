from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from learner_samples import make_settings, open_learner
from point_mass import EPISODE_STEPS, PointMass

from robot_learning.algorithms import TD3, DDPGHyperParameters
from robot_learning.evaluation.rollout import evaluate
from robot_learning.replay import StepError, read_steps
from robot_learning.training.checkpoint import load_checkpoint
from robot_learning.training.environments import (
    EnvironmentRefusedError,
    episode_seed,
    make_environment,
    require_actions,
    reward_range,
    spaces_of,
)
from robot_learning.training.learner import Learner, LearnerSettings
from robot_learning.training.policy_file import policy_to_bytes, save_policy
from robot_learning.training.settings import resolve_hyper_parameters
from robot_learning.training.trainer import Trainer


def train(directory: Path, steps: int, *, seed: int = 3, resume: bool = False) -> Learner:
    learner = open_learner(directory, make_settings(steps, seed), resume=resume)
    trainer = Trainer(PointMass(), learner)
    trainer.run()
    trainer.checkpoint()
    learner.close()
    return learner


def files(learner: Learner, directory: Path) -> tuple[bytes, bytes]:
    save_policy(directory, learner.policy_file(version=learner.updates))
    return (
        (directory / "policy.safetensors").read_bytes(),
        (directory / "policy.json").read_bytes(),
    )


def test_the_same_seed_gives_the_same_policy_file(tmp_path: Path) -> None:
    one = files(train(tmp_path / "1", 200), tmp_path / "p1")
    two = files(train(tmp_path / "2", 200), tmp_path / "p2")
    other = files(train(tmp_path / "3", 200, seed=4), tmp_path / "p3")
    assert one == two
    assert one[0] != other[0]


def test_a_resumed_run_is_the_uninterrupted_run(tmp_path: Path) -> None:
    """Stopped on the end of an episode, once in the warm-up and once after it."""
    whole = files(train(tmp_path / "whole", 10 * EPISODE_STEPS), tmp_path / "p1")
    for episodes in (1, 4, 10):
        learner = train(tmp_path / "parts", episodes * EPISODE_STEPS, resume=episodes > 1)
    assert files(learner, tmp_path / "p2") == whole


def test_stopping_within_an_episode_loses_no_step(tmp_path: Path) -> None:
    train(tmp_path, 7)
    learner = train(tmp_path, 60, resume=True)
    numbers = [step.step_number for _, step in read_steps(tmp_path / "steps.journal")]
    assert numbers == list(range(60))
    assert learner.steps == 60


def test_it_learns_to_reach(tmp_path: Path) -> None:
    learner = open_learner(
        tmp_path, make_settings(2_500, hidden_sizes=[32, 32], batch_size=64, warmup_steps=200)
    )
    Trainer(PointMass(), learner).run()
    found = evaluate(
        PointMass(), learner.policy(), episodes=50, seed=0, hold_steps=3, has_success=True
    )
    assert found.success_rate is not None and found.success_rate >= 0.9


def test_the_executed_action_is_what_is_stored(tmp_path: Path) -> None:
    learner = open_learner(tmp_path, make_settings(30))
    Trainer(PointMass(executed_share=0.5), learner).run()
    learner.close()
    for _, step in read_steps(tmp_path / "steps.journal"):
        np.testing.assert_allclose(step.executed_action, step.requested_action * 0.5, atol=1e-6)


def test_nan_from_the_environment_stops_the_run_with_its_checkpoint_intact(tmp_path: Path) -> None:
    learner = open_learner(tmp_path, make_settings(200))
    trainer = Trainer(PointMass(fail_at=50), learner)
    with pytest.raises(StepError, match="step 49 of in-process: reward is nan"):
        trainer.run(on_boundary=trainer.checkpoint)
    learner.close()
    assert load_checkpoint(tmp_path) is not None
    assert open_learner(tmp_path, resume=True).steps == 49


def test_an_environment_without_goals_is_learned_on_too(tmp_path: Path) -> None:
    environment = gymnasium.make("Pendulum-v1")
    spaces = spaces_of(environment)
    settings = LearnerSettings(
        algorithm="ddpg",
        hyper=resolve_hyper_parameters(
            "ddpg",
            DDPGHyperParameters,
            ["hidden_sizes=[16]", "warmup_steps=50", "batch_size=16"],
            has_goals=False,
        ),
        spaces=spaces,
        seed=0,
        steps_goal=250,
        environment="gymnasium:Pendulum-v1",
        has_success=False,
    )
    learner = Learner(tmp_path, settings)
    Trainer(environment, learner).run()
    assert (learner.steps, learner.episodes, learner.updates) == (250, 1, 200)
    steps = [step for _, step in read_steps(tmp_path / "steps.journal")]
    assert [step.truncated for step in steps].index(True) == 199
    assert not any(step.terminated for step in steps)
    found = evaluate(
        environment, learner.policy(), episodes=2, seed=0, hold_steps=1, has_success=False
    )
    assert found.n == 2 and found.success_rate is None


def test_evaluation_repeats_and_shares_no_episode_with_training() -> None:
    assert episode_seed(0, 0, 5) == episode_seed(0, 0, 5)
    seeds = {episode_seed(s, stream, e) for s in (0, 1) for stream in (0, 1) for e in range(500)}
    assert len(seeds) == 2_000


def test_evaluation_is_deterministic(tmp_path: Path) -> None:
    policy = train(tmp_path, 60).policy()
    before = policy_to_bytes(policy)
    runs = [
        evaluate(PointMass(), policy, episodes=5, seed=1, hold_steps=1, has_success=True)
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert policy_to_bytes(policy) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gymnasium:Pendulum-v7", "Pendulum"),
        ("gymnasium:Pendulm-v1", "did you mean gymnasium:Pendulum-v1"),
        ("Pendulum-v1", "expected gymnasium:ID"),
    ],
)
def test_an_unknown_environment_is_refused(name: str, message: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match=message):
        make_environment(name)


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(EnvironmentRefusedError, match="--import no_such_module"):
        make_environment("gymnasium:Pendulum-v1", "no_such_module")


def test_choices_are_an_action_of_one_number() -> None:
    spaces = spaces_of(gymnasium.make("CartPole-v1"))
    assert (spaces.choices, spaces.action_size, spaces.action_high) == (2, 1, (1.0,))


def test_a_continuous_method_is_refused_where_actions_are_choices() -> None:
    with pytest.raises(EnvironmentRefusedError, match=r"td3 is for continuous .*CartPole-v1"):
        require_actions(gymnasium.make("CartPole-v1"), TD3)


def test_a_sparse_reward_is_recognised() -> None:
    assert reward_range(PointMass()) == (-1.0, 0.0)
    assert reward_range(gymnasium.make("Pendulum-v1")) is None
