"""Model-based policy optimisation (Janner et al. 2019, arXiv 1906.08253, algorithm 2).

SAC that learns mostly from what a model says would have happened: short rollouts that branch off
real states, under the newest policy. Short, because a model is honest for a few steps; many,
because they cost the arm nothing. With `pessimism` predicted rewards are lowered where the model is
unsure, as MOPO does (Yu et al. 2020, arXiv 2005.13239, section 4.3); with a rollout of one step
and real data for most of a batch it is Dyna (Sutton 1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from robot_learning.algorithms.base import Count, Spaces, Unit
from robot_learning.algorithms.model_based import ModelBased
from robot_learning.algorithms.sac import SAC, SACHyperParameters
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.dynamics import Ensemble, EnsembleSettings, Transitions
from robot_learning.dynamics.branches import Branches
from robot_learning.dynamics.honesty import Ahead
from robot_learning.dynamics.joint_fit import JointFit
from robot_learning.dynamics.parts import Stored, load_state, state_of
from robot_learning.planning.objectives import learned_rewards, require_objective
from robot_learning.replay import Batch, Step


class MBPOHyperParameters(SACHyperParameters):
    """SAC's, and where its data comes from."""

    model: EnsembleSettings = Field(
        default_factory=lambda: EnsembleSettings.model_validate({"members": 7, "elites": 5}),
        description="Of the ensemble: members, elites, hidden_sizes and so on, as JSON.",
    )
    objective: dict[str, Any] = Field(
        default_factory=dict,
        description="Rewards in the model: name and fields of planning.objectives; by itself for "
        "tasks and environments that it is known of. The name learned: networks learn rewards and "
        "ends from the data (fields of RewardSettings).",
    )
    warmup_steps: int = Field(500, ge=0, description="Random steps, the first data.")
    refit_every_steps: Count = Field(
        250, description="Steps from one fit of the model to the next."
    )
    fit_steps_per_update: Count = Field(
        4, description="Gradient steps of a fit under way in each update of the policy."
    )
    updates_per_step: Positive = Field(20.0, description="The paper: 20 to 40.")
    real_share: Unit = Field(0.05, description="Of every batch that did happen.")
    rollouts: Count = Field(2_000, description="That branch off after each fit.")
    rollout_steps: Count = Field(1, description="Length of each, at first.")
    rollout_steps_final: Count = Field(1, description="And once the schedule is over.")
    rollout_schedule_steps: Count = Field(
        10_000, description="Steps over which the length grows, linear."
    )
    kept_fits: Count = Field(4, description="Of how many fits rollouts are learned from.")
    pessimism: NonNegative = Field(
        0.0, description="lambda: taken off a reward for a unit of the largest predicted deviation."
    )

    @model_validator(mode="after")
    def _lengths_ordered(self) -> Self:
        if self.rollout_steps_final < self.rollout_steps:
            raise ValueError(
                f"rollout_steps_final {self.rollout_steps_final} is below rollout_steps "
                f"{self.rollout_steps}"
            )
        return self


class MBPO(ModelBased, SAC):
    """SAC on branches of a model."""

    name: ClassVar[str] = "mbpo"
    source: ClassVar[str] = "Janner, Fu, Zhang, Levine 2019, algorithm 2; Yu et al. 2020"
    hyper_parameters: ClassVar[type[SACHyperParameters]] = MBPOHyperParameters
    model: Ensemble

    def __init__(self, spaces: Spaces, hyper: MBPOHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)
        require_objective(hyper.objective, self.name, spaces.goal_size)
        self._settings = hyper
        self._rng = np.random.default_rng([seed, 6])
        generator = torch.Generator().manual_seed(seed + 1)
        sizes = spaces.observation_size, spaces.action_size
        self.model = Ensemble(*sizes, hyper.model, generator)
        self._rewards = learned_rewards(hyper.objective, *sizes, spaces.goal_size, generator)
        self._branching = torch.Generator().manual_seed(seed + 2)
        self._steps: list[Step] = []
        self._fitted_steps = 0
        self._fit: JointFit | None = None
        self._branches = Branches(
            self.model, hyper.objective, pessimism=hyper.pessimism, rewards=self._rewards
        )

    def experience(self, steps: Sequence[Step]) -> None:
        """See `OffPolicyAlgorithm.experience`."""
        self._steps.extend(steps)

    def update(self, batch: Batch) -> dict[str, float]:
        """Some steps of a fit where one is due, and SAC's update on a batch of both kinds."""
        figures = self._learn_model()
        if not len(self._branches):
            return figures
        count = len(batch.rewards)
        real = min(count, max(0, round(self._settings.real_share * count)))
        drawn = self._branches.sample(count - real, self._rng)
        return super().update(_mixed(batch, drawn, real)) | figures

    def _learn_model(self) -> dict[str, float]:
        if self._fit is None:
            new = len(self._steps) - self._fitted_steps
            first = self._fitted_steps == 0
            wanted = self.model.settings.transitions_min if first else 1
            if new < max(wanted, 0 if first else self._settings.refit_every_steps):
                return {}
            data = Transitions.of(self._steps, self._spaces.normalise_action)
            self._fit = JointFit(self.model, data, self._rng, self._rewards)
            self._fitted_steps = len(self._steps)
        for _ in range(self._settings.fit_steps_per_update):
            if self._fit.advance():
                break
        else:
            return {}
        done, self._fit = self._fit, None
        self._branch()
        return done.figures | self.judge_model(done.held) | {"rollout_steps": float(self._length())}

    @property
    def ahead(self) -> Ahead:
        """See `ModelBased.ahead`."""
        return Ahead("rollout_steps", self._length())

    @property
    def held_out_share(self) -> float:
        """See `ModelBased.held_out_share`."""
        return self._settings.model.held_out_share

    def _branch(self) -> None:
        """Rollouts from real states, under the newest policy."""
        hyper = self._settings
        chosen = [self._steps[i] for i in self._rng.integers(len(self._steps), size=hyper.rollouts)]
        starts = torch.from_numpy(np.stack([step.observation for step in chosen]))
        goals = torch.from_numpy(np.stack([step.desired_goal for step in chosen]))

        def act(inputs: Tensor) -> Tensor:
            return self.sample(self._normalise(inputs.numpy())).actions

        self._branches.grow(starts, goals, act, self._length(), self._branching)
        self._branches.keep(hyper.kept_fits)

    def _length(self) -> int:
        hyper = self._settings
        share = min(1.0, len(self._steps) / hyper.rollout_schedule_steps)
        grown = (hyper.rollout_steps_final - hyper.rollout_steps) * share
        return hyper.rollout_steps + int(grown)

    def _models(self) -> dict[str, Stored | None]:
        return {"model": self.model, "rewards": self._rewards}

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """SAC's and the model's; data and branches are made anew."""
        tensors, values = super().state_dict()
        learned = state_of(self._models())
        return tensors | learned | {"branching": self._branching.get_state()}, {
            "sac": values,
            "rng": dict(self._rng.bit_generator.state),
        }

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`; the model is fitted again before anything is learned."""
        super().load_state_dict(tensors, values["sac"])
        load_state(self._models(), tensors)
        self._branching.set_state(tensors["branching"])
        self._rng.bit_generator.state = values["rng"]


def _mixed(real: Batch, imagined: Batch, count: int) -> Batch:
    """The first rows of one and all of the other."""
    return Batch(
        *(
            np.concatenate((getattr(real, name)[:count], getattr(imagined, name)))
            for name in ("inputs", "actions", "rewards", "next_inputs", "terminated")
        )
    )
