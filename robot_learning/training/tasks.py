"""The environment of a task, over the simulator, in this process."""

from __future__ import annotations

from robot_learning.contract import Contract, load_contract
from robot_learning.training.environments import Environment, Watched


def make_task_environment(task: str, robot: str) -> tuple[Environment, Contract]:
    """Loads the contract of a robot and a task and opens the simulator on it.

    Raises:
        ContractError: robot or task is unknown or malformed.
        LookupError: the simulator is not installed.
    """
    contract = load_contract(robot, task)
    return make_contract_environment(contract), contract


def make_contract_environment(contract: Contract) -> Environment:
    """Opens the simulator on a contract.

    Raises:
        LookupError: the simulator is not installed.
    """
    # Late: the arm's kinematics are not needed to train on other environments.
    from robot_learning.envs.state_env import StateEnv
    from robot_learning.hardware import open_hardware

    return Watched(StateEnv(open_hardware("sim", contract)))
