"""How a planner looks for actions."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from robot_learning.contract.base import NonNegative, Positive, StrictModel
from robot_learning.planning.search import Search
from robot_learning.planning.searches import Cem, ICem, Mppi, RandomShooting

Count = Annotated[int, Field(ge=1)]


class PlannerSettings(StrictModel):
    """The search, and how plans are played in the model."""

    planner: Literal["random", "cem", "icem", "mppi"] = Field(
        "icem", description="Random shooting, CEM (PETS), iCEM, or MPPI."
    )
    horizon: Count = Field(15, description="Steps that a plan looks ahead.")
    population: Count = Field(64, description="Candidates of a round, the first one of iCEM.")
    rounds: Count = Field(3, description="Of candidates, each around the best of the one before.")
    particles: Count = Field(1, description="Of each candidate and member of the ensemble.")
    sampling: Literal["ts1", "tsinf", "mean"] = Field(
        "tsinf", description="Chua et al. 2018, section 5.1; mean plays without noise."
    )
    plan_discount: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        1.0, description="Of predicted rewards a step later."
    )
    pessimism: NonNegative = Field(
        0.0, description="lambda: deviations between particles taken off a plan's value."
    )
    disagreement_cost: NonNegative = Field(
        0.0, description="Price of a unit by which the members' predictions lie apart, a step."
    )
    replan_every_steps: Count = Field(
        1, description="Steps carried out of a plan before the next one; `horizon` is open loop."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Of the ensemble's products while planning; auto: bfloat16 where the "
        "processor multiplies it, layers are 160 wide or more and a member has 32 rows or more.",
    )
    replan_budget_s: Positive | None = Field(
        None, description="Time for a plan; at its end the best so far is carried out."
    )

    @model_validator(mode="after")
    def _plan_lasts(self) -> Self:
        if self.replan_every_steps > self.horizon:
            raise ValueError(
                f"replan_every_steps {self.replan_every_steps} is above horizon {self.horizon}"
            )
        return self

    def search(self, action_size: int) -> Search:
        """The search that is described."""
        size, many = (self.horizon, action_size), self.population
        match self.planner:
            case "random":
                return RandomShooting(*size, population=many)
            case "cem":
                return Cem(*size, population=many, rounds=self.rounds)
            case "icem":
                return ICem(*size, population=many, rounds=self.rounds)
            case _:
                return Mppi(*size, population=many, rounds=self.rounds)
