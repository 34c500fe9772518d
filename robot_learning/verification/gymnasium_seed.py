"""A seed of a method on a Gymnasium environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from robot_learning.training.policy_file import DESCRIPTION_FILE
from robot_learning.verification.seed_run import COMMAND_LINE, SeedRun


class GymnasiumSeedRun(SeedRun):
    """Demonstrations or an expert where the row asks for them, then `train`, then `evaluate`."""

    def commands(self) -> list[list[str]]:
        """See `SeedRun`."""
        making = self._expert_command(), self._demonstrate_command()
        return [*filter(None, making), self.train_command(), self.evaluate_command()]

    def world(self) -> list[str]:
        """The words that name the environment."""
        module = self.row.import_module
        known = ["--import", module] if module else []
        return ["--env", f"gymnasium:{self.row.environment}", *known]

    def more(self) -> list[str]:
        """Words for the training by which a result is not known again: files."""
        words = list[str]()
        if self.row.expert_steps:
            words += ["--expert", str(self._expert)]
        if self.row.demonstrations:
            words += ["--demonstrations", str(self._demonstrations)]
        return words

    def train_command(self) -> list[str]:
        """Begins the run, or goes on with it where one was stopped."""
        words = [*self.arguments(), *self.more(), *self.where()]
        return [*COMMAND_LINE, "train", *words, "--json"]

    def evaluate_command(self) -> list[str]:
        """Judges the policy that the run left."""
        row = self.row
        policy = self.run_directory / "best" if row.evaluate_every else self.run_directory
        more = ["--import", row.import_module] if row.import_module else []
        figures = ["--episodes", str(row.episodes), "--seed", str(self.seed), "--json"]
        return [*COMMAND_LINE, "evaluate", str(policy), *more, *figures]

    def arguments(self) -> list[str]:
        """See `SeedRun`."""
        row = self.row
        words = [*self.world(), "--algorithm", row.algorithm]
        words += ["--steps", str(row.steps), "--seed", str(self.seed)]
        words += ["--evaluate-every", str(row.evaluate_every)] if row.evaluate_every else []
        for key, value in row.hyper_parameters.items():
            words += ["--set", f"{key}={json.dumps(value)}"]
        # The policy file is judged afterwards, so that what is judged is what would be deployed.
        return [*words, "--evaluation-episodes", "0"]

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
        words = [*self.world(), "--out", str(self._demonstrations)]
        words += ["--episodes", str(row.demonstrations), "--seed", str(self.seed)]
        return [*COMMAND_LINE, "demonstrate", *words]

    def _expert_command(self) -> list[str] | None:
        if not self.row.expert_steps or (self._expert / DESCRIPTION_FILE).exists():
            return None
        words = [self.row.environment, str(self.row.expert_steps), str(self.seed)]
        program = [sys.executable, "-m", "robot_learning.verification.expert"]
        return [*program, *words, str(self._expert)]
