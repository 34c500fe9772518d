"""Which steps are taken, what they count for, and when they are ready to be learned from."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from robot_learning.evaluation import Episode, EpisodeTracker
from robot_learning.replay import Arrival, Ledger, Step

SUCCESS_WINDOW = 100


@dataclass
class _Actor:
    """What is known of one stream of steps."""

    training: EpisodeTracker
    evaluation: EpisodeTracker
    staged: list[Step] = field(default_factory=list)
    next_episode: int = 0


class StepIntake:
    """Follows the numbered steps of every actor.

    Attributes:
        ledger: which number comes next.
        steps: training steps taken.
        episodes: finished training episodes.
        successes: of the newest of these, where the task has success.
        evaluated: finished evaluation episodes.
    """

    def __init__(self, *, hold_steps: int, has_success: bool, whole_episodes: bool) -> None:
        """Begins with no step.

        Args:
            hold_steps: steps at the end of an episode during which success must hold.
            has_success: the task has a success condition.
            whole_episodes: give steps out by episodes, in one piece, as hindsight needs them.
        """
        self.ledger = Ledger()
        self.steps = self.episodes = 0
        self.successes: deque[bool] = deque(maxlen=SUCCESS_WINDOW)
        self.evaluated: list[Episode] = []
        self._hold_steps = hold_steps
        self._has_success = has_success
        self._whole_episodes = whole_episodes
        self._actors: dict[str, _Actor] = {}
        self._finished: list[Episode] = []

    def is_next(self, step: Step) -> bool:
        """True when no step of its actor is missing before it, and it did not come before."""
        return self.ledger.judge(step.actor_id, step.step_number) is Arrival.NEXT

    def take(self, step: Step) -> list[list[Step]]:
        """Counts the next step; the pieces of training episodes that are ready by it."""
        self.ledger.advance(step.actor_id)
        actor = self._actor(step.actor_id)
        actor.next_episode = step.episode + 1
        if step.is_evaluation:
            if finished := actor.evaluation.follow(step):
                self.evaluated.append(finished)
            return []
        self.steps += 1
        ready: list[list[Step]] = []
        if actor.staged and actor.staged[-1].episode != step.episode:
            ready.append(actor.staged)
            actor.staged = []
        actor.staged.append(step)
        if finished := actor.training.follow(step):
            self.episodes += 1
            self._finished.append(finished)
            if self._has_success:
                self.successes.append(finished.success)
        if finished or not self._whole_episodes:
            ready.append(actor.staged)
            actor.staged = []
        return ready

    def next_episodes(self) -> dict[str, int]:
        """For each actor, a number above every episode it has sent a step of."""
        return {actor_id: actor.next_episode for actor_id, actor in self._actors.items()}

    def finished(self) -> list[Episode]:
        """Training episodes that ended since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def _actor(self, actor_id: str) -> _Actor:
        actor = self._actors.get(actor_id)
        if actor is None:
            hold = self._hold_steps
            actor = self._actors[actor_id] = _Actor(EpisodeTracker(hold), EpisodeTracker(hold))
        return actor
