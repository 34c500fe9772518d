"""The life of an actor's episodes: home, a new scene, acting, again; giving up what goes wrong.

It knows no middleware and no task: a node feeds it messages and carries out what it asks through
a link; what an episode consists of is a subclass's business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.control.homing import REST_TOLERANCE_RAD_S, measured_at_home
from robot_learning.hardware import RobotState
from robot_learning.training.actor_types import (
    ActorPhase,
    CycleLink,
    EpisodeEnd,
    EpisodePlan,
    Outcome,
    Receipt,
)

# In lockstep the driver goes on home by itself for longer than this simulated time; it is asked
# again before it ends, or time would stand still.
HOME_AGAIN_S = 1.0
# A reset that was refused, as while a person still arranges the scene, is asked for again then.
RESET_AGAIN_S = 0.5


class Ending(Protocol):
    """An episode that can be summed up."""

    def end(self, outcome: Outcome, note: str) -> EpisodeEnd:
        """Its summary."""


Link = TypeVar("Link", bound=CycleLink)
Episode = TypeVar("Episode", bound=Ending)


class EpisodeCycle(ABC, Generic[Link, Episode]):
    """Runs episodes over a link.

    Attributes:
        contract: robot and task.
        link: carries out what is asked.
        lockstep: time passes only when an action arrives.
        clock: seconds on a steady clock.
        patience_s: how long anything may be missing before the episode is given up.
        phase: where in its life the present episode is.
        waiting_for: why nothing happens, while waiting; one line.
        episodes: ended, however.
        aborted: of them given up.
        state: newest measurement.
    """

    def __init__(
        self,
        contract: Contract,
        link: Link,
        *,
        lockstep: bool,
        clock: Callable[[], float],
        patience_s: float,
    ) -> None:
        self.contract = contract
        self.link = link
        self.lockstep = lockstep
        self.clock = clock
        self.patience_s = patience_s
        self.phase = ActorPhase.WAITING
        self.waiting_for = "the first state"
        self.episodes = 0
        self.aborted = 0
        self.state: RobotState | None = None
        self._period_s = contract.control_period_s
        self._allowed: str | None = "safety is not armed"
        self._episode: Episode | None = None
        self._next_plan: EpisodePlan | None = None
        self._redo: EpisodePlan | None = None  # whose scene is to begin again
        self._requested_stamp_s = -np.inf
        self._progress_s = clock()
        self._again_s = -np.inf

    # What a subclass says.

    @abstractmethod
    def _forget_scene(self) -> None:
        """A reset is about to be asked for, or no longer wanted."""

    @abstractmethod
    def _scene_redrawn(self, stamp_s: float) -> None:
        """The scene was redrawn at this stamp."""

    @abstractmethod
    def _clock_restarted(self) -> None:
        """The clock of the stamps began anew."""

    @abstractmethod
    def _running(self, state: RobotState) -> None:
        """A measurement during an episode."""

    @abstractmethod
    def _missing(self) -> str:
        """What does not come; completes `no ... for 3 s`."""

    @abstractmethod
    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""

    def _resetting(self, state: RobotState) -> None:
        """A measurement between the reset and the episode's first action."""

    # What happens in the world.

    def set_allowed(self, reason: str | None) -> None:
        """Motion is allowed (None), or why not; loss of it ends the episode."""
        self._allowed = reason
        if reason is not None and self.phase is not ActorPhase.WAITING:
            self.abort(reason)

    def on_reset(self, stamp_s: float | None, message: str = "") -> None:
        """The scene was redrawn at this stamp, or not (None) and why."""
        if self.phase is not ActorPhase.RESETTING:
            return
        if stamp_s is None:
            self.abort(f"reset refused: {message}")
            self._again_s = self.clock() + RESET_AGAIN_S
            return
        self._scene_redrawn(stamp_s)

    def on_state(self, state: RobotState) -> None:
        """A new measurement; most of the work happens here."""
        before, self.state = self.state, state
        if before is not None and state.stamp_s < before.stamp_s:
            self.abort(
                f"the clock went back by {before.stamp_s - state.stamp_s:.3f} s; was the "
                "simulator restarted?"
            )
            self._requested_stamp_s = -np.inf
            self._clock_restarted()
        if self._allowed is not None:
            self.waiting_for = self._allowed
            return
        if self.phase is ActorPhase.WAITING:
            if self.clock() >= self._again_s:
                self._go_home()
        elif self.phase is ActorPhase.HOMING:
            self._homing(state)
        elif self.phase is ActorPhase.RESETTING:
            self._resetting(state)
        else:
            self._running(state)

    def tick(self) -> None:
        """Gives up what makes no progress; call a few times a second."""
        if self.phase is ActorPhase.WAITING:
            return
        silent_s = self.clock() - self._progress_s
        if silent_s > self.patience_s:
            self.abort(f"no {self._missing()} for {silent_s:.1f} s")

    def abort(self, reason: str) -> None:
        """Ends the episode as aborted and waits; begins again by itself with the next state."""
        self.waiting_for = reason
        if self._episode is not None and self.phase is ActorPhase.RUNNING:
            self.aborted += 1
            self._end(Outcome.ABORTED, reason)
        self._episode = None
        self.phase = ActorPhase.WAITING
        self._forget_scene()

    # Phases.

    def _go_home(self) -> None:
        plan = self.link.plan()
        if isinstance(plan, str):
            self.phase, self.waiting_for = ActorPhase.WAITING, plan
            return
        redo, self._redo = self._redo, None
        same_kind = redo is not None and redo.is_evaluation == plan.is_evaluation
        self._next_plan = redo if same_kind else plan
        self.phase = ActorPhase.HOMING
        self._requested_stamp_s = -np.inf
        assert self.state is not None
        self._homing(self.state)

    def _homing(self, state: RobotState) -> None:
        if measured_at_home(self.contract, state):
            assert self._next_plan is not None
            self.phase = ActorPhase.RESETTING
            self._forget_scene()
            self._progress()
            self.link.reset(self._next_plan.seed)
            return
        if np.abs(state.velocity_rad_s).max() >= REST_TOLERANCE_RAD_S:
            self._progress()
        if self._due(state.stamp_s):
            self._requested_stamp_s = state.stamp_s
            self._progress()
            zeros = np.zeros(self.contract.task.action.size, dtype=np.float32)
            self.link.request(ActionKind.HOME, zeros, state.stamp_s, 0)

    def _begin(self, episode: Episode, stamp_s: float) -> None:
        """The next episode begins at this stamp."""
        assert self._next_plan is not None
        self._episode = episode
        self.phase = ActorPhase.RUNNING
        self.link.episode_started(self.episodes, self._next_plan, stamp_s)

    def _end(self, outcome: Outcome, note: str) -> None:
        episode, self._episode = self._episode, None
        assert episode is not None
        self.episodes += 1
        self.link.episode_ended(episode.end(outcome, note))

    # Small helpers.

    def _due(self, stamp_s: float) -> bool:
        """A request for home is due: one a control period, in lockstep now and then."""
        half_state_s = 0.5 / self.contract.robot.rates.state_hz
        wait_s = HOME_AGAIN_S if self.lockstep else self._period_s
        return stamp_s > self._requested_stamp_s + wait_s - half_state_s

    def _progress(self) -> None:
        self._progress_s = self.clock()
