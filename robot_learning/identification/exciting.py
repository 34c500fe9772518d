"""Excitation of an arm that others stand between: home, then joint velocities of a plan, in time.

What `excite` does to a `Hardware`, over requests to an arm's driver: the driver's gate has the last
word on every point, and the graph's recorder keeps what was commanded and measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.hardware import RobotState
from robot_learning.identification.excitation import Excitation
from robot_learning.training.actor_types import (
    ActorPhase,
    CycleLink,
    EpisodeEnd,
    Outcome,
    Receipt,
)
from robot_learning.training.episode_cycle import EpisodeCycle

RETURN_HZ = 0.5
"""How fast what the gate held back is made up for; slow, since states tell of it late."""
_SILENT_PERIODS = 3


@dataclass(frozen=True)
class _Going:
    """A plan being carried out.

    Attributes:
        number: of this actor's episodes.
        begins_s: stamp of the state that it began at.
    """

    number: int
    begins_s: float

    def end(self, outcome: Outcome, note: str) -> EpisodeEnd:
        """Its summary; it has no steps, so that nothing learns from it."""
        return EpisodeEnd(self.number, outcome, 0.0, 0, False, note)


class Exciting(EpisodeCycle[CycleLink, _Going]):
    """Carries a plan out once; begins anew where it was given up.

    Attributes:
        done: the whole plan was carried out.
    """

    def __init__(
        self,
        contract: Contract,
        link: CycleLink,
        plan: Excitation,
        *,
        lockstep: bool,
        clock: Callable[[], float],
        patience_s: float,
    ) -> None:
        """See `EpisodeCycle`; the plan begins at home."""
        super().__init__(contract, link, lockstep=lockstep, clock=clock, patience_s=patience_s)
        self.done = False
        self._plan = plan

    @property
    def progress(self) -> float:
        """How much of the plan is behind, 0 to 1."""
        if self.done or self._episode is None or self.state is None:
            return float(self.done)
        return min(1.0, self._row(self.state) / len(self._plan.position_rad))

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request; motion of a person is not the plan's."""
        del sequence
        self._progress()
        if receipt.is_intervention and self._episode is not None:
            self.abort("a person has the arm")

    # Phases.

    def _forget_scene(self) -> None:
        """There is none."""

    def _clock_restarted(self) -> None:
        """Nothing is kept of the clock."""

    def _scene_redrawn(self, stamp_s: float) -> None:
        assert self.state is not None
        self._begin(_Going(self.episodes, self.state.stamp_s), self.state.stamp_s)
        self._ask(self.state)

    def _running(self, state: RobotState) -> None:
        since_s = state.stamp_s - self._requested_stamp_s
        if since_s < self._period_s - 0.5 / self.contract.robot.rates.state_hz:
            return
        if since_s > _SILENT_PERIODS * self._period_s and not self.lockstep:
            self.abort(f"no state for {since_s:.3f} s, {_SILENT_PERIODS} control periods")
            return
        if self._row(state) < len(self._plan.position_rad):
            self._ask(state)
            return
        self.done = True
        self._end(Outcome.SUCCESS, "excitation, for robot-learning sysid")
        self.phase, self.waiting_for = ActorPhase.WAITING, "nothing: the plan was carried out"

    def _ask(self, state: RobotState) -> None:
        """Asks for the plan's mean velocity of the coming period, and back to the plan."""
        self._requested_stamp_s = state.stamp_s
        velocity = self._velocity(self._row(state), state.position_rad)
        self.link.request(ActionKind.JOINT_VELOCITY, velocity, state.stamp_s, 0)

    def _velocity(self, row: int, measured_rad: NDArray[np.float64]) -> NDArray[np.float32]:
        plan = self._plan.position_rad
        here, there = plan[row], plan[min(row + self.contract.commands_per_action, len(plan) - 1)]
        velocity = (there - here) / self._period_s + RETURN_HZ * (here - measured_rad)
        return np.asarray(velocity, np.float32)

    def _row(self, state: RobotState) -> int:
        assert self._episode is not None
        return round((state.stamp_s - self._episode.begins_s) / self.contract.command_period_s)

    def _missing(self) -> str:
        return "new state from the arm, or executed_action from its driver"
