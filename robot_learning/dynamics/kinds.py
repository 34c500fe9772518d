"""Every kind of model: how it is made, fitted, described and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from robot_learning.dynamics.ensemble import Ensemble, EnsembleSettings
from robot_learning.dynamics.fit import EnsembleFit
from robot_learning.dynamics.fitting import Fit, PiecewiseFit
from robot_learning.dynamics.gaussian_process import GaussianProcess, GaussianProcessSettings
from robot_learning.dynamics.linear import LinearDynamics
from robot_learning.dynamics.locally_weighted import LocallyWeighted, LocallyWeightedSettings
from robot_learning.dynamics.model import DynamicsError, FitSettings, StoredModel
from robot_learning.dynamics.transitions import Transitions

ModelKind = Literal["ensemble", "linear", "gaussian_process", "locally_weighted"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One of them.

    Attributes:
        settings: their class.
        make: from sizes of observation and action, settings, and what first weights are drawn with.
        begin: a fit, from the model, data, and what their order is drawn with.
    """

    settings: type[FitSettings]
    make: Callable[[int, int, Any, torch.Generator], StoredModel]
    begin: Callable[[Any, Transitions, np.random.Generator], Fit]


MODELS: dict[str, Kind] = {
    Ensemble.kind: Kind(EnsembleSettings, Ensemble, EnsembleFit),
    LinearDynamics.kind: Kind(FitSettings, LinearDynamics, PiecewiseFit),
    GaussianProcess.kind: Kind(GaussianProcessSettings, GaussianProcess, PiecewiseFit),
    LocallyWeighted.kind: Kind(LocallyWeightedSettings, LocallyWeighted, PiecewiseFit),
}
"""By the name that files carry."""


def begin_fit(model: StoredModel, data: Transitions, rng: np.random.Generator) -> Fit:
    """Begins to fit a model of any kind.

    Raises:
        DynamicsError: there is too little data; the message says how much is wanted.
    """
    return MODELS[model.kind].begin(model, data, rng)


def describe_model(model: StoredModel) -> dict[str, Any]:
    """Kind and settings as JSON can hold them."""
    return {"kind": model.kind, "settings": model.settings.model_dump(mode="json")}


def read_model(
    description: Mapping[str, Any],
    tensors: dict[str, Tensor],
    observation_size: int,
    action_size: int,
) -> StoredModel:
    """Puts a model together from what `describe_model` and its `state_dict` gave.

    Raises:
        DynamicsError: there is no such kind.
        KeyError, RuntimeError, pydantic.ValidationError: it does not fit together.
    """
    name = description["kind"]
    if name not in MODELS:
        raise DynamicsError(f"no model is called {name!r}; known: {', '.join(MODELS)}")
    kind = MODELS[name]
    settings = kind.settings.model_validate(description["settings"])
    model = kind.make(observation_size, action_size, settings, torch.Generator())
    model.load_state_dict(tensors)
    return model
