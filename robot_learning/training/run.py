"""A whole training run in one process: train, evaluate, and leave everything in its folder."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robot_learning.evaluation import Evaluation
from robot_learning.evaluation.rollout import evaluate
from robot_learning.training.environments import Environment, reward_function
from robot_learning.training.interrupt import Interrupted, StopRequest
from robot_learning.training.learner import Learner, LearnerSettings, LearnerStatus, Phase
from robot_learning.training.metrics import MetricsWriter, read_metrics
from robot_learning.training.plots import plot_learning_curve
from robot_learning.training.policy_file import save_policy
from robot_learning.training.run_directory import RunDirectory
from robot_learning.training.trainer import Trainer

CHECKPOINT_EVERY_S = 20.0
SHOW_EVERY_S = 0.1
STATUS_EVERY_S = 0.5
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


class TrainingRun:
    """One process's part in a run: from the start, or from where the one before it ended."""

    def __init__(
        self,
        environment: Environment,
        settings: LearnerSettings,
        directory: RunDirectory,
        *,
        title: str,
        resume: bool,
        view: View,
    ) -> None:
        """Raises what `Learner` raises."""
        self._environment = environment
        self._settings = settings
        self._directory = directory
        self._title = title
        self._view = view
        self._learner = Learner(
            directory.checkpoint, settings, reward_function(environment), resume=resume
        )
        self._trainer = Trainer(environment, self._learner)
        self._returns: deque[float] = deque(maxlen=25)
        self._figures: dict[str, float] = {}
        self._evaluation_episodes = 0
        self._message = "; ".join(self._learner.warnings)
        self._began_s = self._checkpointed_s = time.monotonic()
        self._shown_s = 0.0
        self._before = (self._learner.steps, self._learner.updates)

    def run(self) -> Report:
        """Trains and evaluates.

        Raises:
            Interrupted: somebody asked for the end; a checkpoint and the policy are written.
            StepError: the environment gave NaN or infinity; the last checkpoint is intact.
            OSError: disk full or the like; the last checkpoint is intact.
        """
        try:
            with StopRequest() as stop, MetricsWriter(self._directory.path) as metrics:
                try:
                    self._train(stop, metrics)
                    trained_s = time.monotonic() - self._began_s
                    evaluation = self._evaluate(stop)
                except Interrupted:
                    self._save(None)
                    raise
            return self._report(self._save(evaluation), evaluation, trained_s)
        finally:
            self._learner.close()

    def _train(self, stop: StopRequest, metrics: MetricsWriter) -> None:
        def on_step(figures: dict[str, float]) -> None:
            self._figures.update(figures)
            self._show()
            stop.raise_if_requested()

        def on_episode() -> None:
            self._write_metrics(metrics)
            self._learner.sync()
            if time.monotonic() - self._checkpointed_s >= CHECKPOINT_EVERY_S:
                self._trainer.checkpoint()
                self._checkpointed_s = time.monotonic()

        self._trainer.run(on_step=on_step, on_episode=on_episode)

    def _evaluate(self, stop: StopRequest) -> Evaluation | None:
        settings = self._settings
        if not settings.evaluation_episodes_goal:
            return None

        def on_episode(_: object) -> None:
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
        settings = self._settings
        file = self._learner.policy_file(
            version=self._learner.updates,
            metrics={"evaluation": evaluation.as_json() if evaluation else None},
        )
        sha256 = save_policy(self._directory.path, file)
        plot_learning_curve(
            read_metrics(self._directory.path),
            self._directory.learning_curve,
            title=f"{self._title}, seed {settings.seed}",
            control_period_s=settings.contract.control_period_s if settings.contract else None,
        )
        self._show(now=True)
        return sha256

    def _report(self, sha256: str, evaluation: Evaluation | None, trained_s: float) -> Report:
        learner, status = self._learner, self._learner.status()
        steps_before, updates_before = self._before
        return Report(
            directory=self._directory.path,
            steps=learner.steps,
            episodes=learner.episodes,
            updates=learner.updates,
            elapsed_s=time.monotonic() - self._began_s,
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

    def _write_metrics(self, metrics: MetricsWriter) -> None:
        status = self._learner.status()
        for episode in self._learner.finished_episodes():
            self._returns.append(episode.episode_return)
            low, high = status.success_wilson95
            known = status.success_window > 0
            metrics.write(
                status.steps,
                {
                    "return": episode.episode_return,
                    "length": episode.length,
                    "success": episode.success if known else None,
                    "success_rate": status.success_rate if known else None,
                    "success_low": low if known else None,
                    "success_high": high if known else None,
                    "updates": status.updates,
                    "updates_per_s": status.updates_per_s,
                    "steps_per_s": status.steps_per_s,
                    **self._figures,
                },
            )

    def _show(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment - self._shown_s < SHOW_EVERY_S:
            return
        self._shown_s = moment
        status = status_mapping(self._learner.status())
        status["title"] = self._title
        status["elapsed_s"] = time.monotonic() - self._began_s
        status["evaluation_episodes"] = self._evaluation_episodes
        if self._evaluation_episodes >= self._settings.evaluation_episodes_goal:
            status["phase"] = (
                Phase.DONE.name.lower() if status["phase"] == "evaluating" else status["phase"]
            )
        if self._returns:
            status["mean_return"] = sum(self._returns) / len(self._returns)
        if self._message:
            status["message"] = self._message
        self._directory.write_status(status, every_s=0.0 if now else STATUS_EVERY_S)
        self._view(status, now)


def status_mapping(status: LearnerStatus) -> dict[str, Any]:
    """A status as `progress` and `status.json` take it."""
    return asdict(status) | {"phase": status.phase.name.lower()}
