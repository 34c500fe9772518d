"""Settings of the search for an action by the cross-entropy method."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from robot_learning.algorithms.base import Count
from robot_learning.contract.base import StrictModel


class CemHyperParameters(StrictModel):
    """As in QT-Opt (Kalashnikov et al. 2018, section 4.2)."""

    cem_samples: Annotated[int, Field(ge=2)] = Field(
        64, description="Actions of each round of the search (section 4.2)."
    )
    cem_elites: Count = Field(6, description="The best, that the next round is fitted to.")
    cem_rounds: Count = Field(2, description="Rounds of the search.")

    @model_validator(mode="after")
    def _elites_fit(self) -> Self:
        if self.cem_elites > self.cem_samples:
            raise ValueError(
                f"cem_elites {self.cem_elites} is above cem_samples {self.cem_samples}"
            )
        return self
