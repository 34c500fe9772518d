"""The graph in one process: every message is handed over at once, in the order it was sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from grasp_samples import CONTRACT, WORLD

from robot_learning.control.action import ActionKind
from robot_learning.control.driver import DriverRequest
from robot_learning.control.gripper_control import GripperControl
from robot_learning.control.lockstep_driver import LockstepDriver
from robot_learning.grasping.actor import GraspActor
from robot_learning.grasping.attempt import RunningAttempt
from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.orders import Orders, Wanted
from robot_learning.grasping.workers import Exploration
from robot_learning.hardware import open_hardware
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.perception.sight import Sight
from robot_learning.rewards.lift_monitor import LiftMonitor
from robot_learning.safety.state_machine import SafetyMode
from robot_learning.training.actor_types import EpisodeEnd, Outcome, Receipt


class SmallGraph:
    """Simulator, driver, gripper driver, reward monitor and actor; it is everybody's link.

    Attributes:
        camera: what becomes of a picture on its way; raises or returns None for none.
    """

    def __init__(self, seeds: list[int]) -> None:
        self.now_s = 0.0
        self.hardware: Any = open_hardware("sim", CONTRACT)
        self.camera: Callable[[np.ndarray], np.ndarray | None] = lambda picture: picture
        self.orders: Orders[GraspEpisode] = Orders(WORLD, Exploration(), self.clock)
        self.orders.take([Wanted(seed, False) for seed in seeds], [], done=False)
        self.actor = GraspActor(CONTRACT, self, clock=self.clock, stamp_clock=None)
        self.driver = LockstepDriver(CONTRACT, self)
        self.fingers = GripperControl(CONTRACT)
        self.sight, self.monitor = Sight(CONTRACT, self.clock), LiftMonitor(CONTRACT)
        self.mail: deque[Callable[[], None]] = deque()
        self.episodes: list[GraspEpisode] = []
        self.ends: list[EpisodeEnd] = []
        self.requests: list[ActionKind] = []
        self.say_state()
        self.driver.on_monitor(SafetyMode.ARMED, "")
        self.fingers.set_allowed(None)
        self.actor.set_allowed(None)

    def clock(self) -> float:
        return self.now_s

    def run(self, until: Callable[[], bool], turns: int = 100_000) -> None:
        """Hands messages over; where there are none, time passes on the clock alone."""
        for _ in range(turns):
            if until():
                return
            if self.mail:
                self.mail.popleft()()
                continue
            self.now_s += 0.2
            if self.driver.controller.mode is SafetyMode.DISARMED:
                self.hardware.step(0.02)  # as the sim does, until the arm is at rest
            self.driver.on_monitor(SafetyMode.ARMED, "")
            self.say_state()
            self.actor.tick()
        raise AssertionError(f"{self.actor.phase}: {self.actor.waiting_for}")

    # The simulator.

    def say_state(self) -> None:
        state = self.hardware.read_state()
        self.mail.append(lambda: self.driver.on_state(state))
        self.mail.append(lambda: self.heard(self.sight.on_state(state)))
        self.mail.append(lambda: self.actor.on_state(state))

    def send(self, points: Any, stamp_s: float) -> None:
        self.hardware.write_joint_trajectory(points)
        self.hardware.step(points[-1].time_from_start_s)
        self.say_state()

    def look(self) -> None:
        frame = self.hardware.read_picture()
        picture = self.camera(frame.rgb)
        if picture is not None:
            self.mail.append(lambda: self.picture(frame.stamp_s, picture))

    def reset(self, seed: int) -> None:
        self.hardware.redraw_scene(seed)
        stamp_s = self.hardware.read_state().stamp_s
        self.mail.append(lambda: self.actor.on_reset(stamp_s))

    # Camera, reward monitor and drivers.

    def picture(self, stamp_s: float, picture: np.ndarray) -> None:
        with suppress(ImageError):
            self.heard(self.sight.on_picture(stamp_s, picture))
        with suppress(ImageError):
            self.actor.on_picture(stamp_s, picture)

    def heard(self, seen: Any) -> None:
        if seen is not None:
            self.judged(self.monitor.on_seen(seen))

    def judged(self, moments: Any) -> None:
        for moment in moments:
            self.mail.append(
                lambda moment=moment: self.actor.on_judgement(
                    moment.stamp_s, moment.judgement.success
                )
            )

    def request(self, kind: ActionKind, action: Any, stamp_s: float, version: int) -> int:
        number = len(self.requests)
        self.requests.append(kind)
        asked = ("policy", number, kind, action, stamp_s)
        reason = self.fingers.on_request(*asked, stamp_s, CONTRACT.sha256)
        if reason is None and self.fingers.width_m is not None:
            self.hardware.write_gripper(self.fingers.width_m, CONTRACT.task.action.gripper_force_n)
        request = DriverRequest(*asked, CONTRACT.sha256, None)
        self.mail.append(lambda: self.refused(self.driver.on_request(request)))
        return number

    def refused(self, reason: str | None) -> None:
        assert reason is None, reason

    def receipt(self, request: DriverRequest, done: Any, age_s: float) -> None:
        numbers = [part.astype(np.float32) for part in (done.requested, done.gated, done.executed)]
        receipt = Receipt(*numbers, age_s)
        if request.kind is ActionKind.ACTION:
            gated = numbers[1].astype(float)
            self.mail.append(lambda: self.judged(self.monitor.on_action(request.stamp_s, gated)))
        self.mail.append(lambda: self.actor.on_receipt(request.sequence, receipt))

    def say_change(self) -> None:
        assert self.driver.controller.mode is not SafetyMode.FAULT, self.driver.controller.reason

    def warn(self, text: str) -> None:
        pass

    # The learner.

    def plan(self) -> Any:
        return self.orders.plan()

    def choose(self, picture: Any, state: Any) -> Any:
        return self.orders.choose(picture, state)

    def episode_started(self, episode: int, plan: Any, stamp_s: float) -> None:
        self.mail.append(lambda: self.judged(self.monitor.on_start(stamp_s)))

    def attempted(self, attempt: RunningAttempt) -> None:
        seed = self.orders.seed
        self.episodes.append(attempt.episode(self.orders.source, seed))
        self.orders.keep(seed, self.episodes[-1])

    def episode_ended(self, end: EpisodeEnd) -> None:
        self.ends.append(end)
        self.mail.append(self.monitor.on_end)

    def given_up(self) -> list[str]:
        return [end.note for end in self.ends if end.outcome is Outcome.ABORTED]
