"""Rewards for models to be planned in: those that are known as formulas, or a network's.

A policy file carries the description of its objective, so that what was learned for is what is
planned for.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from robot_learning.dynamics.reward_model import RewardModel, RewardSettings
from robot_learning.planning.arm_objectives import Arrive, Lift
from robot_learning.planning.classic_objectives import Balance, SwingUp
from robot_learning.planning.objective import KnownObjective, Objective

LEARNED = "learned"


class ObjectiveError(ValueError):
    """There is no such objective, or its description does not fit. One line."""


@dataclass(frozen=True)
class LearnedObjective:
    """What a network has learned of recorded rewards and ends (it is an `Objective`).

    Attributes:
        model: the networks.
        goal: shape (g,), or (n, g) for n rows.
    """

    model: RewardModel
    goal: Tensor

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        goals = self._goals(next_observations)
        return self.model.reward(observations, actions, next_observations, goals)

    def terminated(self, next_observations: Tensor) -> Tensor:
        """Where that is likelier than not."""
        return self.model.ends(next_observations, self._goals(next_observations)) > 0.5

    def _goals(self, rows: Tensor) -> Tensor:
        return self.goal.expand(*rows.shape[:-1], -1)


OBJECTIVES: dict[str, type[KnownObjective]] = {
    kind.name: kind for kind in (Balance, SwingUp, Arrive, Lift)
}


def require_objective(description: Mapping[str, Any], method: str, goal_size: int) -> None:
    """Refuses a method that would not know what is good, or is told so in a way that does not fit.

    Raises:
        ObjectiveError: says where it is known, or what does not fit.
    """
    if not description:
        raise ObjectiveError(
            f"there is no formula of what is good here: {method} learns reach, push, "
            "lift, robot_learning/CartPole-v0 and Pendulum-v1; for others set objective, or learn "
            f"""it from recorded rewards: --set objective='{{"name": "{LEARNED}"}}'"""
        )
    if description.get("name") != LEARNED:
        objective_of(description, torch.zeros(goal_size))


def learned_rewards(
    description: Mapping[str, Any],
    observation_size: int,
    action_size: int,
    goal_size: int,
    generator: torch.Generator,
) -> RewardModel | None:
    """The networks of an objective that is learned; None where it is a formula.

    Args:
        description: `name`, and where that is `learned` fields of `RewardSettings`.
        observation_size: of the networks' inputs.
        action_size: the same.
        goal_size: the same.
        generator: of first weights.

    Raises:
        ObjectiveError: fields do not fit.
    """
    fields = dict(description)
    if fields.pop("name", None) != LEARNED:
        return None
    try:
        settings = RewardSettings.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ObjectiveError(f"objective {LEARNED}: {key}: {first['msg']}") from None
    return RewardModel(observation_size, action_size, goal_size, settings, generator)


def objective_of(
    description: Mapping[str, Any], goal: Tensor, rewards: RewardModel | None = None
) -> Objective:
    """The objective that a description names, for a goal.

    Args:
        description: `name`, and the other fields of that class.
        goal: shape (g,).
        rewards: the networks where it is `learned`; see `learned_rewards`.

    Raises:
        ObjectiveError: unknown name, or fields that do not fit.
    """
    fields = dict(description)
    name = fields.pop("name", None)
    if name == LEARNED and rewards is not None:
        return LearnedObjective(rewards, goal)
    if name not in OBJECTIVES:
        known = [*OBJECTIVES, LEARNED]
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ObjectiveError(f"no objective is called {name!r}; known: {', '.join(known)}{hint}")
    try:
        return OBJECTIVES[name](goal, **fields)
    except TypeError as error:
        raise ObjectiveError(f"objective {name}: {error}") from None
