"""A model, an objective and a search as a policy: at every step a plan, of which one action is
carried out (model predictive control).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from robot_learning.dynamics import DynamicsModel, StoredModel, describe_model, read_model
from robot_learning.dynamics.ensemble import Ensemble
from robot_learning.dynamics.parts import load_state, part_of, state_of
from robot_learning.dynamics.reduced import Reduced, saves_time
from robot_learning.dynamics.reward_model import RewardModel
from robot_learning.networks.policy import Float32, Policy, Thought
from robot_learning.planning.imagination import Imagination
from robot_learning.planning.objectives import learned_rewards, objective_of
from robot_learning.planning.search import Plan, Search, plan
from robot_learning.planning.settings import PlannerSettings

_PIECE = 32  # candidates between two looks at the clock
_SEED = 0


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
        usual_disagreement: of the model, where it has learned; `doubt` is a ratio to it.
    """

    kind: ClassVar[str] = "planner"
    remembers: ClassVar[bool] = True

    model: StoredModel
    settings: PlannerSettings
    objective: dict[str, Any]
    rewards: RewardModel | None = None
    usual_disagreement: float = 1.0
    _episode: list[_UnderWay] = field(default_factory=list, repr=False, compare=False)

    def begin(self) -> None:
        """An episode begins: what was planned is of no use."""
        self._episode.clear()

    @property
    def newest(self) -> Plan | None:
        """What the last search came to."""
        return self._episode[0].plan if self._episode else None

    @property
    def ready(self) -> bool:
        """Its model was fitted."""
        return self.model.fitted

    @property
    def thought(self) -> Thought | None:
        """See `Policy.thought`."""
        found = self.newest
        return None if found is None else Thought(found.seconds, found.scored, found.complete)

    @property
    def lighter(self) -> str:
        """See `Policy.lighter`."""
        names = ("population", "rounds", "horizon", "particles")
        shown = {name: getattr(self.settings, name) for name in names}
        if (hidden := getattr(self.model.settings, "hidden_sizes", None)) is not None:
            shown["hidden_sizes"] = list(hidden)
        return ", ".join(f"{name} ({value})" for name, value in shown.items())

    def within(self, budget_s: float | None, threads: int | None = None) -> Self:
        """See `Policy.within`."""
        if threads is not None:
            torch.set_num_threads(threads)
        own = self.settings.replan_budget_s
        limits = [limit for limit in (budget_s, own) if limit is not None]
        settings = self.settings.model_copy(update={"replan_budget_s": min(limits, default=None)})
        bounded = replace(self, settings=settings, _episode=[])
        if bounded.ready:
            bounded.choose(self.mean)
            bounded.begin()
        return bounded

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

    def doubt(self, observation: Float32, goal: Float32 | None, action: Float32) -> float:
        """See `Policy.doubt`: how far the model's members disagree about what it does."""
        del goal
        unit = 2.0 * (action - self.action_low) / (self.action_high - self.action_low) - 1.0
        asked = (torch.from_numpy(part.astype(np.float32)[None]) for part in (observation, unit))
        return self.model.disagreement(*asked).item() / self.usual_disagreement

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

    def imagination(self, goal: Tensor) -> Imagination:
        """What plans for a goal, shape (g,), are scored by."""
        settings = self.settings
        return Imagination(
            self._asked(),
            objective_of(self.objective, goal, self.rewards),
            particles=settings.particles,
            sampling=settings.sampling,
            discount=settings.plan_discount,
            pessimism=settings.pessimism,
            disagreement_cost=settings.disagreement_cost,
        )

    def _plan(self, inputs: Float32, search: Search, generator: torch.Generator) -> Plan:
        rows = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
        start, goal = rows[: self.observation_size], rows[self.observation_size :]
        settings, played = self.settings, self.imagination(goal)

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
        if not isinstance(model, Ensemble):
            return model
        reduced = precision == "bfloat16" or (precision == "auto" and saves_time(model))
        return Reduced(model) if reduced else model

    def tensors(self) -> dict[str, Float32]:
        """Those of the model, and of rewards where they are learned."""
        tensors = state_of({"model": self.model, "rewards": self.rewards})
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
            "usual_disagreement": self.usual_disagreement,
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
            usual = float(description["usual_disagreement"])
            if not usual > 0.0:
                raise ValueError(f"usual_disagreement is {usual}")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"its planner is not described as it should be ({error})") from None
        own = {name: torch.from_numpy(array.copy()) for name, array in tensors.items()}
        try:
            model = read_model(description["model"], part_of(own, "model"), *sizes)
            load_state({"rewards": rewards}, own)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"its model does not fit together ({error})") from None
        return cls(
            model=model,
            settings=planner,
            objective=objective,
            rewards=rewards,
            usual_disagreement=usual,
            **common,
        )

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
