"""The contract: one typed, hashed description of robot and task that everything agrees on."""

from robot_learning.contract.contract import Contract, differences, require_same, task_of
from robot_learning.contract.errors import ContractError
from robot_learning.contract.load import config_dir, load_contract, load_robot, load_task
from robot_learning.contract.robot import RobotContract
from robot_learning.contract.task import (
    BinGraspTask,
    InsertionTask,
    LiftTask,
    PushTask,
    ReachTask,
    StateTask,
    TabletopTask,
    TaskContract,
)

__all__ = [
    "BinGraspTask",
    "Contract",
    "ContractError",
    "InsertionTask",
    "LiftTask",
    "PushTask",
    "ReachTask",
    "RobotContract",
    "StateTask",
    "TabletopTask",
    "TaskContract",
    "config_dir",
    "differences",
    "load_contract",
    "load_robot",
    "load_task",
    "require_same",
    "task_of",
]
