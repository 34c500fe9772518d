"""The environment of a task, over the simulator, in this process."""

from __future__ import annotations

from pathlib import Path

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


def make_contract_environment(
    contract: Contract, success_classifier: Path | None = None, *, anticipate: bool = False
) -> Environment:
    """Opens the simulator on a contract.

    Args:
        contract: robot and task.
        success_classifier: folder of one that judges instead of the task's own conditions.
        anticipate: see `StateEnv`.

    Raises:
        ContractError, ClassifierError: that classifier cannot judge this task.
        LookupError: the simulator is not installed.
    """
    # Late: the arm's kinematics are not needed to train on other environments.
    from robot_learning.envs.state_env import StateEnv
    from robot_learning.hardware import open_hardware
    from robot_learning.rewards.pixels.state_judge import PixelStateJudge, classifier_of

    if success_classifier is None:
        return Watched(StateEnv(open_hardware("sim", contract), anticipate=anticipate))
    classifier = classifier_of(success_classifier, contract)
    hardware = open_hardware("sim", contract)
    period_s = contract.control_period_s
    judge = PixelStateJudge(classifier, period_s, lambda: hardware.read_picture().rgb)
    return Watched(StateEnv(hardware, judge=judge))
