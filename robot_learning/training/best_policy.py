"""The best policy of a run, for methods whose newest is not always their best."""

from __future__ import annotations

from robot_learning.evaluation.rollout import SELECTION_STREAM, evaluate
from robot_learning.training.environments import Environment
from robot_learning.training.policy_file import DESCRIPTION_FILE, read_policy, save_policy
from robot_learning.training.record import RunRecord

EPISODES = 20


class BestPolicy:
    """Plays the newest policy without exploration now and then, and keeps the best in `best/`.

    Always on the same episodes, which are neither trained on nor those of the final evaluation:
    the best of many tries looks better than it is on the episodes that it was chosen by.
    """

    def __init__(self, record: RunRecord, environment: Environment, every_steps: int) -> None:
        """Goes on from what is in `best/`; with `every_steps` 0 it never looks."""
        self._record = record
        self._environment = environment
        self._every_steps = every_steps
        self._looked_at = self._turn()
        self._best = self._kept()

    def look(self) -> None:
        """Call it between two episodes: evaluates if it is time.

        Raises:
            StepError: the environment gave an observation or a reward that is not finite.
            FileWriteError: disk full or the like; the best so far is intact.
        """
        if not self._every_steps or self._turn() == self._looked_at:
            return
        self._looked_at = self._turn()
        learner, settings = self._record.learner, self._record.learner.settings
        found = evaluate(
            self._environment,
            learner.policy(),
            episodes=EPISODES,
            seed=settings.seed,
            hold_steps=settings.hold_steps,
            has_success=settings.has_success,
            stream=SELECTION_STREAM,
        )
        self._record.write(
            {"selection_return": found.mean_return, "selection_success_rate": found.success_rate}
        )
        rank = (found.success_rate or 0.0, found.mean_return)
        if self._best is not None and rank < self._best:
            return
        self._best = rank  # of two alike the newer: it has learned more
        file = learner.policy_file(version=learner.updates, metrics={"selection": found.as_json()})
        save_policy(self._record.directory.best, file)

    def _turn(self) -> int:
        return self._record.learner.steps // self._every_steps if self._every_steps else 0

    def _kept(self) -> tuple[float, float] | None:
        directory = self._record.directory.best
        if not (directory / DESCRIPTION_FILE).exists():
            return None
        found = read_policy(directory).metrics["selection"]
        return found["success_rate"] or 0.0, found["mean_return"]
