"""What a run leaves behind while it goes and at its end: the same in process and over the graph."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from robot_learning.algorithms import HyperParameters, named_algorithm
from robot_learning.algorithms.model_based import ModelBased
from robot_learning.demonstrations import DemonstrationsError
from robot_learning.dynamics import DynamicsError
from robot_learning.evaluation import Episode, Evaluation
from robot_learning.networks import Policy
from robot_learning.training.learner_types import RunSettings, RunStatus
from robot_learning.training.metrics import MetricsWriter, read_metrics
from robot_learning.training.model_plot import plot_model
from robot_learning.training.model_report import judge_model
from robot_learning.training.plots import plot_learning_curve
from robot_learning.training.policy_file import PolicyFile, save_policy
from robot_learning.training.run_directory import RunDirectory

STATUS_EVERY_S = 0.5


class RunLearner(Protocol):
    """What a run asks of whatever learns in it."""

    @property
    def settings(self) -> RunSettings[HyperParameters]:
        """What the run is."""

    @property
    def warnings(self) -> list[str]:
        """What a person should know: what was damaged, what diverges; one line each."""

    @property
    def steps(self) -> int:
        """Training steps since the run began."""

    @property
    def updates(self) -> int:
        """Updates since the run began."""

    @property
    def episodes(self) -> int:
        """Finished training episodes since the run began."""

    def policy(self) -> Policy:
        """The present policy; it may share memory with the learner."""

    def policy_file(self, *, version: int, metrics: dict[str, Any] | None = None) -> PolicyFile:
        """The present policy with everything that `save_policy` writes beside it."""

    def status(self) -> RunStatus:
        """What it is doing."""

    def finished_episodes(self) -> list[Episode]:
        """Training episodes that ended since the last call."""

    def close(self) -> None:
        """Closes what it holds open; safe to call twice."""


class RunRecord:
    """Writes metrics, status, pictures and policy of a learner into its folder.

    Attributes:
        figures: newest metrics of the updates, by name.
        message: what a person should know beside the learner's warnings; shown with the status.
    """

    def __init__(self, learner: RunLearner, directory: RunDirectory, title: str) -> None:
        self.learner = learner
        self.directory = directory
        self.title = title
        self.figures: dict[str, float] = {}
        self.message = ""
        self._metrics = MetricsWriter(directory.path)
        self._returns: deque[float] = deque(maxlen=25)
        self._began_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since this process took up the run."""
        return time.monotonic() - self._began_s

    def episodes(self) -> None:
        """Writes a row of metrics for each training episode that ended since the last call."""
        status = self.learner.status()
        known = status.success_window > 0
        low, high = status.success_wilson95
        for episode in self.learner.finished_episodes():
            self._returns.append(episode.episode_return)
            self._metrics.write(
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
                    **self.figures,
                },
            )

    def write(self, figures: Mapping[str, float | None]) -> None:
        """Writes a row of other figures of this moment."""
        self._metrics.write(self.learner.steps, figures)

    def status(
        self, extra: Mapping[str, Any] | None = None, *, now: bool = False
    ) -> dict[str, Any]:
        """The status as `progress` and `status.json` take it; writes the file when it is time."""
        status = status_mapping(self.learner.status())
        status["title"] = self.title
        status["elapsed_s"] = self.elapsed_s
        if self._returns:
            status["mean_return"] = sum(self._returns) / len(self._returns)
        if message := "; ".join(filter(None, (self.message, *self.learner.warnings))):
            status["message"] = message
        status |= extra or {}
        self.directory.write_status(status, every_s=0.0 if now else STATUS_EVERY_S)
        return status

    def save(self, evaluation: Evaluation | None, version: int) -> str:
        """Writes the policy files and the pictures; the SHA-256 of the weights.

        The learner's checkpoint is on disk: a model is judged by what is there.

        Raises:
            FileWriteError: disk full or the like; what was there before is intact.
        """
        settings = self.learner.settings
        file = self.learner.policy_file(
            version=version,
            metrics={"evaluation": evaluation.as_json() if evaluation else None},
        )
        sha256 = save_policy(self.directory.path, file)
        plot_learning_curve(
            read_metrics(self.directory.path),
            self.directory.learning_curve,
            title=f"{self.title}, seed {settings.seed}",
            control_period_s=settings.contract.control_period_s if settings.contract else None,
            evaluation=evaluation,
        )
        if issubclass(named_algorithm(settings.algorithm), ModelBased):
            self._draw_model()
        return sha256

    def _draw_model(self) -> None:
        path, seed = self.directory.path, self.learner.settings.seed
        try:
            report = judge_model(path)
        except (DynamicsError, DemonstrationsError):
            return  # there were too few steps for a model
        plot_model(report, self.directory.model, title=f"{self.title}, seed {seed}")

    def close(self) -> None:
        """Closes the files of metrics."""
        self._metrics.close()


def status_mapping(status: RunStatus) -> dict[str, Any]:
    """A status as plain values."""
    return asdict(status) | {"phase": status.phase.name.lower()}
