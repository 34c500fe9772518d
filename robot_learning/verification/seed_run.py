"""One seed of one row: the commands that make it, and the file that says it is finished."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_learning.training.files import write_atomic
from robot_learning.training.metrics import read_metrics
from robot_learning.training.policy_file import DESCRIPTION_FILE
from robot_learning.training.run_directory import CONFIG_FILE, STATUS_FILE
from robot_learning.verification.row import Row

_COMMAND_LINE = [sys.executable, "-m", "robot_learning"]
_RESULT = "result.json"


class VerificationError(ValueError):
    """What is in the folder does not belong to this verification. One line says what to do."""


@dataclass(frozen=True)
class SeedResult:
    """What came of one seed.

    Attributes:
        seed: its number.
        evaluation: what `robot-learning evaluate --json` said; None where it failed.
        seconds: wall-clock time of training, on a machine that did other things besides.
        error: the last line of what failed; empty otherwise.
    """

    seed: int
    evaluation: dict[str, Any] | None
    seconds: float
    error: str = ""

    def value(self, measure: str) -> float | None:
        """Mean return, or share of successful episodes."""
        if self.evaluation is None:
            return None
        figure = self.evaluation["mean_return" if measure == "return" else "success_rate"]
        return None if figure is None else float(figure)


@dataclass(frozen=True)
class SeedRun:
    """Where a seed is run and how."""

    row: Row
    seed: int
    directory: Path

    @property
    def run_directory(self) -> Path:
        """The folder of `robot-learning train`."""
        return self.directory / "run"

    def commands(self) -> list[list[str]]:
        """What is run one after the other; the last prints the evaluation.

        What a stopped run had made before it began to train is not made again.
        """
        making = self._expert_command(), self._demonstrate_command()
        return [*filter(None, making), self.train_command(), self.evaluate_command()]

    def train_command(self) -> list[str]:
        """Begins the run, or goes on with it where one was stopped."""
        resume = ["--resume"] if (self.run_directory / CONFIG_FILE).exists() else []
        out = ["--out", str(self.run_directory)]
        more = list[str]()
        if self.row.expert_steps:
            more += ["--expert", str(self._expert)]
        if self.row.demonstrations:
            more += ["--demonstrations", str(self._demonstrations)]
        return [*_COMMAND_LINE, "train", *self._arguments(), *more, *out, *resume, "--json"]

    def evaluate_command(self) -> list[str]:
        """Judges the policy that the run left."""
        row = self.row
        policy = self.run_directory / "best" if row.evaluate_every else self.run_directory
        more = ["--import", row.import_module] if row.import_module else []
        figures = ["--episodes", str(row.episodes), "--seed", str(self.seed), "--json"]
        return [*_COMMAND_LINE, "evaluate", str(policy), *more, *figures]

    @property
    def _demonstrations(self) -> Path:
        return self.directory / "demonstrations.steps"

    @property
    def _expert(self) -> Path:
        return self.directory / "expert"

    def _demonstrate_command(self) -> list[str] | None:
        row = self.row
        if not row.demonstrations or self._demonstrations.exists():
            return None
        words = ["--env", f"gymnasium:{row.environment}", "--out", str(self._demonstrations)]
        words += ["--import", row.import_module] if row.import_module else []
        words += ["--episodes", str(row.demonstrations), "--seed", str(self.seed)]
        return [*_COMMAND_LINE, "demonstrate", *words]

    def _expert_command(self) -> list[str] | None:
        if not self.row.expert_steps or (self._expert / DESCRIPTION_FILE).exists():
            return None
        words = [self.row.environment, str(self.row.expert_steps), str(self.seed)]
        return [
            sys.executable,
            "-m",
            "robot_learning.verification.expert",
            *words,
            str(self._expert),
        ]

    def finished(self) -> SeedResult | None:
        """The result that is already there.

        Raises:
            VerificationError: it is of a row that has changed since.
        """
        path = self.directory / _RESULT
        if not path.exists():
            return None
        stored = json.loads(path.read_text())
        if stored["arguments"] != self._arguments() or stored["episodes"] != self.row.episodes:
            raise VerificationError(
                f"{self.directory} was run with other settings: choose another --out, "
                "or remove that folder to run it again"
            )
        return SeedResult(self.seed, stored["evaluation"], stored["seconds"])

    def finish(self, evaluation: dict[str, Any], seconds: float) -> SeedResult:
        """Writes the result down, so that it is not run again.

        Raises:
            FileWriteError: disk full or the like.
        """
        result = {
            "arguments": self._arguments(),
            "episodes": self.row.episodes,
            "evaluation": evaluation,
            "seconds": seconds,
        }
        write_atomic(self.directory / _RESULT, (json.dumps(result, indent=2) + "\n").encode())
        return SeedResult(self.seed, evaluation, seconds)

    def progress(self) -> float:
        """Share of the training steps that the run says it has done."""
        try:
            status = json.loads((self.run_directory / STATUS_FILE).read_text())
            return min(1.0, float(status["steps"]) / self.row.steps)
        except (OSError, ValueError, KeyError):
            return 0.0

    def curve(self) -> list[dict[str, Any]]:
        """Rows of the run's metrics."""
        return read_metrics(self.run_directory)

    def _arguments(self) -> list[str]:
        row = self.row
        words = ["--env", f"gymnasium:{row.environment}", "--algorithm", row.algorithm]
        words += ["--steps", str(row.steps), "--seed", str(self.seed)]
        words += ["--import", row.import_module] if row.import_module else []
        words += ["--evaluate-every", str(row.evaluate_every)] if row.evaluate_every else []
        for key, value in row.hyper_parameters.items():
            words += ["--set", f"{key}={json.dumps(value)}"]
        # The policy file is judged afterwards, so that what is judged is what would be deployed.
        return [*words, "--evaluation-episodes", "0"]
