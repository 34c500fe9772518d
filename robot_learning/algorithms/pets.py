"""Planning in probabilistic ensembles (Chua et al. 2018, arXiv 1805.12114, algorithm 1).

Learn what actions do, and at every step plan with what was learned; what happens is learned from
again. There is no policy network and no value: an objective that is known as a formula says what
is good, and the model where it leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field, Strict
from torch import Tensor

from robot_learning.algorithms.base import (
    Count,
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
)
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.dynamics import Ensemble, EnsembleFit, EnsembleSettings, Transitions
from robot_learning.dynamics.doubt import usual_disagreement
from robot_learning.planning.objectives import require_objective
from robot_learning.planning.policy import PlannerPolicy
from robot_learning.planning.settings import PlannerSettings
from robot_learning.replay import Batch, Step
from robot_learning.replay.step import Float32

_NO_CLIP = 1e9
_ACTING = "acting."


class PETSHyperParameters(OffPolicyHyperParameters, EnsembleSettings, PlannerSettings):
    """The model's, the planner's, and how often it is fitted."""

    explores: ClassVar[bool] = False

    hidden_sizes: Annotated[tuple[Count, ...], Strict(False)] = Field(
        (200, 200, 200), description="Hidden layers of the model (appendix A.1: 3 or 4 of 200)."
    )
    batch_size: Count = Field(128, description="Transitions a member sees in a gradient step.")
    objective: dict[str, Any] = Field(
        default_factory=dict,
        description="What is planned for: name and fields of planning.objectives; by itself for "
        "tasks and environments that it is known of.",
    )
    warmup_steps: int = Field(200, ge=0, description="Random steps, the first data.")
    update_every_steps: Count = Field(200, description="Steps from one fit to the next: a trial.")
    updates_per_step: Positive = Field(
        10.0, description="Most gradient steps of a fit for each of these; it ends by itself."
    )
    exploration_std: NonNegative = Field(0.0, description="What it does not know it tries anyway.")
    exploration_std_final: NonNegative = Field(0.0, description="The same.")

    @property
    def counted_from_step(self) -> int:
        """Random steps are what the first fit is of."""
        return 0

    @property
    def first_policy_step(self) -> int:
        """Where the first fit begins."""
        return self.update_every_steps


class PETS(OffPolicyAlgorithm):
    """An ensemble that is fitted now and then, and a planner in it."""

    name: ClassVar[str] = "pets"
    source: ClassVar[str] = "Chua, Calandra, McAllister, Levine 2018, algorithm 1"
    hyper_parameters: ClassVar[type[OffPolicyHyperParameters]] = PETSHyperParameters

    def __init__(self, spaces: Spaces, hyper: PETSHyperParameters, seed: int) -> None:
        require_objective(hyper.objective, self.name)
        self._spaces, self._hyper = spaces, hyper
        self._rng = np.random.default_rng([seed, 5])
        settings = _part(EnsembleSettings, hyper)
        generator = torch.Generator().manual_seed(seed)
        sizes = spaces.observation_size, spaces.action_size
        self.model = Ensemble(*sizes, settings, generator)
        # Acts while a fit is under way, whose model fits nothing yet.
        self._acting = Ensemble(*sizes, settings, generator)
        self._steps: list[Step] = []
        self._fitted_steps = 0
        self._fit: EnsembleFit | None = None
        self._policy = self._planner()

    def experience(self, steps: Sequence[Step]) -> None:
        """See `OffPolicyAlgorithm.experience`."""
        self._steps.extend(steps)

    def observe(self, inputs: Float32) -> None:
        """The model scales its data by itself."""

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """Plans for each input, as from the beginning of an episode."""
        del explore
        return self._spaces.normalise_action(self._policy.act(inputs))

    def update(self, batch: Batch) -> dict[str, float]:
        """A gradient step of the fit under way; begins one where there is enough that is new."""
        del batch
        if self._fit is None:
            new = len(self._steps) - self._fitted_steps
            if new < min(self._hyper.update_every_steps, self._hyper.transitions_min):
                return {}
            data = Transitions.of(self._steps, self._spaces.normalise_action)
            self._fit = EnsembleFit(self.model, data, self._rng)
            self._fitted_steps = len(self._steps)
        if not self._fit.advance():
            return {}
        done, self._fit = self._fit, None
        assert done.report is not None
        self._acting.load_state_dict(self.model.state_dict())
        usual = usual_disagreement(self._acting, done.held)
        self._policy = replace(self._policy, usual_disagreement=usual)
        return done.report.figures() | {"model_usual_disagreement": usual}

    def policy(self) -> PlannerPolicy:
        """The planner in the model of the newest fit that is done."""
        return self._policy

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The model; its data is in the journal. A fit under way begins again."""
        begun = self._fitted_steps if self._fit is None else 0
        rng = dict(self._rng.bit_generator.state)
        acting = {f"{_ACTING}{key}": part for key, part in self._acting.state_dict().items()}
        values = {"rng": rng, "fitted_steps": begun, "usual": self._policy.usual_disagreement}
        return self.model.state_dict() | acting, values

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        acting = {k.removeprefix(_ACTING): t for k, t in tensors.items() if k.startswith(_ACTING)}
        self.model.load_state_dict({k: t for k, t in tensors.items() if not k.startswith(_ACTING)})
        self._acting.load_state_dict(acting)
        self._policy = replace(self._policy, usual_disagreement=float(values["usual"]))
        self._rng.bit_generator.state = values["rng"]
        self._fitted_steps = int(values["fitted_steps"])

    def _planner(self) -> PlannerPolicy:
        spaces, size = self._spaces, self._spaces.input_size
        return PlannerPolicy(
            mean=np.zeros(size, np.float32),
            std=np.ones(size, np.float32),
            clip=_NO_CLIP,
            action_low=np.array(spaces.action_low, np.float32),
            action_high=np.array(spaces.action_high, np.float32),
            goal_size=spaces.goal_size,
            model=self._acting,
            settings=_part(PlannerSettings, self._hyper),
            objective=dict(self._hyper.objective),
        )


def _part(kind: Any, hyper: PETSHyperParameters) -> Any:
    return kind.model_validate({name: getattr(hyper, name) for name in kind.model_fields})
