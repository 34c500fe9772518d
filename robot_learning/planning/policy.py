"""A model, an objective and a search as a policy: at every step a plan, of which one action is
carried out (model predictive control).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from robot_learning.dynamics import DynamicsError, DynamicsModel, Ensemble, EnsembleSettings
from robot_learning.dynamics.reduced import Reduced, saves_time
from robot_learning.networks.policy import Float32, Policy
from robot_learning.planning.imagination import Imagination
from robot_learning.planning.objectives import ObjectiveError, objective_of
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
    """

    kind: ClassVar[str] = "planner"

    model: Ensemble
    settings: PlannerSettings
    objective: dict[str, Any]
    _state: list[Any] = field(default_factory=list, repr=False, compare=False)

    def begin(self) -> None:
        """An episode begins: what was planned is of no use."""
        self._state.clear()

    @property
    def newest(self) -> Plan | None:
        """What the last search came to."""
        return self._state[2] if len(self._state) > 2 else None

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

    def _plan(self, inputs: Float32) -> Float32:
        search, generator = self._searching()
        rows = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
        start, goal = rows[: self.observation_size], rows[self.observation_size :]
        settings = self.settings
        played = Imagination(
            self._asked(),
            objective_of(self.objective, goal),
            particles=settings.particles,
            sampling=settings.sampling,
            discount=settings.plan_discount,
            pessimism=settings.pessimism,
            disagreement_cost=settings.disagreement_cost,
        )

        def score(plans: Tensor) -> Tensor:
            return played.value(start, plans, generator)

        piece = _PIECE if settings.replan_budget_s else 10**9
        found = plan(search, score, generator, budget_s=settings.replan_budget_s, piece=piece)
        self._state[2:] = [found]
        return self.to_action(found.actions[0].numpy())

    def _asked(self) -> DynamicsModel:
        """The model, in the precision that it is planned with."""
        precision = self.settings.precision
        reduced = precision == "bfloat16" or (precision == "auto" and saves_time(self.model))
        return Reduced(self.model) if reduced else self.model

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
        }

    @classmethod
    def read(cls, tensors: dict[str, Float32], description: dict[str, Any], **common: Any) -> Self:
        """See `Policy.read`."""
        try:
            settings = EnsembleSettings.model_validate(description["model"])
            planner = PlannerSettings.model_validate(description["planner"])
            objective = dict(description["objective"])
            objective_of(objective, torch.zeros(common["goal_size"]))
        except (KeyError, TypeError, ValidationError, ObjectiveError) as error:
            raise ValueError(f"its planner is not described as it should be ({error})") from None
        size = len(common["mean"]) - common["goal_size"]
        try:
            model = Ensemble(size, len(common["action_low"]), settings, torch.Generator())
            model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in tensors.items()})
        except (DynamicsError, KeyError, RuntimeError) as error:
            raise ValueError(f"its model does not fit together ({error})") from None
        return cls(model=model, settings=planner, objective=objective, **common)

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
