"""Models of what actions do to observations, learned from transitions."""

from robot_learning.dynamics.ensemble import Ensemble, EnsembleSettings
from robot_learning.dynamics.fit import EnsembleFit
from robot_learning.dynamics.fitting import Fit, FitReport
from robot_learning.dynamics.gaussian_process import GaussianProcess, GaussianProcessSettings
from robot_learning.dynamics.kinds import (
    MODELS,
    ModelKind,
    begin_fit,
    describe_model,
    read_model,
)
from robot_learning.dynamics.linear import LinearDynamics
from robot_learning.dynamics.locally_weighted import LocallyWeighted, LocallyWeightedSettings
from robot_learning.dynamics.model import DynamicsError, DynamicsModel, FitSettings, StoredModel
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Outcomes, Transitions

__all__ = [
    "MODELS",
    "DynamicsError",
    "DynamicsModel",
    "Ensemble",
    "EnsembleFit",
    "EnsembleSettings",
    "Fit",
    "FitReport",
    "FitSettings",
    "GaussianProcess",
    "GaussianProcessSettings",
    "LinearDynamics",
    "LocallyWeighted",
    "LocallyWeightedSettings",
    "ModelKind",
    "Outcomes",
    "Scaling",
    "StoredModel",
    "Transitions",
    "begin_fit",
    "describe_model",
    "read_model",
]
