"""The simulated robot behind the library's `Hardware` protocol."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import pybullet

from robot_learning.contract import Contract
from robot_learning.control.trajectory import TrajectoryFollower
from robot_learning.hardware import Array, CameraFrame, JointPoint, RobotState
from robot_learning.identification.joint_response import ResponseState
from robot_learning.perception.task_camera import task_camera, task_picture
from sim.camera import SimCamera
from sim.measurement import Measurements
from sim.objects import Split
from sim.response import draw_control_delay_s, draw_response
from sim.robot import SimRobot
from sim.robot_model import Visuals
from sim.scene import Worlds, build_floor, build_table
from sim.tasks import make_task

SOLVER_ITERATIONS = 20
"""Of the constraint solver; with 20 the arm tracks within 2e-4 rad at 0.8 m/s, and steps are a
sixth faster than with PyBullet's 50.
"""


class SimHardware:
    """A robot doing a task in a PyBullet world of its own; any number may exist at once.

    Time is counted in physics steps. `step` adds its duration to the present and lets physics
    catch up; what is left of a physics step is kept for the next call, so nothing drifts.
    Measurements carry the time of the physics step they are of.

    Two instances that are called alike return the same numbers, bit for bit; so do two episodes
    that follow a `reset` with one seed, but for their stamps.

    Args:
        contract: robot and task.
        seed: the first episode's, as for `reset`.
        start_time_s: the first stamp.
        camera_size_px: (width, height) of images instead of the contract's, for speed.
        visuals: `stock` draws the stock meshes, slowly; to compare with.
        objects: where the task has some: those of training, or those never seen there.

    Raises:
        ValueError: it does not know the contract's model.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        seed: int = 0,
        start_time_s: float = 0.0,
        camera_size_px: tuple[int, int] | None = None,
        visuals: Visuals = "decimated",
        objects: Split = "train",
    ) -> None:
        self.contract = contract
        robot, simulation = contract.robot, contract.robot.simulation
        self._task = make_task(contract, objects)
        self._hz = simulation.physics_hz
        self._period_s = 1.0 / self._hz
        self._start_time_s = start_time_s
        self._home = np.array([joint.home_position_rad for joint in robot.arm.joints])
        self._lower = np.array([joint.position_min_rad for joint in robot.arm.joints])
        self._upper = np.array([joint.position_max_rad for joint in robot.arm.joints])
        velocity_max = np.array([joint.velocity_max_rad_s for joint in robot.arm.joints])
        self._stride_max = velocity_max * self._period_s
        self._steps = 0  # physics steps since the start
        self._episode_steps = 0  # physics steps since the last reset
        self._fraction = 0.0  # of a physics step, by which the present is ahead of physics
        self._measured_step = 0
        self._worlds = worlds = Worlds.connect()
        self._client: int | None = worlds.physics
        try:
            client = worlds.physics
            pybullet.setPhysicsEngineParameter(
                fixedTimeStep=self._period_s,
                numSolverIterations=SOLVER_ITERATIONS,
                deterministicOverlappingPairs=1,
                physicsClientId=client,
            )
            pybullet.setGravity(0.0, 0.0, -9.81, physicsClientId=client)
            self.robot = SimRobot(client, robot, visuals, self._task.held)
            build_table(worlds)
            self._task.build(worlds)
            build_floor(worlds)
            self._cameras = {
                camera.name: SimCamera(worlds, camera, camera_size_px) for camera in robot.cameras
            }
            self._picture = self._picture_camera(worlds)
            start_m = self._task.start_width_m
            self._start_width_m = robot.gripper.width_max_m if start_m is None else start_m
            self.robot.place(self._home, self._start_width_m)
            self._fixed = set(range(pybullet.getNumBodies(physicsClientId=client)))
            self._fixed.discard(self.robot.body)
            self._initial = pybullet.saveState(physicsClientId=client)
            self._measurements = Measurements(simulation, start_time_s)
            self._begin_episode(seed)
        except BaseException:
            self.close()
            raise

    @property
    def time_s(self) -> float:
        """The present: all durations stepped so far, on the clock of the stamps."""
        return self._start_time_s + (self._steps + self._fraction) / self._hz

    def read_state(self) -> RobotState:
        """The newest measurement, with the contract's noise and latency.

        Its arrays are read-only.
        """
        self._require_open()
        if self._measured_step != self._steps:
            self._measure()
        return self._measurements.newest(self._steps + self._fraction)

    def write_joint_trajectory(self, points: Sequence[JointPoint]) -> None:
        """Replaces the arm's trajectory after the contract's control delay.

        It begins at that moment, from the state then commanded. References beyond the contract's
        position limits are held at the limit, faster ones are slowed to the velocity limit. The arm
        follows the references as the contract's `response` says, and whatever it touches.

        Raises:
            ValueError: a shape is wrong, a number is not finite, or times do not rise.
        """
        self._require_open()
        self._follower.write(self._command_time_s(), points)

    def write_gripper(self, width_m: float, force_n: float) -> None:
        """Sets the gripper's target after the contract's control delay, within its limits.

        Raises:
            ValueError: a number is not finite.
        """
        self._require_open()
        if not (math.isfinite(width_m) and math.isfinite(force_n)):
            raise ValueError(f"gripper: width {width_m} m or force {force_n} N is not finite")
        gripper = self.contract.robot.gripper
        width = min(max(float(width_m), 0.0), gripper.width_max_m)
        force = min(max(float(force_n), 0.0), gripper.force_max_n)
        self._gripper_commands.append((self._command_time_s() * self._hz, width, force))

    def read_camera(self, name: str) -> CameraFrame:
        """A fresh image.

        Raises:
            LookupError: the contract has no camera of that name.
        """
        self._require_open()
        if name not in self._cameras:
            raise LookupError(
                f"robot {self.contract.robot.name} has no camera {name!r}; "
                f"known: {', '.join(self._cameras) or 'none'}"
            )
        return self._frame(self._cameras[name])

    def read_picture(self) -> CameraFrame:
        """A fresh image as a policy sees it.

        Raises:
            LookupError: the task has no picture.
        """
        self._require_open()
        if self._picture is None:
            raise LookupError(f"task {self.contract.task.name} has no picture")
        return self._frame(self._picture)

    def read_scene(self) -> Mapping[str, Array]:
        """Task quantities known beside the robot's state."""
        self._require_open()
        return self._task.scene()

    def read_truth(self) -> Mapping[str, Array]:
        """What no robot could know of the task, to check its beliefs against."""
        self._require_open()
        return self._task.truth(self.robot)

    def reset(self, seed: int) -> None:
        """Puts the arm at home, at rest, the gripper as its task begins, and redraws the scene.

        `seed` alone says what it becomes.

        The clock goes on: the first state after a reset is one physics step younger than the
        last one before it.
        """
        client = self._require_open()
        self._task.clear()
        pybullet.restoreState(stateId=self._initial, physicsClientId=client)
        # Restoring wakes what cannot move, and then every object that lies on it is looked at.
        for body in self._fixed:
            pybullet.changeDynamics(
                body, -1, activationState=pybullet.ACTIVATION_STATE_SLEEP, physicsClientId=client
            )
        self._steps += 1
        self._begin_episode(seed)

    def redraw_scene(self, seed: int) -> None:
        """Redraws the scene as `reset` would and leaves the arm, its motion and the clock."""
        self._require_open()
        self._task.redraw(np.random.default_rng(seed))
        for camera in (*self._cameras.values(), self._picture):
            if camera is not None:
                camera.vary(self._task.camera_variation)

    def step(self, duration_s: float) -> None:
        """Lets time pass.

        Raises:
            ValueError: the duration is negative or not finite.
        """
        client = self._require_open()
        if not (math.isfinite(duration_s) and duration_s >= 0.0):
            raise ValueError(f"step: duration {duration_s} s is not a number from 0 up")
        due = self._fraction + duration_s * self._hz
        count = math.floor(due + 1e-6)  # 50 ms at 240 Hz is 12 steps and not 11.999...
        self._fraction = due - count
        if count:
            self._advance(client, count)

    def close(self) -> None:
        """Ends the simulation; safe to call twice."""
        if self._client is not None:
            self._worlds.close()
            self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _picture_camera(self, worlds: Worlds) -> SimCamera | None:
        picture = task_picture(self.contract)
        if picture is None:
            return None
        return SimCamera(worlds, task_camera(self.contract), image=picture)

    def _frame(self, camera: SimCamera) -> CameraFrame:
        return CameraFrame(
            stamp_s=self._start_time_s + self._steps / self._hz,
            rgb=camera.render(),
            intrinsics=camera.intrinsics.copy(),
        )

    def _begin_episode(self, seed: int) -> None:
        """Sets all that is not in the saved state; the arm is at home."""
        gripper = self.contract.robot.gripper
        self._episode_steps = 0
        self._fraction = 0.0
        self._follower = TrajectoryFollower(self._home)
        self._reference = self._driven = self._home.copy()
        model = draw_response(self.contract.robot.simulation, seed)
        self._response = None if model is None else ResponseState(model, self._home)
        self._control_delay_s = draw_control_delay_s(self.contract.robot.simulation, seed)
        self._gripper_commands: deque[tuple[float, float, float]] = deque()
        self.robot.drive_gripper(self._start_width_m, gripper.force_max_n)
        self.redraw_scene(seed)
        self._measurements.restart(seed, self._steps, self.robot.read_at_rest())
        self._measured_step = self._steps

    def _advance(self, client: int, count: int) -> None:
        first = self._episode_steps + 1
        ends_s = np.arange(first, first + count) / np.float64(self._hz)
        references = self._limited(self._follower.references(ends_s))
        driven = references if self._response is None else self._response.follow(references)
        starts = np.concatenate([self._driven[None], driven[:-1]])
        velocities = ((driven - starts) * self._hz).tolist()
        self._reference, self._driven = references[-1], driven[-1]
        every_step = self._measurements.keeps_every_step
        for position, velocity in zip(starts.tolist(), velocities, strict=True):
            while self._gripper_commands and self._gripper_commands[0][0] <= (
                self._episode_steps + 1e-6
            ):
                self.robot.drive_gripper(*self._gripper_commands.popleft()[1:])
            self.robot.drive_arm(position, velocity)
            pybullet.stepSimulation(physicsClientId=client)
            self._steps += 1
            self._episode_steps += 1
            if every_step:
                self._measure()

    def _limited(self, references: Array) -> Array:
        """References (n, 7) within the position limits, and no faster than the velocity limits."""
        references = np.clip(references, self._lower, self._upper)
        strides = np.diff(references, axis=0, prepend=self._reference[None])
        if (np.abs(strides) <= self._stride_max).all():
            return references
        last = self._reference
        for row in references:
            row[:] = last + np.clip(row - last, -self._stride_max, self._stride_max)
            last = row
        return references

    def _measure(self) -> None:
        self._measurements.add(self._steps, self.robot.read())
        self._measured_step = self._steps

    def _command_time_s(self) -> float:
        """When a command written now takes effect, in seconds of this episode."""
        present_s = (self._episode_steps + self._fraction) / self._hz
        return present_s + self._control_delay_s + self._task.extra_delay_s

    def _require_open(self) -> int:
        if self._client is None:
            raise RuntimeError("this SimHardware was closed; make a new one")
        return self._client
