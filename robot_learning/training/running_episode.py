"""A running episode: what was seen, asked, done and judged, joined to numbered steps in order."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from robot_learning.contract import Contract
from robot_learning.envs.observation import Observer
from robot_learning.hardware import Moment
from robot_learning.replay.step import Float32, Step
from robot_learning.training.actor_types import (
    EpisodeEnd,
    EpisodePlan,
    Judgement,
    Outcome,
    Receipt,
)

_JUDGEMENTS_MAX = 256


@dataclass
class PendingStep:
    """A step on its way: acted, not yet complete."""

    index: int
    observation: Float32
    achieved: Float32
    stamp_s: float
    sequence: int
    version: int
    next: Moment | None = None


class RunningEpisode:
    """One episode from its first action to its end; knows no time.

    Attributes:
        number: of this actor's episodes.
        plan: what it is for.
        goal: goal of the task; empty for tasks without goals.
        pending: steps that are not complete, the oldest first.
    """

    ends_in_success = False
    """It is cut once success has been held for the contract's hold steps."""

    def __init__(
        self,
        contract: Contract,
        observer: Observer,
        number: int,
        plan: EpisodePlan,
        goal: Float32,
    ) -> None:
        self.number = number
        self.plan = plan
        self.goal = goal
        self.pending: deque[PendingStep] = deque()
        self._task = contract.task
        self._observer = observer
        self._receipts: dict[int, Receipt] = {}
        self._judgements: OrderedDict[int, Judgement] = OrderedDict()
        self._return = 0.0
        self._steps = 0
        self._held = 0
        self._last_index = contract.task.episode_steps - 1
        self._label: Outcome | None = None
        self._words_count = self._task.terminates and not self._task.has_goal

    @property
    def next_index(self) -> int:
        """Number of the next action within the episode."""
        return self.pending[-1].index + 1 if self.pending else self._steps

    def is_last(self, index: int) -> bool:
        """Whether the episode is cut after the step with this number."""
        return index >= self._last_index

    def goes_on_after(self, index: int) -> bool:
        """Whether to act on while the step with this number is not yet complete."""
        return not self.is_last(index)

    def cut(self, label: Outcome | None) -> None:
        """Ends the episode with the step under way, as truncated, and as a person says it went.

        Where the task ends by itself and has no goal, a person's word is the reward of that step,
        whatever its judge thought of it: success ends the task, failure does not.

        Args:
            label: how it ended; None leaves that to the task.
        """
        last = self.pending[-1].index if self.pending else self._steps
        self._last_index, self._label = min(self._last_index, last), label

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        self._receipts[sequence] = receipt

    def on_reward(self, stamp_s: float, judgement: Judgement) -> None:
        """The reward of the state with this stamp."""
        self._judgements[_key(stamp_s)] = judgement
        while len(self._judgements) > _JUDGEMENTS_MAX:
            self._judgements.popitem(last=False)

    def complete(self, actor_id: str, step_number: int) -> tuple[Step, Moment] | None:
        """Takes out the oldest step, under this number, once everything of it is there.

        Returns:
            The step and the moment it led to, or None.
        """
        whole = self._whole()
        if whole is None:
            return None
        pending, receipt, after, judgement = whole
        self._take_out()
        if self._label is not None and self._words_count and self.is_last(pending.index):
            success = self._label is Outcome.SUCCESS
            judgement = Judgement(float(success), success, success)
        next_observation, next_achieved = self._observer.observe(*after)
        self._steps += 1
        self._return += judgement.reward
        self._held = self._held + 1 if judgement.success else 0
        last = self.is_last(pending.index)
        last |= self.ends_in_success and self._held >= self._task.hold_steps
        step = Step(
            actor_id=actor_id,
            step_number=step_number,
            episode=self.number,
            episode_step=pending.index,
            is_evaluation=self.plan.is_evaluation,
            is_intervention=receipt.is_intervention,
            observation=pending.observation,
            achieved_goal=pending.achieved,
            desired_goal=self.goal,
            requested_action=receipt.requested,
            gated_action=receipt.gated,
            executed_action=receipt.executed,
            reward=judgement.reward,
            next_observation=next_observation,
            next_achieved_goal=next_achieved,
            terminated=judgement.terminated,
            truncated=last and not judgement.terminated,
            success=judgement.success,
            policy_version=0 if receipt.is_intervention else pending.version,
            stamp_s=pending.stamp_s,
            observation_age_s=receipt.observation_age_s,
        )
        return step, after

    def _whole(self) -> tuple[PendingStep, Receipt, Moment, Judgement] | None:
        """The oldest step with all that became of it, once everything is there."""
        if not self.pending:
            return None
        pending = self.pending[0]
        receipt = self._receipts.get(pending.sequence)
        if pending.next is None or receipt is None:
            return None
        judgement = self._judgements.get(_key(pending.next.state.stamp_s))
        return None if judgement is None else (pending, receipt, pending.next, judgement)

    def _take_out(self) -> None:
        """Forgets the oldest step."""
        del self._receipts[self.pending.popleft().sequence]

    def missing(self) -> str:
        """What the oldest step waits for."""
        if not self.pending:
            return "new state from the arm"
        pending = self.pending[0]
        if pending.sequence not in self._receipts:
            later = f", though {len(self._receipts)} later ones came" if self._receipts else ""
            return f"executed_action of step {pending.index} from the arm driver{later}"
        if pending.next is None:
            return "new state from the arm"
        return "reward from the reward monitor"

    def outcome(self) -> Outcome:
        """How it ended, when it was not given up: as a person said, else by the task."""
        if self._label is not None:
            return self._label
        held = self._held >= self._task.hold_steps
        return Outcome.SUCCESS if held else Outcome.FAILURE

    def end(self, outcome: Outcome, note: str) -> EpisodeEnd:
        """Its summary."""
        return EpisodeEnd(
            episode=self.number,
            outcome=outcome,
            episode_return=self._return,
            steps=self._steps,
            is_evaluation=self.plan.is_evaluation,
            note=note,
        )


def _key(stamp_s: float) -> int:
    """Stamps as whole microseconds: float seconds of the same message stamp compare equal."""
    return round(stamp_s * 1e6)
