from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from point_mass import PointMass
from typer.testing import CliRunner, Result

from robot_learning.algorithms import Spaces, named_algorithm
from robot_learning.algorithms.on_policy import Rollout
from robot_learning.commands.evaluate import evaluate
from robot_learning.commands.train import train
from robot_learning.replay import StepError
from robot_learning.training.checkpoint import CheckpointError, load_checkpoint
from robot_learning.training.learner_types import RunSettings
from robot_learning.training.on_policy_learner import OnPolicyLearner
from robot_learning.training.on_policy_trainer import OnPolicyTrainer


class Counter(gymnasium.Env[Any, Any]):
    """Counts its steps; ends after `length`, terminated on even episodes and truncated on odd.

    The reward is the action where it is within bounds. `fail_at` gives NaN as the observation of
    that step of its life; `unsteady` shows how often it was ever reset.
    """

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Box(-2.0, 2.0, (1,), np.float32)

    def __init__(
        self, length: int = 5, fail_at: int | None = None, *, unsteady: bool = False
    ) -> None:
        self._length, self._fail_at, self._unsteady = length, fail_at, unsteady
        self._lived = self._resets = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._base, self._count = float(self.np_random.uniform(100, 200)), 0
        self._terminates = self.np_random.random() < 0.5
        self._resets += 1
        return self._observed(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        self._count += 1
        self._lived += 1
        over = self._count >= self._length
        info = {"constraints": np.array([self._count - 4.0])}
        reward = float(action[0])
        terminated = over and self._terminates
        return self._observed(), reward, terminated, over and not terminated, info

    def _observed(self) -> Any:
        first = np.nan if self._fail_at and self._lived == self._fail_at else self._base
        if self._unsteady:
            first += self._resets
        return np.array([first, self._count], np.float32)


SPACES = Spaces(2, 0, (-2.0,), (2.0,))
SMALL: dict[str, Any] = {"environments": 2, "hidden_sizes": (8,), "rollout_steps": 4}


def open_trainer(
    directory: Path,
    steps: int,
    make: Callable[[], Any] = Counter,
    *,
    algorithm: str = "a2c",
    resume: bool = False,
    **changes: Any,
) -> OnPolicyTrainer:
    hyper = named_algorithm(algorithm).hyper_parameters(**(SMALL | changes))
    settings: Any = RunSettings(
        algorithm=algorithm,
        hyper=hyper,
        spaces=SPACES,
        seed=3,
        steps_goal=steps,
        environment="gymnasium:Counter-v0",
        has_success=False,
    )
    return OnPolicyTrainer(make, OnPolicyLearner(directory, settings, resume=resume))


def rollouts(trainer: OnPolicyTrainer) -> list[Rollout]:
    """What is learned from in a run."""
    seen: list[Rollout] = []
    update = trainer.learner.algorithm.update

    def spy(rollout: Rollout) -> dict[str, float]:
        seen.append(rollout)
        return update(rollout)

    trainer.learner.algorithm.update = spy  # type: ignore[method-assign]
    trainer.run()
    return seen


def weights(trainer: OnPolicyTrainer) -> dict[str, torch.Tensor]:
    return trainer.learner.algorithm.state_dict()[0]


def test_a_step_leads_to_the_last_observation_of_its_own_episode(tmp_path: Path) -> None:
    (rollout,) = rollouts(open_trainer(tmp_path, 24, rollout_steps=12))
    assert rollout.inputs.shape == (12, 2, 2)
    counts = rollout.inputs[:, 0, 1].tolist()
    assert counts == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    # The episode's own base: not that of the episode that was begun behind it.
    np.testing.assert_array_equal(rollout.next_inputs[..., 0], rollout.inputs[..., 0])
    np.testing.assert_array_equal(rollout.next_inputs[..., 1], rollout.inputs[..., 1] + 1)
    ends = rollout.terminated | rollout.truncated
    assert ends[:, 0].nonzero()[0].tolist() == [4, 9]
    assert not (rollout.terminated & rollout.truncated).any()
    assert rollout.terminated.any() and rollout.truncated.any()
    assert len(np.unique(rollout.inputs[..., 0])) == 6  # each episode has its own seed


def test_the_environment_is_given_the_clipped_action_and_the_method_keeps_its_own(
    tmp_path: Path,
) -> None:
    (rollout,) = rollouts(open_trainer(tmp_path, 64, rollout_steps=32, initial_log_std=1.0))
    assert np.abs(rollout.actions).max() > 1.0
    np.testing.assert_allclose(
        rollout.rewards, np.clip(rollout.actions[..., 0], -1, 1) * 2.0, rtol=1e-5
    )


def test_whole_episodes_are_what_a_method_asked_for_and_no_more_counts(tmp_path: Path) -> None:
    lengths = iter([5, 3])
    trainer = open_trainer(
        tmp_path, 20, lambda: Counter(next(lengths)), algorithm="reinforce", rollout_steps=4
    )
    first, *others = rollouts(trainer)
    assert first.counted[:, 0].tolist() == [True] * 5 + [False]
    assert first.counted[:, 1].tolist() == [True] * 6
    assert all((rollout.inputs[0, :, 1] == 0).all() for rollout in others)


@pytest.mark.parametrize("algorithm", ["a2c", "ppo", "reinforce", "finite_difference"])
def test_a_run_repeats_and_a_resumed_run_is_the_same_run(tmp_path: Path, algorithm: str) -> None:
    more: dict[str, Any] = {"normalise_observations": True}
    if algorithm == "ppo":
        more["state_dependent_exploration"] = True
    runs = [open_trainer(tmp_path / name, 64, algorithm=algorithm, **more) for name in "ab"]
    for run in runs:
        run.run()
    half = open_trainer(tmp_path / "half", 24, algorithm=algorithm, **more)
    half.run()
    half.checkpoint()
    rest = open_trainer(tmp_path / "half", 64, algorithm=algorithm, resume=True, **more)
    assert 0 < rest.learner.steps < 64 and not rest.learner.warnings
    rest.run()
    for other in (runs[1], rest):
        assert other.learner.steps == runs[0].learner.steps
        assert other.learner.episodes == runs[0].learner.episodes
        for name, tensor in weights(runs[0]).items():
            assert torch.equal(tensor, weights(other)[name]), name


def test_a_run_stopped_within_a_rollout_goes_on_from_its_beginning(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    calls = 0

    def on_step(_: dict[str, float]) -> None:
        nonlocal calls
        calls += 1
        if calls == 7:  # two steps into the second rollout
            raise StopError

    whole = open_trainer(tmp_path / "whole", 48)
    whole.run()
    stopped = open_trainer(tmp_path / "stopped", 48)
    with pytest.raises(StopError):
        stopped.run(on_step=on_step)
    stopped.checkpoint()
    rest = open_trainer(tmp_path / "stopped", 48, resume=True)
    assert rest.learner.steps == 8
    rest.run()
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(rest)[name]), name


def test_an_environment_that_does_not_repeat_begins_new_episodes_and_says_so(
    tmp_path: Path,
) -> None:
    first = open_trainer(tmp_path, 24, lambda: Counter(unsteady=True))
    first.run()
    first.checkpoint()
    rest = open_trainer(tmp_path, 48, lambda: Counter(unsteady=True), resume=True)
    assert "do not repeat" in rest.learner.warnings[0]
    rest.run()
    assert rest.learner.steps == 48


def test_nan_is_refused_by_environment_and_step_and_nothing_of_it_is_learned(
    tmp_path: Path,
) -> None:
    made = iter([Counter(), Counter(fail_at=7)])
    trainer = open_trainer(tmp_path, 100, lambda: next(made))
    message = "gymnasium:Counter-v0, step 6 of environment 1: the observation is nan"
    with pytest.raises(StepError, match=message):
        trainer.run()
    assert trainer.learner.steps == 8
    trainer.checkpoint()
    found = load_checkpoint(tmp_path)
    assert found is not None and found[1]["steps"] == 8
    assert all(torch.isfinite(tensor).all() for tensor in found[0].values())


def test_nan_as_a_reward_is_refused(tmp_path: Path) -> None:
    class NoReward(Counter):
        def step(self, action: Any) -> Any:
            observed, _, *rest = super().step(action)
            return (observed, float("nan"), *rest)

    with pytest.raises(StepError, match="step 0 of environment 0: the reward is nan"):
        open_trainer(tmp_path, 10, NoReward).run()


def test_constraints_come_from_the_environments_info(tmp_path: Path) -> None:
    probabilities = {"constraint_probabilities": (0.25,)}
    (rollout,) = rollouts(open_trainer(tmp_path, 10, rollout_steps=5, **probabilities))
    np.testing.assert_allclose(rollout.constraints[:, 0, 0], [-3, -2, -1, 0, 1])
    with pytest.raises(StepError, match=r"for 2 values.*has shape \(2, 1\)"):
        open_trainer(tmp_path / "b", 10, constraint_probabilities=(0.25, 1.0)).run()


def test_a_run_of_other_settings_is_not_resumed(tmp_path: Path) -> None:
    trainer = open_trainer(tmp_path, 8)
    trainer.run()
    trainer.checkpoint()
    with pytest.raises(CheckpointError, match=r"hyper.gamma: 0.99 then, 0.5 now"):
        open_trainer(tmp_path, 16, resume=True, gamma=0.5)


def test_a_point_mass_learns_to_go_where_it_is_rewarded(tmp_path: Path) -> None:
    """The reward is the action: in a few rollouts the policy does the most that it can."""
    trainer = open_trainer(
        tmp_path, 4000, algorithm="ppo", rollout_steps=100, environments=4, learning_rate=3e-3,
        normalise_observations=True, initial_log_std=-0.5,
    )  # fmt: skip
    trainer.run()
    action = trainer.learner.policy().act(np.array([150.0, 2.0], np.float32))
    assert action[0] > 1.5


def run(command: Any, *arguments: str) -> Result:
    import typer

    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("algorithm", "environment"),
    [
        ("ppo", "CartPole-v1"),
        ("a2c", "robot_learning_tests/PointMass-v0"),
        ("reinforce", "CartPole-v1"),
        ("finite_difference", "Pendulum-v1"),
    ],
)
def test_the_command_leaves_a_policy_that_can_be_evaluated(
    tmp_path: Path, algorithm: str, environment: str
) -> None:
    assert PointMass  # its import registers the id
    out = str(tmp_path / "run")
    arguments = (
        *("--env", f"gymnasium:{environment}", "--algorithm", algorithm, "--out", out),
        *("--set", "environments=2", "--set", "rollout_steps=50", "--evaluation-episodes", "2"),
        "--json",
    )
    done = run(train, *arguments, "--steps", "200")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["steps"] >= 200 and report["evaluation"]["n"] == 2
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert len(rows) == report["episodes"]
    for name in ("learning_curve.png", "config.yaml", "tensorboard", "policy.json"):
        assert (tmp_path / "run" / name).exists()
    again = run(evaluate, out, "--episodes", "2", "--json")
    assert again.exit_code == 0, again.output
    went_on = run(train, *arguments, "--steps", str(report["steps"] + 1), "--resume")
    assert went_on.exit_code == 0, went_on.output
    assert json.loads(went_on.stdout)["updates"] == report["updates"] + 1
