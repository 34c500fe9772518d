"""Robots as Gymnasium environments; importing this package registers them."""

from robot_learning.envs.observation import Observer, field_slices, observation_size, observe
from robot_learning.envs.registration import make_env, register_envs
from robot_learning.envs.state_env import StateEnv

__all__ = [
    "Observer",
    "StateEnv",
    "field_slices",
    "make_env",
    "observation_size",
    "observe",
    "register_envs",
]

register_envs()
