"""What each task adds to the scene, by the kind of the task contract."""

from __future__ import annotations

from robot_learning.contract import Contract
from sim.objects import Split
from sim.tasks.base import SimTask
from sim.tasks.bin_grasp import BinGrasp
from sim.tasks.insertion import Insertion
from sim.tasks.reach import Reach
from sim.tasks.table_object import TableObject

TASKS: dict[str, type[SimTask]] = {
    "reach": Reach,
    "bin_grasp": BinGrasp,
    "lift": TableObject,
    "push": TableObject,
    "insertion": Insertion,
}


def make_task(contract: Contract, objects: Split) -> SimTask:
    """Makes the simulated side of a task."""
    return TASKS[contract.task.kind](contract, objects)


__all__ = ["TASKS", "SimTask", "make_task"]
