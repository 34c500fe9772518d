"""What methods have in common that learn action values of continuous actions from a replay."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from robot_learning.algorithms.base import (
    OffPolicyAlgorithm,
    OffPolicyHyperParameters,
    Spaces,
)
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.networks import InputNormaliser, Mlp
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class ValueHyperParameters(OffPolicyHyperParameters):
    """Bounds on targets."""

    return_min: float | None = Field(
        None, description="Lowest return possible; bounds the target (Andrychowicz et al., app. A)."
    )
    return_max: float | None = Field(None, description="Highest return possible.")

    @model_validator(mode="after")
    def _bounds_ordered(self) -> Self:
        low, high = self.return_min, self.return_max
        if low is not None and high is not None and low >= high:
            raise ValueError(f"return_min {low} is not below return_max {high}")
        return self


class ValueLearner(OffPolicyAlgorithm):
    """Normalised inputs, bootstrapped targets, priorities, and the state that a checkpoint holds.

    Subclasses make their networks in `__init__`, after this one's, with `self._generator`.
    """

    _hyper: ValueHyperParameters

    def __init__(self, spaces: Spaces, hyper: ValueHyperParameters, seed: int) -> None:
        self._spaces, self._hyper = spaces, hyper
        self._generator = torch.Generator().manual_seed(seed)
        self._normalise = InputNormaliser(spaces.input_size, hyper.input_clip)
        self._updates = 0
        self._errors: Float32 | None = None

    def observe(self, inputs: Float32) -> None:
        """Takes new inputs into the running statistics."""
        self._normalise.update(inputs)

    def priorities(self) -> Float32 | None:
        """Distance of the target from the critics, or from the slow ones; their mean."""
        return self._errors

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Networks, targets, moments, normaliser and random state."""
        return self._learned().tensors(), {"updates": self._updates}

    def load_state_dict(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._learned().restore(tensors)
        self._updates = int(values["updates"])

    @abstractmethod
    def _learned(self) -> LearnedState:
        """Everything that learning changes."""

    def _bootstrapped(self, batch: Batch, values: Tensor) -> Tensor:
        """The target r + gamma (1 - terminated) V(o') within the possible returns, as `values`.

        `values` are V(o'), shape (n,), or samples of it, shape (n, k). A truncated episode is not
        terminated: its o' counts.
        """
        hyper = self._hyper
        rewards = torch.from_numpy(batch.rewards)
        discounts = torch.from_numpy(batch.discounts_at(hyper.gamma))
        if values.ndim == 2:
            rewards, discounts = rewards[:, None], discounts[:, None]
        target = rewards + discounts * values
        if hyper.return_min is not None or hyper.return_max is not None:
            target = target.clamp(hyper.return_min, hyper.return_max)
        return target

    def _policy_fields(self) -> dict[str, Any]:
        """The fields that every `Policy` has."""
        return {
            "mean": self._normalise.mean_now,
            "std": self._normalise.std_now,
            "clip": self._normalise.clip,
            "action_low": np.array(self._spaces.action_low, np.float32),
            "action_high": np.array(self._spaces.action_high, np.float32),
            "goal_size": self._spaces.goal_size,
        }


def polyak(target: Mlp, source: Mlp, share: float) -> None:
    """Moves every weight of `target` towards `source` by `share` (tau)."""
    target.flat.lerp_(source.flat, share)


def weighted(losses: Tensor, batch: Batch) -> Tensor:
    """The mean over rows, (..., n) -> (...), by their weights in a prioritised replay."""
    if batch.weights is not None:
        losses = losses * torch.from_numpy(batch.weights)
    return losses.mean(-1)
