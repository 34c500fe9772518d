"""What each task adds to the scene, by the name of the task contract."""

from __future__ import annotations

from robot_learning.contract import TaskContract
from sim.tasks.base import SimTask
from sim.tasks.reach import Reach

TASKS: dict[str, type[SimTask]] = {"reach": Reach}


def make_task(task: TaskContract) -> SimTask:
    """Makes the simulated side of a task.

    Raises:
        LookupError: the simulator has no task of that name.
    """
    if task.name not in TASKS:
        raise LookupError(
            f"task {task.name!r} has no scene in the simulator; known: {', '.join(sorted(TASKS))}"
        )
    return TASKS[task.name](task)


__all__ = ["TASKS", "SimTask", "make_task"]
