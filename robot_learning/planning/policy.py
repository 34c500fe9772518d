"""A model, an objective and a search as a policy: at every step a plan, of which one action is
carried out (model predictive control).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from robot_learning.dynamics import DynamicsError, Ensemble, EnsembleSettings
from robot_learning.networks.policy import Float32, Policy, Thought
from robot_learning.planning.imagination import Imagination
from robot_learning.planning.objectives import objective_of
from robot_learning.planning.search import Plan, Search, plan
from robot_learning.planning.settings import PlannerSettings

_PIECE = 32  # candidates between two looks at the clock
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class PlannerPolicy(Policy):
    """Plans in an ensemble; goes on from the plan before until `begin` is called.

    Its noise is drawn from one seed that every episode begins with: the same observations from
    the beginning of an episode give the same actions, where no deadline cuts a search short.

    Attributes:
        model: of the dynamics.
        settings: of the search.
        objective: description of what is planned for.
        usual_disagreement: of the model, where it has learned; `doubt` is a ratio to it.
    """

    kind: ClassVar[str] = "planner"
    remembers: ClassVar[bool] = True

    model: Ensemble
    settings: PlannerSettings
    objective: dict[str, Any]
    usual_disagreement: float = 1.0
    _state: list[Any] = field(default_factory=list, repr=False, compare=False)

    def begin(self) -> None:
        """An episode begins: what was planned is of no use."""
        self._state.clear()

    @property
    def newest(self) -> Plan | None:
        """What the last search came to."""
        return self._state[2] if len(self._state) > 2 else None

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
        bounded = replace(self, settings=settings, _state=[])
        if bounded.ready:
            bounded.choose(self.mean)
            bounded.begin()
        return bounded

    def choose(self, inputs: Float32) -> Float32:
        """The first action of a plan; rows of a batch are planned one after the other, anew."""
        if inputs.ndim == 1:
            return self._plan(inputs)
        found = []
        for row in inputs.reshape(-1, inputs.shape[-1]):
            self.begin()
            found.append(self._plan(row))
        self.begin()
        return np.array(found, np.float32).reshape(*inputs.shape[:-1], self.action_size)

    def doubt(self, observation: Float32, goal: Float32 | None, action: Float32) -> float:
        """See `Policy.doubt`: how far the model's members disagree about what it does."""
        del goal
        unit = 2.0 * (action - self.action_low) / (self.action_high - self.action_low) - 1.0
        asked = (torch.from_numpy(part.astype(np.float32)[None]) for part in (observation, unit))
        return self.model.disagreement(*asked).item() / self.usual_disagreement

    def imagination(self, goal: Tensor) -> Imagination:
        """What plans for a goal, shape (g,), are scored by."""
        settings = self.settings
        return Imagination(
            self.model,
            objective_of(self.objective, goal),
            particles=settings.particles,
            sampling=settings.sampling,
            discount=settings.plan_discount,
            pessimism=settings.pessimism,
            disagreement_cost=settings.disagreement_cost,
        )

    def _plan(self, inputs: Float32) -> Float32:
        search, generator = self._searching()
        rows = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
        start, goal = rows[: self.observation_size], rows[self.observation_size :]
        settings, played = self.settings, self.imagination(goal)

        def score(plans: Tensor) -> Tensor:
            return played.value(start, plans, generator)

        piece = _PIECE if settings.replan_budget_s else 10**9
        found = plan(search, score, generator, budget_s=settings.replan_budget_s, piece=piece)
        self._state[2:] = [found]
        return self.to_action(found.actions[0].numpy())

    def _searching(self) -> tuple[Search, torch.Generator]:
        if not self._state:
            generator = torch.Generator().manual_seed(_SEED)
            self._state.extend((self.settings.search(self.action_size), generator))
        return self._state[0], self._state[1]

    def tensors(self) -> dict[str, Float32]:
        """Weights, bounds and scalings of the model."""
        return {
            name: tensor.numpy().astype(np.float32)
            for name, tensor in self.model.state_dict().items()
            if "adam" not in name
        }

    def description(self) -> dict[str, Any]:
        """Settings of model and search, and the objective."""
        return {
            "model": self.model.settings.model_dump(mode="json"),
            "planner": self.settings.model_dump(mode="json"),
            "objective": self.objective,
            "usual_disagreement": self.usual_disagreement,
        }

    @classmethod
    def read(cls, tensors: dict[str, Float32], description: dict[str, Any], **common: Any) -> Self:
        """See `Policy.read`."""
        try:
            settings = EnsembleSettings.model_validate(description["model"])
            planner = PlannerSettings.model_validate(description["planner"])
            objective = dict(description["objective"])
            objective_of(objective, torch.zeros(common["goal_size"]))
            usual = float(description["usual_disagreement"])
            if not usual > 0.0:
                raise ValueError(f"usual_disagreement is {usual}")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"its planner is not described as it should be ({error})") from None
        size = len(common["mean"]) - common["goal_size"]
        try:
            model = Ensemble(size, len(common["action_low"]), settings, torch.Generator())
            model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in tensors.items()})
        except (DynamicsError, KeyError, RuntimeError) as error:
            raise ValueError(f"its model does not fit together ({error})") from None
        own: dict[str, Any] = {"objective": objective, "usual_disagreement": usual}
        return cls(model=model, settings=planner, **own, **common)

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
