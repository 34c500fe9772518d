"""The actor that grasps: acts on every picture that is due, and gives up what it cannot see.

A moment is a picture and the arm's state at its time. In real time pictures come by themselves
and the first one after a control period is acted on; in lockstep, where time stands still, a
picture is asked for when the period has passed. Before an episode the hand is opened, by actions
that move nothing else; they also make sure that its first picture shows the new scene.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.control.action import ActionKind
from robot_learning.envs.observation import Observer
from robot_learning.grasping.attempt import RunningAttempt
from robot_learning.grasping.lookout import Lookout
from robot_learning.hardware import RobotState
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.perception.sight import Seen, Sight
from robot_learning.perception.task_camera import task_camera
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import (
    ActorPhase,
    Choice,
    CycleLink,
    Outcome,
    Receipt,
)
from robot_learning.training.decisions import Decisions
from robot_learning.training.episode_cycle import EpisodeCycle
from robot_learning.training.home_arrival import DURATION_TOLERANCE_S

_OPEN = np.array([0, 0, 0, 0, 0, -1, 1, -1], np.float32)
_OPEN_SHARE = 0.97  # of the widest: the hand is open
_OPENING_STEPS_MAX = 40
_STEP_PERIODS_MAX = 2.5


class GraspLink(CycleLink, Protocol):
    """What the actor asks of the world."""

    def look(self) -> None:
        """Asks the camera for a picture (lockstep)."""

    def choose(self, picture: UInt8, state: Float32) -> Choice:
        """Chooses an action for a picture (size, size, 3) and a state (s,)."""

    def attempted(self, attempt: RunningAttempt) -> None:
        """An attempt is over and whole."""


class GraspActor(EpisodeCycle[GraspLink, RunningAttempt]):
    """Runs attempts over a `GraspLink`.

    Attributes:
        sight: joins pictures to states, and says why nothing is seen.
        decisions: how long they took.
    """

    def __init__(
        self,
        contract: Contract,
        link: GraspLink,
        *,
        clock: Callable[[], float],
        stamp_clock: Callable[[], float] | None,
        patience_s: float = 3.0,
    ) -> None:
        """Begins to wait.

        Args:
            contract: robot and task.
            link: carries out what is asked.
            clock: seconds on a steady clock.
            stamp_clock: the present on the clock of the stamps; None in lockstep.
            patience_s: how long anything may be missing before the episode is given up.
        """
        lockstep = stamp_clock is None
        super().__init__(contract, link, lockstep=lockstep, clock=clock, patience_s=patience_s)
        self.sight = Sight(contract, clock)
        self.decisions = Decisions()
        self._task = task_of(contract, BinGraspTask)
        self._observer = Observer(contract)
        self._stamp_clock = stamp_clock
        self._lookout = Lookout(contract, self.sight, link.look, clock=clock, lockstep=lockstep)
        self._half_picture_s = 0.5 / task_camera(contract).rate_hz
        self._open_m = _OPEN_SHARE * contract.robot.gripper.width_max_m
        self._reset_s: float | None = None  # stamp of the new scene
        self._opening = 0  # actions that opened the hand
        self._acted_s = -math.inf  # stamp of the moment that was acted on last

    # What happens in the world.

    def on_state(self, state: RobotState) -> None:
        """A new measurement."""
        super().on_state(state)
        seen = self.sight.on_state(state)
        if seen is not None:
            self._on_seen(seen)

    def on_picture(self, stamp_s: float, picture: UInt8) -> None:
        """A picture, taken at this stamp.

        Raises:
            ImageError: it cannot be used; whatever ran is given up.
        """
        try:
            seen = self.sight.on_picture(stamp_s, picture)
        except ImageError as error:
            self.on_bad_picture(str(error))
            raise
        if seen is not None:
            self._on_seen(seen)

    def on_bad_picture(self, reason: str) -> None:
        """A picture came that says nothing: no decision rests on it, and the arm holds."""
        self.sight.refuse(reason)
        if self.phase is not ActorPhase.WAITING:
            self.abort(reason)

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        if self._episode is not None:
            self._episode.on_receipt(sequence, receipt)
            self._finish_if_over()

    def on_judgement(self, stamp_s: float, success: bool) -> None:
        """Whether something was held up at the moment of this stamp."""
        if self._episode is not None:
            self._episode.on_judgement(stamp_s, success)
            self._finish_if_over()

    def tick(self) -> None:
        """Looks again where a picture did not come, gives up what makes no progress."""
        silent_s = self.clock() - self._progress_s
        if self._awaits_picture() and silent_s > self.patience_s:
            self.on_bad_picture(f"no {self._missing()} for {silent_s:.1f} s")
        super().tick()
        if self.sight.blind is not None or self._awaits_picture():
            self._lookout.look_again()

    # Phases.

    def _go_home(self) -> None:
        if self.sight.blind is None and (silence := self._lookout.silence()):
            self.sight.refuse(silence)
        if self.sight.blind is not None:
            self.phase, self.waiting_for = ActorPhase.WAITING, self.sight.blind
            return
        super()._go_home()

    def _homing(self, state: RobotState) -> None:
        if not self._gave_up_blind():
            super()._homing(state)

    def _forget_scene(self) -> None:
        self._reset_s, self._opening = None, 0
        self._acted_s = -math.inf
        self._lookout.forget()

    def _scene_redrawn(self, stamp_s: float) -> None:
        self._reset_s = stamp_s
        self._progress()
        self._lookout.look()

    def _clock_restarted(self) -> None:
        self.sight.forget()

    def _resetting(self, state: RobotState) -> None:
        if self._reset_s is not None and not self._gave_up_blind():
            self._look_if_due(state)

    def _running(self, state: RobotState) -> None:
        if not self._gave_up_blind():
            self._look_if_due(state)

    def _on_seen(self, seen: Seen) -> None:
        if self._allowed is not None:
            return
        if self.phase is ActorPhase.RESETTING:
            self._open_hand(seen)
        elif self.phase is ActorPhase.RUNNING:
            self._go_on(seen)

    def _open_hand(self, seen: Seen) -> None:
        """Opens the hand until it is open; the moment after that is the episode's first."""
        if self._reset_s is None or seen.stamp_s < self._reset_s - 1e-6 or not self._due_at(seen):
            return
        if self._opening and seen.state.gripper_width_m >= self._open_m:
            assert self._next_plan is not None
            attempt = RunningAttempt(self.contract, self._observer, self.episodes, self._next_plan)
            self._begin(attempt, seen.stamp_s)
            self._act(seen)
        elif self._opening >= _OPENING_STEPS_MAX:
            width_mm = 1e3 * seen.state.gripper_width_m
            self.abort(f"the gripper does not open: {width_mm:.0f} mm; is something in its way?")
        else:
            self._opening += 1
            self._acted_s = seen.stamp_s
            self._progress()
            self.link.request(ActionKind.ACTION, _OPEN, seen.stamp_s, 0)

    def _go_on(self, seen: Seen) -> None:
        attempt = self._episode
        assert attempt is not None
        if not self._due_at(seen):
            return
        if not attempt.pending:
            self._act(seen)  # the decision on the first moment was missed
            return
        newest = attempt.pending[-1]
        if newest.next is not None:
            return  # the end is being judged
        if newest.ends:
            self._progress()
            attempt.led_to(seen)
        elif self._act(seen):
            return
        self._finish_if_over()

    def _act(self, seen: Seen) -> bool:
        """Decides and asks, unless the decision came too late; whether it asked."""
        attempt = self._episode
        assert attempt is not None
        began_s = self.clock()
        choice = self.link.choose(seen.picture, attempt.vector(seen))
        age_s = self._stamp_clock() - seen.stamp_s if self._stamp_clock else 0.0
        late = age_s > self._task.action_age_max_s
        self.decisions.add(self.clock() - began_s, late=late)
        if late:
            return False
        if attempt.pending:
            attempt.led_to(seen)
        else:
            attempt.first(seen)
        self._acted_s = seen.stamp_s
        self._progress()
        sequence = self.link.request(
            ActionKind.ACTION, choice.action, seen.stamp_s, choice.policy_version
        )
        attempt.acted(seen.stamp_s, sequence, choice.action)
        return True

    def _due_at(self, seen: Seen) -> bool:
        """The period of the action before is over; gives up where more time has passed."""
        lasted_s = seen.stamp_s - self._acted_s
        slack_s = DURATION_TOLERANCE_S if self.lockstep else self._half_picture_s
        if lasted_s < self._period_s - slack_s:
            return False
        if not math.isfinite(lasted_s):
            return True  # nothing was asked yet
        longest_s = self._period_s + slack_s
        if not self.lockstep:
            longest_s = _STEP_PERIODS_MAX * self._period_s
        if lasted_s > longest_s:
            self.abort(
                f"a step lasted {lasted_s:.3f} s instead of {self._period_s:.3f} s: time passed "
                "without an action"
            )
            return False
        return True

    def _finish_if_over(self) -> None:
        attempt = self._episode
        if attempt is None:
            return
        if attempt.refused:
            self.abort("the arm driver refused the last action")
        elif attempt.over:
            self.link.attempted(attempt)
            self._end(Outcome.SUCCESS if attempt.success else Outcome.FAILURE, "")
            self._go_home()

    # The camera.

    def _period_is_over(self, state: RobotState) -> bool:
        return state.stamp_s >= self._acted_s + self._period_s - DURATION_TOLERANCE_S

    def _look_if_due(self, state: RobotState) -> None:
        """In lockstep: asks for a picture when the period of the action is over."""
        if math.isfinite(self._acted_s) and self._period_is_over(state):
            self._lookout.look_once(state.stamp_s)

    def _awaits_picture(self) -> bool:
        """In lockstep: one was asked for and has not come."""
        if not self.lockstep or self.state is None or self._reset_s is None:
            return False
        if self.phase not in (ActorPhase.RESETTING, ActorPhase.RUNNING):
            return False
        pending = self._episode.pending if self._episode is not None else ()
        if pending and pending[-1].next is not None:
            return False  # the end is being judged
        return self._period_is_over(self.state)

    def _gave_up_blind(self) -> bool:
        """In real time: pictures stopped, so whatever ran is given up and the arm holds."""
        silence = self._lookout.silence()
        if silence is None:
            return False
        self.on_bad_picture(silence)
        return True

    def _missing(self) -> str:
        if self._awaits_picture():
            return f"picture from {self._lookout.camera} (see the camera node's diagnostics)"
        if self.phase is ActorPhase.RESETTING and self._reset_s is None:
            return "answer to the reset"
        if self._episode is not None:
            return self._episode.missing()
        return "new state from the arm"
