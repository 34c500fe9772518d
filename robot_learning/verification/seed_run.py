"""One seed of one row: what it must say of itself, and the file that says it is finished."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_learning.files import write_atomic
from robot_learning.training.metrics import read_metrics
from robot_learning.training.run_directory import CONFIG_FILE, STATUS_FILE
from robot_learning.verification.row import Row

COMMAND_LINE = [sys.executable, "-m", "robot_learning"]
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
class SeedRun(ABC):
    """Where a seed is run and how."""

    row: Row
    seed: int
    directory: Path

    @property
    def run_directory(self) -> Path:
        """The folder of what is trained."""
        return self.directory / "run"

    @abstractmethod
    def commands(self) -> list[list[str]]:
        """What is run one after the other; the last prints the evaluation.

        What a stopped run had made before it began to train is not made again.
        """

    @abstractmethod
    def arguments(self) -> list[str]:
        """The settings of the training, by which a result is known again."""

    def preparations(self) -> list[list[str]]:
        """What is made first, once for all seeds that need the same."""
        return []

    def where(self) -> list[str]:
        """The words that begin a run in its folder, or go on with it where one was stopped."""
        resume = ["--resume"] if (self.run_directory / CONFIG_FILE).exists() else []
        return ["--out", str(self.run_directory), *resume]

    def finished(self) -> SeedResult | None:
        """The result that is already there.

        Raises:
            VerificationError: it is of a row that has changed since.
        """
        path = self.directory / _RESULT
        if not path.exists():
            return None
        stored = json.loads(path.read_text())
        if stored["arguments"] != self.arguments() or stored["episodes"] != self.row.episodes:
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
            "arguments": self.arguments(),
            "episodes": self.row.episodes,
            "evaluation": evaluation,
            "seconds": seconds,
        }
        write_atomic(self.directory / _RESULT, (json.dumps(result, indent=2) + "\n").encode())
        return SeedResult(self.seed, evaluation, seconds)

    def progress(self) -> float:
        """Share of the training that the run says it has done."""
        try:
            status = json.loads((self.run_directory / STATUS_FILE).read_text())
            return min(1.0, float(status["steps"]) / self.row.steps)
        except (OSError, ValueError, KeyError):
            return 0.0

    def curve(self) -> list[dict[str, Any]]:
        """Rows of the run's metrics, with `steps` and `return` or `success`."""
        return read_metrics(self.run_directory)
