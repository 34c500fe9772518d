"""An ensemble asked in bfloat16, on machines that multiply it faster than float32."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from robot_learning.dynamics.ensemble import Ensemble

# For fewer rows of each member, or narrower layers, conversions cost more than products save.
ROWS_MIN, WIDTH_MIN = 32, 160


class Reduced:
    """The same predictions, with products of 8 significant bits (it is a `DynamicsModel`).

    Attributes:
        model: that is asked.
        fitted: it had learned something when it was put behind this.
    """

    def __init__(self, model: Ensemble) -> None:
        self.model, self.fitted = model, model.fitted

    @property
    def members(self) -> int:
        """As the model."""
        return self.model.members

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`; few rows are in float32."""
        few = observations.shape[1] < ROWS_MIN
        dtype = torch.float32 if few else torch.bfloat16
        return self.model.predict(observations, actions, dtype=dtype)


@cache
def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for it; else it is slower than float32."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def saves_time(model: Ensemble) -> bool:
    """Whether this model is asked faster so here."""
    return multiplies_bfloat16() and min(model.settings.hidden_sizes) >= WIDTH_MIN
