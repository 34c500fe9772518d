"""Rewards for models to be planned in: those that are known as formulas, or a network's.

A policy file carries the description of its objective, so that what was learned for is what is
planned for.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import ValidationError
from torch import Tensor

from robot_learning.dynamics.reward_model import RewardModel, RewardSettings
from robot_learning.envs.cart_pole import LEAN_RAD, TRACK_M
from robot_learning.planning.objective import Objective

LEARNED = "learned"

_FUNNEL_SLOPE, _FUNNEL_FOOT_M = 1.5, 0.01
_DOWN_M, _CONTACT_SLACK_M = 0.018, 0.025


class ObjectiveError(ValueError):
    """There is no such objective, or its description does not fit. One line."""


@dataclass(frozen=True)
class KnownObjective(ABC):
    """A formula (it is an `Objective`); fields are what its description says.

    Attributes:
        goal: shape (g,); empty where there is none.
    """

    name: ClassVar[str]

    goal: Tensor

    @abstractmethod
    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""

    def terminated(self, next_observations: Tensor) -> Tensor:
        """Never, by default."""
        return torch.zeros(next_observations.shape[:-1], dtype=torch.bool)


@dataclass(frozen=True)
class Balance(KnownObjective):
    """`envs.cart_pole`: 1 for every step after which the pole stands, which ends when it falls.

    Attributes:
        centring: taken off at the ends of the track and of the leaning, quadratic in both. All
            plans that keep the pole up over a horizon are worth the same otherwise, and between
            them the cart drifts to where no plan keeps it on the track.
    """

    name: ClassVar[str] = "balance"

    centring: float = 0.1

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        position, lean = next_observations[..., 0] / TRACK_M, next_observations[..., 2] / LEAN_RAD
        away = 0.5 * self.centring * (position.square() + lean.square())
        return (1.0 - away) * (~self.terminated(next_observations))

    def terminated(self, next_observations: Tensor) -> Tensor:
        """Beyond the track, or fallen."""
        off = next_observations[..., 0].abs() > TRACK_M
        return off | (next_observations[..., 2].abs() > LEAN_RAD)


@dataclass(frozen=True)
class SwingUp(KnownObjective):
    """Gymnasium's Pendulum-v1: observation cosine, sine, angular velocity; torque 2 Nm at 1."""

    name: ClassVar[str] = "swing_up"

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        angle = torch.atan2(observations[..., 1], observations[..., 0])
        torque = 2.0 * actions[..., 0].clamp(-1.0, 1.0)
        turning = observations[..., 2]
        return -(angle.square() + 0.1 * turning.square() + 0.001 * torque.square())


@dataclass(frozen=True)
class Arrive(KnownObjective):
    """A position of the observation at the goal: minus the distance, and 1 where it is reached.

    Attributes:
        place: where the position's three numbers begin in the observation.
        distance_max_m: of success.
        tool: where the tool's position begins, which must come to the object first; None where
            the tool itself is to arrive.
        contact_m: from the tool to the object's middle when it is to go down beside it.
        clearance_m: above the object's middle, on the way to its other side.
    """

    name: ClassVar[str] = "arrive"

    place: int
    distance_max_m: float
    tool: int | None = None
    contact_m: float = 0.055
    clearance_m: float = 0.08

    def reward(self, observations: Tensor, actions: Tensor, next_observations: Tensor) -> Tensor:
        """See `Objective`."""
        at = next_observations[..., self.place : self.place + 3]
        way = self.goal - at
        distance = way.square().sum(-1).sqrt()
        reward = (distance <= self.distance_max_m).float() - 10.0 * distance
        if self.tool is None:
            return reward
        tool = next_observations[..., self.tool : self.tool + 3]
        towards = way / distance.clamp_min(1e-6).unsqueeze(-1)
        behind = at - self.contact_m * towards - tool
        aside = behind[..., :2].square().sum(-1).sqrt()
        # Down to the object's side as into a funnel, not onto the object.
        height = (_FUNNEL_SLOPE * (aside - _FUNNEL_FOOT_M)).clamp(0.0, self.clearance_m)
        low = (height + behind[..., 2]).clamp_min(0.0)
        # Down there, towards it: even while the model knows nothing of contact yet.
        down = (tool - at)[..., 2] < _DOWN_M
        near = (at - tool)[..., :2].square().sum(-1).sqrt()
        slack = _CONTACT_SLACK_M * down
        off = (behind.square().sum(-1).sqrt() - slack).clamp_min(0.0) + low
        off = off + 0.5 * torch.where(down, near, near.new_tensor(2.0 * self.contact_m))
        return reward - 2.0 * off * (distance > self.distance_max_m)


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
    kind.name: kind for kind in (Balance, SwingUp, Arrive)
}


def require_objective(description: Mapping[str, Any], method: str, goal_size: int) -> None:
    """Refuses a method that would not know what is good, or is told so in a way that does not fit.

    Raises:
        ObjectiveError: says where it is known, or what does not fit.
    """
    if not description:
        raise ObjectiveError(
            f"there is no formula of what is good here: {method} learns reach, push, "
            "robot_learning/CartPole-v0 and Pendulum-v1; for others set objective, or learn it "
            f"""from recorded rewards: --set objective='{{"name": "{LEARNED}"}}'"""
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
