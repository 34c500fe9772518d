"""A whole training run in one process: train, evaluate, and leave everything in its folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from robot_learning.evaluation import Episode, Evaluation
from robot_learning.evaluation.rollout import evaluate
from robot_learning.training.best_policy import BestPolicy
from robot_learning.training.environments import Environment
from robot_learning.training.guarded_updates import DivergedError
from robot_learning.training.interrupt import Interrupted, StopRequest
from robot_learning.training.learner_types import Phase
from robot_learning.training.record import RunLearner, RunRecord
from robot_learning.training.run_directory import RunDirectory

CHECKPOINT_EVERY_S = 20.0
SHOW_EVERY_S = 0.1
View = Callable[[Mapping[str, Any], bool], None]


@dataclass(frozen=True)
class Report:
    """What a run came to; `steps` and `updates` of the whole run, rates of this process."""

    directory: Path
    steps: int
    episodes: int
    updates: int
    elapsed_s: float
    steps_per_s: float
    updates_per_s: float
    training_success_rate: float | None
    training_success_n: int
    training_success_wilson95: tuple[float, float]
    evaluation: Evaluation | None
    weights_sha256: str
    policy_version: int
    contract: str | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = asdict(self) | {"directory": str(self.directory)}
        plain["evaluation"] = self.evaluation.as_json() if self.evaluation else None
        return plain


class RunTrainer(Protocol):
    """The loop of one kind of learning, as a run drives it."""

    @property
    def learner(self) -> RunLearner:
        """Whose steps it makes."""

    def run(
        self,
        *,
        on_step: Callable[[dict[str, float]], None] | None = None,
        on_boundary: Callable[[], None] | None = None,
    ) -> None:
        """Trains until the step goal; see `Trainer.run`."""

    def checkpoint(self) -> None:
        """Writes what a later process goes on from."""


class TrainingRun:
    """One process's part in a run: from the start, or from where the one before it ended."""

    def __init__(
        self,
        trainer: RunTrainer,
        environment: Environment,
        directory: RunDirectory,
        *,
        title: str,
        view: View,
        evaluate_every: int = 0,
    ) -> None:
        """Takes over the trainer and its learner.

        Args:
            trainer: what trains.
            environment: to evaluate on; between two episodes it may be the one trained on.
            directory: where everything goes.
            title: for people.
            view: called with the status now and then.
            evaluate_every: steps between evaluations that choose the best policy; 0 for none.
        """
        self._environment = environment
        self._trainer = trainer
        self._learner = trainer.learner
        self._settings = trainer.learner.settings
        self._view = view
        self._record = RunRecord(self._learner, directory, title)
        self._best = BestPolicy(self._record, environment, evaluate_every)
        self._evaluation_episodes = 0
        self._shown_s = 0.0
        self._checkpointed_s = time.monotonic()
        self._before = (self._learner.steps, self._learner.updates)

    def run(self) -> Report:
        """Trains and evaluates.

        Raises:
            Interrupted: somebody asked for the end; a checkpoint and the policy are written.
            DivergedError: values diverge again and again; what is written is the last good state.
            StepError: the environment gave NaN or infinity; the last checkpoint is intact.
            OSError: disk full or the like; the last checkpoint is intact.
        """
        try:
            with StopRequest() as stop:
                try:
                    self._train(stop)
                    trained_s = self._record.elapsed_s
                    evaluation = self._evaluate(stop)
                except (Interrupted, DivergedError):
                    self._save(None)
                    raise
                return self._report(self._save(evaluation), evaluation, trained_s)
        finally:
            self._record.close()
            self._learner.close()

    def _train(self, stop: StopRequest) -> None:
        def on_step(figures: dict[str, float]) -> None:
            self._record.figures.update(figures)
            self._show()
            stop.raise_if_requested()

        def on_boundary() -> None:
            self._record.episodes()
            self._best.look()
            if time.monotonic() - self._checkpointed_s >= CHECKPOINT_EVERY_S:
                self._trainer.checkpoint()
                self._checkpointed_s = time.monotonic()

        self._trainer.run(on_step=on_step, on_boundary=on_boundary)
        self._best.look()

    def _evaluate(self, stop: StopRequest) -> Evaluation | None:
        settings = self._settings
        if not settings.evaluation_episodes_goal:
            return None

        def on_episode(_: Episode) -> None:
            self._evaluation_episodes += 1
            self._show()
            stop.raise_if_requested()

        return evaluate(
            self._environment,
            self._learner.policy(),
            episodes=settings.evaluation_episodes_goal,
            seed=settings.seed,
            hold_steps=settings.hold_steps,
            has_success=settings.has_success,
            on_episode=on_episode,
        )

    def _save(self, evaluation: Evaluation | None) -> str:
        self._trainer.checkpoint()
        # In process every update is a new policy, so their number is its version.
        sha256 = self._record.save(evaluation, self._learner.updates)
        self._show(now=True)
        return sha256

    def _report(self, sha256: str, evaluation: Evaluation | None, trained_s: float) -> Report:
        learner, status = self._learner, self._learner.status()
        steps_before, updates_before = self._before
        return Report(
            directory=self._record.directory.path,
            steps=learner.steps,
            episodes=learner.episodes,
            updates=learner.updates,
            elapsed_s=self._record.elapsed_s,
            steps_per_s=(learner.steps - steps_before) / trained_s,
            updates_per_s=(learner.updates - updates_before) / trained_s,
            training_success_rate=status.success_rate if status.success_window else None,
            training_success_n=status.success_window,
            training_success_wilson95=status.success_wilson95,
            evaluation=evaluation,
            weights_sha256=sha256,
            policy_version=learner.updates,
            contract=self._settings.contract_sha256 or None,
        )

    def _show(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment - self._shown_s < SHOW_EVERY_S:
            return
        self._shown_s = moment
        # The learner counts evaluation steps that are sent to it; in process none are.
        evaluated, status = self._evaluation_episodes, self._learner.status()
        extra: dict[str, Any] = {"evaluation_episodes": evaluated}
        done = evaluated >= self._settings.evaluation_episodes_goal
        if status.phase is Phase.EVALUATING and done:
            extra["phase"] = Phase.DONE.name.lower()
        self._view(self._record.status(extra, now=now), now)
