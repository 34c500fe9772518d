"""SAC on branches of a model: what a batch is made of, and when the model is fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from robot_learning.algorithms import SAC, Spaces
from robot_learning.algorithms.mbpo import MBPO, MBPOHyperParameters
from robot_learning.planning.objectives import ObjectiveError
from robot_learning.replay import Batch
from robot_learning.training.learner import Learner
from robot_learning.training.learner_types import LearnerSettings
from robot_learning.training.trainer import Trainer

SPACES = Spaces(3, 0, (-2.0,), (2.0,))
SMALL: dict[str, Any] = {
    "hidden_sizes": (16,), "batch_size": 20, "warmup_steps": 60, "updates_per_step": 2.0,
    "refit_every_steps": 50, "fit_steps_per_update": 20, "rollouts": 100, "real_share": 0.1,
    "model": {"members": 2, "elites": 2, "hidden_sizes": [16], "epochs": 10},
    "objective": {"name": "swing_up"},
}  # fmt: skip


def settings(steps: int = 130, **changes: Any) -> LearnerSettings:
    return LearnerSettings(
        algorithm="mbpo",
        hyper=MBPOHyperParameters.model_validate(SMALL | changes),
        spaces=SPACES,
        seed=0,
        steps_goal=steps,
        environment="gymnasium:Pendulum-v1",
        has_success=False,
    )


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Every batch that SAC learns from."""
    seen: list[Batch] = []
    update = SAC.update

    def watched(self: Any, batch: Batch) -> dict[str, float]:
        seen.append(batch)
        return update(self, batch)

    monkeypatch.setattr(SAC, "update", watched)
    return seen


def test_batches_are_mostly_imagined_and_the_model_is_fitted_again(
    tmp_path: Path, batches: list[Batch]
) -> None:
    learner = Learner(tmp_path, settings())
    fits: list[float] = []
    trainer = Trainer(gymnasium.make("Pendulum-v1"), learner)
    trainer.run(on_step=lambda figures: fits.append(figures.get("model_error", 0.0)))
    assert np.count_nonzero(fits) == 2  # after 60 steps, and after 50 more
    assert batches and all(len(batch.rewards) == 20 for batch in batches)
    real = {step.tobytes() for step in np.stack([s.observation for s in learner._algorithm._steps])}  # type: ignore[attr-defined]
    starts = [[row.tobytes() in real for row in batch.next_inputs] for batch in batches]
    # The two real rows of a batch lead to observations that were seen; the others do not.
    assert np.mean([sum(row[:2]) for row in starts]) > 1.5
    assert not any(any(row[2:]) for row in starts)


def test_nothing_is_learned_before_there_is_a_model(tmp_path: Path, batches: list[Batch]) -> None:
    learner = Learner(tmp_path, settings(steps=61, fit_steps_per_update=1))
    Trainer(gymnasium.make("Pendulum-v1"), learner).run()
    assert not batches and learner.updates > 0


def test_branches_grow_longer_by_the_schedule() -> None:
    hyper = MBPOHyperParameters.model_validate(
        SMALL | {"rollout_steps": 1, "rollout_steps_final": 5, "rollout_schedule_steps": 100}
    )
    method = MBPO(SPACES, hyper, 0)
    lengths = []
    for count in (0, 25, 50, 100, 300):
        method._steps = [None] * count  # type: ignore[list-item]
        lengths.append(method._length())
    assert lengths == [1, 2, 3, 5, 5]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValidationError, match="rollout_steps_final 1 is below rollout_steps 3"):
        MBPOHyperParameters.model_validate(SMALL | {"rollout_steps": 3})
    hyper = MBPOHyperParameters.model_validate({k: v for k, v in SMALL.items() if k != "objective"})
    with pytest.raises(ObjectiveError, match="mbpo learns reach, push"):
        MBPO(SPACES, hyper, 0)


def test_rewards_may_be_learned_and_a_run_goes_on_with_them(tmp_path: Path) -> None:
    learned = {"name": "learned", "hidden_sizes": [16], "epochs": 5}
    learner = Learner(tmp_path, settings(steps=70, objective=learned))
    reports: list[dict[str, float]] = []
    Trainer(gymnasium.make("Pendulum-v1"), learner).run(on_step=reports.append)
    found = [figures for figures in reports if "reward_error" in figures]
    assert len(found) == 1 and {"model_error", "termination_loss"} <= set(found[0])
    method = learner._algorithm
    assert isinstance(method, MBPO) and len(method._branches)
    imagined = method._branches.sample(200, np.random.default_rng(0))
    assert (imagined.rewards < 0.0).mean() > 0.9 and not imagined.terminated.any()
    tensors, values = method.state_dict()
    twin = MBPO(SPACES, method._settings, 5)
    twin.load_state_dict(tensors, values)
    assert twin._rewards is not None and method._rewards is not None
    assert torch.equal(twin._rewards.reward_network.flat, method._rewards.reward_network.flat)
