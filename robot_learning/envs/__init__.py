"""Robots as Gymnasium environments; importing this package registers them."""

from robot_learning.envs.observation import Observer, field_slices, observation_size, observe
from robot_learning.envs.reach_env import ReachEnv
from robot_learning.envs.registration import make_env, register_envs

__all__ = [
    "Observer",
    "ReachEnv",
    "field_slices",
    "make_env",
    "observation_size",
    "observe",
    "register_envs",
]

register_envs()
