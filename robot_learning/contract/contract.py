"""Robot and task together: the one thing that data, policies and running nodes must agree on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Self, TypeVar

from pydantic import model_validator

from robot_learning.contract.base import Box, StrictModel
from robot_learning.contract.errors import ContractError
from robot_learning.contract.robot import RobotContract
from robot_learning.contract.task import (
    TASKS,
    BinGraspTask,
    InsertionTask,
    LiftTask,
    PushTask,
    ReachTask,
    TabletopTask,
    Task,
    TaskContract,
)

T = TypeVar("T", bound=Task)


class Contract(StrictModel):
    """A robot doing a task."""

    robot: RobotContract
    task: TaskContract

    @model_validator(mode="after")
    def _task_fits_robot(self) -> Self:
        if isinstance(self.task, ReachTask):
            goal = self.task.goal.box
            self._within_workspace("task.goal.box", goal.min_m, goal.max_m)
        if isinstance(self.task, BinGraspTask):
            self._grasp_fits_robot(self.task)
        if isinstance(self.task, TabletopTask):
            self._tabletop_fits_robot(self.task)
        if self.task.action.speed_max_m_s > self.robot.operation.tcp_speed_max_m_s:
            raise ValueError(
                f"task.action.speed_max_m_s {self.task.action.speed_max_m_s} is above "
                f"robot.operation.tcp_speed_max_m_s {self.robot.operation.tcp_speed_max_m_s}"
            )
        ratio = self.robot.rates.command_hz / self.task.control_hz
        if ratio < 1 or abs(ratio - round(ratio)) > 1e-9:
            raise ValueError(
                f"robot.rates.command_hz {self.robot.rates.command_hz} is not a whole multiple of "
                f"task.control_hz {self.task.control_hz}"
            )
        return self

    def _within_workspace(self, what: str, low: Sequence[float], high: Sequence[float]) -> None:
        workspace = self.robot.operation.workspace
        for axis, name in zip(range(len(low)), "xyz", strict=False):
            if low[axis] < workspace.min_m[axis] or high[axis] > workspace.max_m[axis]:
                raise ValueError(
                    f"{what} leaves robot.operation.workspace on axis {name}: {low[axis]} to "
                    f"{high[axis]} against {workspace.min_m[axis]} to {workspace.max_m[axis]}"
                )

    def _grasp_fits_robot(self, task: BinGraspTask) -> None:
        centre, size = task.bin.centre_m, task.bin.size_m
        low = [c - s / 2 for c, s in zip(centre, size, strict=True)]
        high = [c + s / 2 for c, s in zip(centre, size, strict=True)]
        self._within_workspace("task.bin", low, high)
        self._within_workspace("task.workspace", task.workspace.min_m, task.workspace.max_m)
        gripper = self.robot.gripper
        turn_max = self.robot.operation.tcp_angular_speed_max_rad_s
        self._at_most("success.width_max_m", task, gripper.width_max_m, "gripper.width_max_m")
        self._at_most("action.gripper_force_n", task, gripper.force_max_n, "gripper.force_max_n")
        self._at_most(
            "action.turn_speed_max_rad_s", task, turn_max, "operation.tcp_angular_speed_max_rad_s"
        )
        cameras = {camera.name: camera for camera in self.robot.cameras}
        camera = cameras.get(task.image.camera)
        if camera is None:
            raise ValueError(
                f"task.image.camera {task.image.camera!r} is no camera of robot "
                f"{self.robot.name}: {', '.join(cameras) or 'it has none'}"
            )
        left, top, side = task.image.crop_px(camera.width_px, camera.height_px)
        if min(left, top) < 0 or left + side > camera.width_px or top + side > camera.height_px:
            raise ValueError(
                f"task.image: the crop of {side:.0f} px from ({left:.0f}, {top:.0f}) leaves the "
                f"image of {camera.width_px} x {camera.height_px} px"
            )

    def _tabletop_fits_robot(self, task: LiftTask | PushTask | InsertionTask) -> None:
        workspace, gripper = task.workspace, self.robot.gripper
        self._within_workspace("task.workspace", workspace.min_m, workspace.max_m)
        regions = {}
        if isinstance(task, LiftTask):
            self._at_most("success.width_max_m", task, gripper.width_max_m, "gripper.width_max_m")
            self._at_most(
                "action.gripper_force_n", task, gripper.force_max_n, "gripper.force_max_n"
            )
        if isinstance(task, LiftTask | PushTask):
            regions["task.object.region"] = task.object.region
        if isinstance(task, PushTask):
            regions["task.target"] = task.target
        if isinstance(task, InsertionTask):
            regions["task.socket.region"] = task.socket.region
        if isinstance(task, PushTask | InsertionTask):
            self._at_most(
                "action.gripper_width_m", task, gripper.width_max_m, "gripper.width_max_m"
            )
        for what, region in regions.items():
            for axis, name in enumerate("xy"):
                low, high = region.min_m[axis], region.max_m[axis]
                if low < workspace.min_m[axis] or high > workspace.max_m[axis]:
                    raise ValueError(
                        f"{what} leaves task.workspace on axis {name}: {low} to {high} against "
                        f"{workspace.min_m[axis]} to {workspace.max_m[axis]}"
                    )

    def _at_most(self, name: str, task: Task, limit: float, limit_name: str) -> None:
        value: Any = task
        for part in name.split("."):
            value = getattr(value, part)
        if value > limit:
            raise ValueError(f"task.{name} {value} is above robot.{limit_name} {limit}")

    @property
    def workspace(self) -> Box:
        """Where the tool centre point may be: the robot's workspace, or the task's part of it."""
        task = self.task
        if isinstance(task, BinGraspTask | TabletopTask):
            return task.workspace
        return self.robot.operation.workspace

    @property
    def clear_height_m(self) -> float | None:
        """Below this height the way home begins straight up; None: nowhere."""
        return self.task.clear_height_m if isinstance(self.task, TabletopTask) else None

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON: sorted keys, no spaces, shortest exact floats.

        The limits of doubt and the shapes for collisions are not part of it: they say what the
        driver refuses, not what data and policies mean, and are made stricter without learning
        anything anew. Nor is what was measured of cameras and joints: it comes after training, and
        again whenever a camera was knocked; a policy that was trained without it may be tried.
        Nor that a joint has no stops, which changes nothing within its limits.
        """
        text = json.dumps(self.agreed(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def agreed(self) -> dict[str, Any]:
        """What data, policies and nodes must agree on, as JSON can hold it."""
        measured: Any = {"__all__": {"calibration"}}
        joints: Any = {"joints": {"__all__": {"continuous"}}}
        apart: Any = {"operation": {"doubt"}, "collision": True, "cameras": measured, "arm": joints}
        data = self.model_dump(mode="json", exclude={"robot": apart | {"simulation": True}})
        data["robot"]["simulation"] = self.robot.simulation.ideal()
        if self.robot.gripper.knuckle is None:  # as before there were any
            del data["robot"]["gripper"]["knuckle"]
        return data

    @property
    def control_period_s(self) -> float:
        """Time between two actions of the policy."""
        return 1.0 / self.task.control_hz

    @property
    def command_period_s(self) -> float:
        """Time between two commanded points on the wire."""
        return 1.0 / self.robot.rates.command_hz

    @property
    def commands_per_action(self) -> int:
        """Commanded points during one action."""
        return round(self.robot.rates.command_hz / self.task.control_hz)


def task_of(contract: Contract, kind: type[T]) -> T:
    """The contract's task, which must be of a kind.

    Raises:
        ContractError: it is of another.
    """
    task = contract.task
    if isinstance(task, kind):
        return task
    wanted = " or ".join(name for name, model in TASKS.items() if issubclass(model, kind))
    raise ContractError(f"task {task.name} is of kind {task.kind}, and this is for {wanted}")


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walks nested mappings and lists; yields (dotted key, leaf value)."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from flatten(value[key], f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, item in enumerate(value):
            yield from flatten(item, f"{prefix}.{index}")
    else:
        yield prefix, value


def differences(left: Contract, right: Contract) -> list[tuple[str, Any, Any]]:
    """Keys of what must be agreed on that differ: (dotted key, left value, right value), sorted."""
    a, b = dict(flatten(left.agreed())), dict(flatten(right.agreed()))
    return [(key, a.get(key), b.get(key)) for key in sorted(a | b) if a.get(key) != b.get(key)]


def require_same(expected: Contract, found: Contract, what: str) -> None:
    """Refuses data or a policy made for another contract.

    Args:
        expected: the contract in force.
        found: the contract that `what` was made for.
        what: what carries the other contract, for the message.

    Raises:
        ContractError: naming up to six keys that differ.
    """
    if expected.sha256 == found.sha256:
        return
    rows = differences(expected, found)
    shown = "; ".join(f"{key}: {ours!r} here, {theirs!r} there" for key, ours, theirs in rows[:6])
    more = f" and {len(rows) - 6} more" if len(rows) > 6 else ""
    raise ContractError(
        f"{what} was made for another contract ({found.sha256[:12]}, here "
        f"{expected.sha256[:12]}): {shown}{more}"
    )
