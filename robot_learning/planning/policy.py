"""A model, an objective and a search as a policy: at every step a plan, of which one action is
carried out (model predictive control).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from robot_learning.dynamics import DynamicsModel, StoredModel, describe_model, read_model
from robot_learning.dynamics.ensemble import Ensemble
from robot_learning.dynamics.reduced import Reduced, multiplies_bfloat16
from robot_learning.dynamics.reward_model import RewardModel
from robot_learning.networks.policy import Float32, Policy
from robot_learning.planning.imagination import Imagination
from robot_learning.planning.objectives import learned_rewards, objective_of
from robot_learning.planning.search import Plan, Search, plan
from robot_learning.planning.settings import PlannerSettings

_PIECE = 32  # candidates between two looks at the clock
_SEED = 0
_REWARDS = "rewards."  # what the tensors of learned rewards are called in a file


@dataclass
class _UnderWay:
    """What an episode has come to: the search that goes on, its noise, its newest plan.

    Attributes:
        carried_out: steps of the plan.
    """

    search: Search
    generator: torch.Generator
    plan: Plan | None = None
    carried_out: int = 0


@dataclass(frozen=True, kw_only=True)
class PlannerPolicy(Policy):
    """Plans in a model; goes on from the plan before until `begin` is called.

    Its noise is drawn from one seed that every episode begins with: the same observations from
    the beginning of an episode give the same actions, where no deadline cuts a search short.

    Attributes:
        model: of the dynamics.
        settings: of the search.
        objective: description of what is planned for.
        rewards: the networks of an objective that is learned.
    """

    kind: ClassVar[str] = "planner"

    model: StoredModel
    settings: PlannerSettings
    objective: dict[str, Any]
    rewards: RewardModel | None = None
    _episode: list[_UnderWay] = field(default_factory=list, repr=False, compare=False)

    def begin(self) -> None:
        """An episode begins: what was planned is of no use."""
        self._episode.clear()

    @property
    def newest(self) -> Plan | None:
        """What the last search came to."""
        return self._episode[0].plan if self._episode else None

    def choose(self, inputs: Float32) -> Float32:
        """The first action of a plan; rows of a batch are planned one after the other, anew."""
        if inputs.ndim == 1:
            return self._next(inputs)
        found = []
        for row in inputs.reshape(-1, inputs.shape[-1]):
            self.begin()
            found.append(self._next(row))
        self.begin()
        return np.array(found, np.float32).reshape(*inputs.shape[:-1], self.action_size)

    def _next(self, inputs: Float32) -> Float32:
        """The next action of the plan, or the first of a new one."""
        if not self._episode:
            generator = torch.Generator().manual_seed(_SEED)
            self._episode.append(_UnderWay(self.settings.search(self.action_size), generator))
        now = self._episode[0]
        if now.plan is None or now.carried_out == self.settings.replan_every_steps:
            now.plan, now.carried_out = self._plan(inputs, now.search, now.generator), 0
        now.carried_out += 1
        return self.to_action(now.plan.actions[now.carried_out - 1].numpy())

    def _plan(self, inputs: Float32, search: Search, generator: torch.Generator) -> Plan:
        rows = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
        start, goal = rows[: self.observation_size], rows[self.observation_size :]
        settings = self.settings
        played = Imagination(
            self._asked(),
            objective_of(self.objective, goal, self.rewards),
            particles=settings.particles,
            sampling=settings.sampling,
            discount=settings.plan_discount,
            pessimism=settings.pessimism,
            disagreement_cost=settings.disagreement_cost,
        )

        def score(plans: Tensor) -> Tensor:
            return played.value(start, plans, generator)

        return plan(
            search,
            score,
            generator,
            budget_s=settings.replan_budget_s,
            piece=_PIECE if settings.replan_budget_s else 10**9,
            carried_out=settings.replan_every_steps,
        )

    def _asked(self) -> DynamicsModel:
        """The model, in the precision that it is planned with; only an ensemble has two."""
        model, precision = self.model, self.settings.precision
        reduced = precision == "bfloat16" or (precision == "auto" and multiplies_bfloat16())
        return Reduced(model) if reduced and isinstance(model, Ensemble) else model

    def tensors(self) -> dict[str, Float32]:
        """Those of the model, and of rewards where they are learned."""
        tensors = self.model.state_dict()
        if self.rewards is not None:
            learned = self.rewards.state_dict()
            tensors |= {f"{_REWARDS}{name}": tensor for name, tensor in learned.items()}
        return {
            name: tensor.numpy().astype(np.float32)
            for name, tensor in tensors.items()
            if "adam" not in name
        }

    def description(self) -> dict[str, Any]:
        """Kind and settings of the model, those of the search, and the objective."""
        return {
            "model": describe_model(self.model),
            "planner": self.settings.model_dump(mode="json"),
            "objective": self.objective,
        }

    @classmethod
    def read(cls, tensors: dict[str, Float32], description: dict[str, Any], **common: Any) -> Self:
        """See `Policy.read`."""
        goal_size = common["goal_size"]
        sizes = len(common["mean"]) - goal_size, len(common["action_low"])
        try:
            planner = PlannerSettings.model_validate(description["planner"])
            objective = dict(description["objective"])
            rewards = learned_rewards(objective, *sizes, goal_size, torch.Generator())
            objective_of(objective, torch.zeros(goal_size), rewards)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"its planner is not described as it should be ({error})") from None
        own = {name: torch.from_numpy(array.copy()) for name, array in tensors.items()}
        try:
            model = read_model(description["model"], own, *sizes)
            if rewards is not None:
                learned = {k.removeprefix(_REWARDS): own[k] for k in own if k.startswith(_REWARDS)}
                rewards.load_state_dict(learned)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"its model does not fit together ({error})") from None
        return cls(model=model, settings=planner, objective=objective, rewards=rewards, **common)

    def frozen(self, version: int) -> Self:
        """A copy that later learning does not change, at the beginning of an episode."""
        tensors = {name: tensor.copy() for name, tensor in self.tensors().items()}
        common = {
            "mean": self.mean.copy(),
            "std": self.std.copy(),
            "clip": self.clip,
            "action_low": self.action_low,
            "action_high": self.action_high,
            "goal_size": self.goal_size,
            "version": version,
        }
        return type(self).read(tensors, self.description(), **common)
