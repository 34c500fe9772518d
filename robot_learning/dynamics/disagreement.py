"""What a model's disagreement is measured against, so that it says something on a new state."""

from __future__ import annotations

from robot_learning.dynamics.model import StoredModel
from robot_learning.dynamics.transitions import Transitions

# What 99 of 100 transitions that the model was not fitted to do not reach; and whatever is small
# beside the changes themselves.
_SHARE, _LEAST = 0.99, 0.05


def usual_disagreement(model: StoredModel, held: Transitions) -> float:
    """What `disagreement` comes to where the model has learned.

    Args:
        model: fitted.
        held: transitions of episodes that were held out of its fit.
    """
    found = model.disagreement(held.observations, held.actions).quantile(_SHARE)
    return max(_LEAST, found.item())
