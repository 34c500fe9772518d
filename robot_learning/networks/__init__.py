"""Networks, input normalisation, and the deployable policy."""

from robot_learning.networks.adam import Adam
from robot_learning.networks.buffered import BufferedMlp
from robot_learning.networks.cem_policy import CemPolicy
from robot_learning.networks.gaussian_policy import GaussianPolicy
from robot_learning.networks.input_normaliser import InputNormaliser
from robot_learning.networks.mlp import Mlp
from robot_learning.networks.mlp_policy import MlpPolicy
from robot_learning.networks.normaliser import Normaliser
from robot_learning.networks.policy import Policy

POLICIES: dict[str, type[Policy]] = {
    policy.kind: policy for policy in (MlpPolicy, GaussianPolicy, CemPolicy)
}
"""Kinds of policy by the name that their files carry."""

__all__ = [
    "POLICIES",
    "Adam",
    "BufferedMlp",
    "CemPolicy",
    "GaussianPolicy",
    "InputNormaliser",
    "Mlp",
    "MlpPolicy",
    "Normaliser",
    "Policy",
]
