"""Models of what actions do to observations, learned from transitions."""

from robot_learning.dynamics.ensemble import Ensemble, EnsembleSettings
from robot_learning.dynamics.fit import EnsembleFit, FitReport
from robot_learning.dynamics.linear import LinearDynamics
from robot_learning.dynamics.model import DynamicsError, DynamicsModel
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Transitions

__all__ = [
    "DynamicsError",
    "DynamicsModel",
    "Ensemble",
    "EnsembleFit",
    "EnsembleSettings",
    "FitReport",
    "LinearDynamics",
    "Scaling",
    "Transitions",
]
