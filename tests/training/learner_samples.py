"""Small learners for tests, on the point mass and on made-up steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from point_mass import PointMass

from robot_learning.algorithms import Spaces, TD3HyperParameters
from robot_learning.training.environments import reward_function
from robot_learning.training.learner import Learner, LearnerSettings
from robot_learning.training.settings import resolve_hyper_parameters

SPACES = Spaces(observation_size=2, goal_size=2, action_low=(-1.0,) * 2, action_high=(1.0,) * 2)
SMALL: dict[str, Any] = {"hidden_sizes": [16, 16], "batch_size": 16, "warmup_steps": 40}


def make_settings(steps: int = 200, seed: int = 3, **overrides: Any) -> LearnerSettings:
    return LearnerSettings(
        algorithm="td3",
        hyper=resolve_hyper_parameters(
            "td3", TD3HyperParameters, SMALL | overrides, has_goals=True
        ),
        spaces=SPACES,
        seed=seed,
        steps_goal=steps,
        environment="gymnasium:robot_learning_tests/PointMass-v0",
    )


def open_learner(
    directory: Path, settings: LearnerSettings | None = None, *, resume: bool = False
) -> Learner:
    return Learner(
        directory, settings or make_settings(), reward_function(PointMass()), resume=resume
    )
