"""Networks, input normalisation, and the deployable policy."""

from robot_learning.networks.adam import Adam
from robot_learning.networks.mlp import Mlp
from robot_learning.networks.normaliser import Normaliser
from robot_learning.networks.policy import Policy

__all__ = ["Adam", "Mlp", "Normaliser", "Policy"]
