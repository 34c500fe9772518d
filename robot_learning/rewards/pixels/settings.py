"""How a success classifier is learned."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from robot_learning.algorithms.base import Count
from robot_learning.contract.base import Fraction, NonNegative, Positive, StrictModel


class ClassifierSettings(StrictModel):
    """Defaults are for some ten thousand pictures of 64 to 96 pixels a side."""

    features: Count = Field(64, description="Numbers that a picture is encoded as.")
    learning_rate: Positive = Field(1e-3, description="Adam; it falls linearly to nearly nothing.")
    l2: NonNegative = Field(1e-4, description="Decay of the weights (AdamW).")
    batch_size: Count = Field(64, description="Pictures an update, half of them successes.")
    updates: Count = Field(2_000, description="Gradient steps.")
    check_updates: Count = Field(
        200,
        description="Steps between two looks at the episodes kept for tuning; the best is kept.",
    )
    shift_px: Annotated[int, Field(ge=0)] = Field(
        3, description="Pictures are shifted by up to this while learning."
    )
    photometric: bool = Field(True, description="Light and colour vary while learning.")
    tune_share: Fraction = Field(
        0.2, description="Of the episodes: choose weights, temperature and threshold."
    )
    held_out_share: Fraction = Field(
        0.25, description="Of the episodes: seen by nothing, for the report."
    )
    false_positive_rate_max: Fraction = Field(
        0.005,
        description="The threshold lets at most this part of the failures' pictures pass, of the "
        "episodes kept for tuning; on others it is more, so ask for less than you can bear.",
    )
    hold_steps: Count = Field(3, description="Pictures in a row that must show success.")
