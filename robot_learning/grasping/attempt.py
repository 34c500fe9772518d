"""A running attempt to grasp: what was seen, asked, done and judged, joined step by step."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from robot_learning.contract import BinGraspTask, Contract, task_of
from robot_learning.control.tool_command import read_grip
from robot_learning.envs.observation import Observer
from robot_learning.grasping.episode import GraspEpisode, asked_for
from robot_learning.perception.sight import Seen
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32
from robot_learning.rewards.lift import lift_step
from robot_learning.training.actor_types import EpisodeEnd, EpisodePlan, Outcome, Receipt


@dataclass(slots=True)
class PendingStep:
    """A step on its way.

    Attributes:
        index: within the episode.
        stamp_s: of the moment that it answers.
        sequence: of the request.
        ends: the action asks for the end, or no step may follow.
        next: the moment that it led to.
    """

    index: int
    stamp_s: float
    sequence: int
    ends: bool
    next: Seen | None = None


class RunningAttempt:
    """One attempt from its first action to its end; knows no time.

    Attributes:
        first_stamp_s: of the moment of the first action.
        pending: steps that are not complete, the oldest first.
        refused: the driver did not do what ended the episode: it cannot be judged.
        success: as judged at its end.
        over: every step is complete.
    """

    def __init__(
        self, contract: Contract, observer: Observer, number: int, plan: EpisodePlan
    ) -> None:
        self._task = task_of(contract, BinGraspTask)
        self._observer = observer
        self._number, self._plan = number, plan
        self._images: list[UInt8] = []
        self._states: list[Float32] = []
        self._actions: list[Float32] = []
        self._requested: list[Float32] = []
        self._rewards: list[float] = []
        self._receipts: dict[int, Receipt] = {}
        self._judged: dict[int, bool] = {}
        self._terminated = False
        self.first_stamp_s = 0.0
        self.pending: deque[PendingStep] = deque()
        self.refused = self.success = self.over = False

    def vector(self, seen: Seen) -> Float32:
        """What is known besides the picture, shape (s,)."""
        return self._observer.observe(seen.state)[0]

    def first(self, seen: Seen) -> None:
        """The moment of the first action."""
        self.first_stamp_s = seen.stamp_s
        self._images, self._states = [seen.picture], [self.vector(seen)]

    def acted(self, stamp_s: float, sequence: int, action: Float32) -> None:
        """A request went out."""
        index = self.pending[-1].index + 1 if self.pending else len(self._actions)
        asks_to_end = read_grip(action.astype(np.float64))[1]
        ends = asks_to_end or index + 1 >= self._task.episode_steps
        self.pending.append(PendingStep(index, stamp_s, sequence, ends))

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        self._receipts[sequence] = receipt
        self._complete()

    def on_judgement(self, stamp_s: float, success: bool) -> None:
        """Whether something was held up at the moment of this stamp."""
        self._judged[_key(stamp_s)] = success
        self._complete()

    def led_to(self, seen: Seen) -> None:
        """The newest step led to this moment."""
        self.pending[-1].next = seen
        self._complete()

    def _complete(self) -> None:
        """Takes, in order, every step of which everything is known."""
        while self.pending and not self.over:
            step = self.pending[0]
            receipt = self._receipts.get(step.sequence)
            if receipt is None or step.next is None:
                return
            asked_to_end = read_grip(receipt.gated.astype(np.float64))[1]
            last = asked_to_end or step.index + 1 >= self._task.episode_steps
            if step.ends and not last:
                self.refused = True
                return
            success = self._judged.get(_key(step.next.stamp_s)) if last else False
            if success is None:
                return
            result = lift_step(self._task, asked_to_end=asked_to_end, last=last, success=success)
            del self._receipts[step.sequence]
            self.pending.popleft()
            self._images.append(step.next.picture)
            self._states.append(self.vector(step.next))
            self._actions.append(receipt.executed)
            self._requested.append(asked_for(receipt.requested, receipt.gated, receipt.executed))
            self._rewards.append(result.reward)
            self.over, self.success, self._terminated = last, success, result.terminated

    def missing(self) -> str:
        """What the oldest step waits for."""
        if not self.pending:
            return "picture to act on"
        step = self.pending[0]
        if step.next is None:
            return "picture after the action"
        if step.sequence not in self._receipts:
            return f"executed_action of step {step.index} from the arm driver"
        return "reward of the last picture from the reward monitor"

    def episode(self, source: str, seed: int) -> GraspEpisode:
        """The whole attempt, once it is over."""
        return GraspEpisode(
            np.stack(self._images),
            np.stack(self._states).astype(np.float32),
            np.stack(self._actions).astype(np.float32),
            np.stack(self._requested).astype(np.float32),
            np.array(self._rewards, np.float32),
            self._terminated,
            self.success,
            source,
            seed,
        )

    def end(self, outcome: Outcome, note: str) -> EpisodeEnd:
        """Its summary."""
        return EpisodeEnd(
            self._number,
            outcome,
            float(sum(self._rewards)),
            len(self._rewards),
            self._plan.is_evaluation,
            note,
        )


def _key(stamp_s: float) -> int:
    """Stamps as whole microseconds: float seconds of the same message stamp compare equal."""
    return round(stamp_s * 1e6)
