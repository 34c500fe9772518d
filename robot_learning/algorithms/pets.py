"""Planning in probabilistic ensembles (Chua et al. 2018, arXiv 1805.12114, algorithm 1).

Learn what actions do, and at every step plan with what was learned; what happens is learned from
again. There is no policy network and no value: an objective, known as a formula or learned, says
what is good, and the model where it leads. In place of the ensemble stands any kind of model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field, Strict, model_validator
from torch import Tensor

from robot_learning.algorithms.base import (
    Count,
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
)
from robot_learning.algorithms.model_based import ModelBased
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.dynamics import (
    MODELS,
    EnsembleSettings,
    GaussianProcessSettings,
    LocallyWeightedSettings,
    ModelKind,
    StoredModel,
    Transitions,
)
from robot_learning.dynamics.disagreement import usual_disagreement
from robot_learning.dynamics.honesty import Ahead
from robot_learning.dynamics.joint_fit import JointFit
from robot_learning.dynamics.parts import Stored, load_state, state_of
from robot_learning.planning.objectives import learned_rewards, require_objective
from robot_learning.planning.policy import PlannerPolicy
from robot_learning.planning.settings import PlannerSettings
from robot_learning.replay import Batch, Step
from robot_learning.replay.step import Float32

_NO_CLIP = 1e9


class PETSHyperParameters(
    OffPolicyHyperParameters,
    EnsembleSettings,
    GaussianProcessSettings,
    LocallyWeightedSettings,
    PlannerSettings,
):
    """The model's, the planner's, and how often it is fitted."""

    explores: ClassVar[bool] = False

    dynamics: ModelKind = Field(
        "ensemble",
        description="Kind of the model: an ensemble of networks, least squares, or for few data "
        "a Gaussian process or a locally weighted regression.",
    )

    hidden_sizes: Annotated[tuple[Count, ...], Strict(False)] = Field(
        (200, 200, 200), description="Hidden layers of the model (appendix A.1: 3 or 4 of 200)."
    )
    batch_size: Count = Field(128, description="Transitions a member sees in a gradient step.")
    objective: dict[str, Any] = Field(
        default_factory=dict,
        description="What is planned for: name and fields of planning.objectives; by itself for "
        "tasks and environments that it is known of. The name learned: networks learn rewards and "
        "ends from the data (fields of RewardSettings).",
    )
    warmup_steps: int = Field(200, ge=0, description="Random steps, the first data.")
    update_every_steps: Count = Field(200, description="Steps from one fit to the next: a trial.")
    updates_per_step: Positive = Field(
        10.0, description="Most gradient steps of a fit for each of these; it ends by itself."
    )
    exploration_std: NonNegative = Field(0.0, description="What it does not know it tries anyway.")
    exploration_std_final: NonNegative = Field(0.0, description="The same.")

    @model_validator(mode="after")
    def _doubt_is_possible(self) -> Self:
        members = self.elites if self.dynamics == "ensemble" else 1
        if self.disagreement_cost and members == 1:
            raise ValueError(
                "disagreement_cost wants several members: dynamics=ensemble with elites above 1"
            )
        if self.pessimism and members * self.particles == 1:
            raise ValueError("pessimism wants several particles or members: raise particles")
        return self

    @property
    def counted_from_step(self) -> int:
        """Random steps are what the first fit is of."""
        return 0

    @property
    def first_policy_step(self) -> int:
        """Where the first fit begins."""
        return self.update_every_steps


class PETS(ModelBased, OffPolicyAlgorithm):
    """A model, an ensemble by default, that is fitted now and then, and a planner in it."""

    name: ClassVar[str] = "pets"
    source: ClassVar[str] = "Chua, Calandra, McAllister, Levine 2018, algorithm 1"
    hyper_parameters: ClassVar[type[OffPolicyHyperParameters]] = PETSHyperParameters
    model: StoredModel

    def __init__(self, spaces: Spaces, hyper: PETSHyperParameters, seed: int) -> None:
        require_objective(hyper.objective, self.name, spaces.goal_size)
        self._spaces, self._hyper = spaces, hyper
        self._rng = np.random.default_rng([seed, 5])
        kind = MODELS[hyper.dynamics]
        generator = torch.Generator().manual_seed(seed)
        sizes = spaces.observation_size, spaces.action_size
        settings = _part(kind.settings, hyper)
        self.model = kind.make(*sizes, settings, generator)
        rewarded = hyper.objective, *sizes, spaces.goal_size, generator
        self._rewards = learned_rewards(*rewarded)
        # They act while a fit is under way, whose model fits nothing yet.
        self._acting = kind.make(*sizes, settings, generator)
        self._acting_rewards = learned_rewards(*rewarded)
        self._steps: list[Step] = []
        self._fitted_steps = 0
        self._fit: JointFit | None = None
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
        """A piece of the fit under way; begins one where there is enough that is new."""
        del batch
        if self._fit is None:
            if len(self._steps) < min(self._hyper.warmup_steps, self._hyper.transitions_min):
                return {}
            new = len(self._steps) - self._fitted_steps
            if new < min(self._hyper.update_every_steps, self._hyper.transitions_min):
                return {}
            data = Transitions.of(self._steps, self._spaces.normalise_action)
            self._fit = JointFit(self.model, data, self._rng, self._rewards)
            self._fitted_steps = len(self._steps)
        if not self._fit.advance():
            return {}
        done, self._fit = self._fit, None
        load_state(self._acting_parts(), state_of(self._learning_parts()))
        usual = usual_disagreement(self._acting, done.held)
        self._policy = replace(self._policy, usual_disagreement=usual)
        judged = self.judge_model(done.held)
        return done.figures | judged | {"model_usual_disagreement": usual}

    @property
    def ahead(self) -> Ahead:
        """See `ModelBased.ahead`."""
        return Ahead("horizon", self._hyper.horizon)

    @property
    def held_out_share(self) -> float:
        """See `ModelBased.held_out_share`."""
        return self._hyper.held_out_share

    def policy(self) -> PlannerPolicy:
        """The planner in the model of the newest fit that is done."""
        return self._policy

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What is learned; its data is in the journal. A fit under way begins again."""
        begun = self._fitted_steps if self._fit is None else 0
        rng = dict(self._rng.bit_generator.state)
        values = {"rng": rng, "fitted_steps": begun, "usual": self._policy.usual_disagreement}
        learning = state_of({f"fit.{k}": part for k, part in self._learning_parts().items()})
        return learning | state_of(self._acting_parts()), values

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        load_state({f"fit.{k}": part for k, part in self._learning_parts().items()}, tensors)
        load_state(self._acting_parts(), tensors)
        self._policy = replace(self._policy, usual_disagreement=float(values["usual"]))
        self._rng.bit_generator.state = values["rng"]
        self._fitted_steps = int(values["fitted_steps"])

    def _learning_parts(self) -> dict[str, Stored | None]:
        return {"model": self.model, "rewards": self._rewards}

    def _acting_parts(self) -> dict[str, Stored | None]:
        return {"model": self._acting, "rewards": self._acting_rewards}

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
            rewards=self._acting_rewards,
        )


def _part(kind: Any, hyper: PETSHyperParameters) -> Any:
    return kind.model_validate({name: getattr(hyper, name) for name in kind.model_fields})
