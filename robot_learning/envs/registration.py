"""Environments by name, for `gymnasium.make`.

Importing `robot_learning.envs` registers them, and `gymnasium.make` imports the module that stands
before the colon: `gymnasium.make("robot_learning.envs:robot_learning/Reach-v0")` needs no import
of its own. (The entry points by which packages once announced environments left Gymnasium in 1.0.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium

from robot_learning.contract import BinGraspTask, load_contract
from robot_learning.envs.grasp_env import GraspEnv
from robot_learning.envs.robot_env import RobotEnv
from robot_learning.envs.state_env import StateEnv
from robot_learning.hardware import open_hardware

ENVIRONMENTS = {
    "robot_learning/Reach-v0": "reach",
    "robot_learning/BinGrasp-v0": "bin_grasp",
    "robot_learning/Lift-v0": "lift",
    "robot_learning/Push-v0": "push",
    "robot_learning/Insertion-v0": "insertion",
}
"""Gymnasium's names of the tasks in `config/tasks/`."""


def make_env(
    robot: str | Path = "panda",
    task: str | Path = "reach",
    hardware: str = "sim",
    render_mode: str | None = None,
    **options: Any,
) -> RobotEnv:
    """Opens hardware for a robot and a task and makes the environment over it.

    Args:
        robot: name in `config/robots/`, or a file.
        task: name in `config/tasks/`, or a file.
        hardware: a name registered under the entry point group `robot_learning.hardware`.
        render_mode: None or `rgb_array`.
        options: for the hardware.

    Raises:
        ContractError: the contract is malformed.
        LookupError: no package registers that hardware.
    """
    contract = load_contract(robot, task)
    made: type[RobotEnv] = GraspEnv if isinstance(contract.task, BinGraspTask) else StateEnv
    return made(open_hardware(hardware, contract, **options), render_mode=render_mode)


def register_envs() -> None:
    """Registers the tasks with Gymnasium, `robot_learning/Reach-v0` and so on; safe to call again.

    Importing `robot_learning.envs` calls it.
    `gymnasium.make("robot_learning/Reach-v0", robot="iiwa7")` passes its keywords to `make_env`.
    """
    if "robot_learning/CartPole-v0" not in gymnasium.registry:
        gymnasium.register(
            id="robot_learning/CartPole-v0",
            entry_point="robot_learning.envs.cart_pole:CartPole",
            max_episode_steps=200,
        )
    for name, task in ENVIRONMENTS.items():
        if name not in gymnasium.registry:
            # The environment truncates by its contract, so Gymnasium adds no limit of its own.
            gymnasium.register(
                id=name,
                entry_point="robot_learning.envs.registration:make_env",
                kwargs={"task": task},
            )
