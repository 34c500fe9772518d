"""The learner of rollouts: counts what came in, updates the method, writes the checkpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robot_learning.algorithms import on_policy_algorithm
from robot_learning.algorithms.on_policy import OnPolicyHyperParameters, Rollout
from robot_learning.evaluation import Episode, wilson_interval
from robot_learning.networks import Policy
from robot_learning.training.checkpoint import load_checkpoint, require_same_run, save_checkpoint
from robot_learning.training.learner_types import Phase, RunSettings, RunStatus, success_figures
from robot_learning.training.policy_file import PolicyFile
from robot_learning.training.rates import RateMeter
from robot_learning.training.step_intake import SUCCESS_WINDOW

OnPolicySettings = RunSettings[OnPolicyHyperParameters]


class OnPolicyLearner:
    """A method and the figures of its run.

    Attributes:
        settings: what the run is.
        algorithm: the method.
        steps: environment steps of the rollouts learned from.
        updates: rollouts learned from, each a new policy.
        episodes: finished training episodes.
        warnings: what a person should know of the resumed run, one line each.
        loop: tensors and values that the trainer's checkpoint came with; None in a new run.
    """

    def __init__(self, directory: Path, settings: OnPolicySettings, *, resume: bool) -> None:
        """Begins a run, or goes on with the one whose checkpoint is in `directory`.

        Raises:
            CheckpointError: the checkpoint is damaged or of a run with other settings.
            OSError: the folder cannot be written.
        """
        torch.set_num_threads(1)  # as in `Learner`: faster, and a run repeats bit for bit
        self.settings = settings
        method = on_policy_algorithm(settings.algorithm)
        self.algorithm = method(settings.spaces, settings.hyper, settings.seed)
        self.steps = self.updates = self.episodes = 0
        self.warnings: list[str] = []
        self.loop: tuple[dict[str, Tensor], dict[str, Any]] | None = None
        self._successes: deque[bool] = deque(maxlen=SUCCESS_WINDOW)
        self._finished: list[Episode] = []
        self._step_rate, self._update_rate = RateMeter(), RateMeter()
        self._collected = 0
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        if resume:
            self._restore()

    def count(self, steps: int) -> None:
        """So many steps were made towards the rollout that comes next."""
        self._collected += steps
        self._step_rate.count(steps)

    def learn(self, rollout: Rollout, finished: Sequence[Episode]) -> dict[str, float]:
        """Learns from a rollout and counts it and the episodes that ended in it."""
        metrics = self.algorithm.update(rollout)
        self.steps += rollout.rewards.size
        self._collected = 0
        self.updates += 1
        self._update_rate.count()
        self.episodes += len(finished)
        self._finished += finished
        if self.settings.has_success:
            self._successes.extend(episode.success for episode in finished)
        return metrics

    def finished_episodes(self) -> list[Episode]:
        """Training episodes that ended since the last call, up to the last rollout."""
        finished, self._finished = self._finished, []
        return finished

    def policy(self) -> Policy:
        """The present policy; it shares memory with the method and changes with it."""
        return self.algorithm.policy()

    def policy_file(self, *, version: int, metrics: dict[str, Any] | None = None) -> PolicyFile:
        """The present policy with everything that `save_policy` writes beside it."""
        figures = {
            "steps": self.steps,
            "episodes": self.episodes,
            "updates": self.updates,
            **success_figures(self._successes),
        }
        return self.settings.policy_file(self.policy().frozen(version), figures | (metrics or {}))

    def status(self) -> RunStatus:
        """What it is doing; steps count as they are made."""
        settings, window = self.settings, len(self._successes)
        successes = sum(self._successes)
        if self.steps < settings.steps_goal:
            phase = Phase.TRAINING
        else:
            phase = Phase.EVALUATING if settings.evaluation_episodes_goal else Phase.DONE
        return RunStatus(
            phase=phase,
            steps=self.steps + self._collected,
            steps_goal=settings.steps_goal,
            episodes=self.episodes,
            updates=self.updates,
            updates_per_s=self._update_rate.per_s(),
            steps_per_s=self._step_rate.per_s(),
            success_rate=successes / window if window else 0.0,
            success_window=window,
            success_wilson95=wilson_interval(successes, window),
            policy_version=self.updates,
            evaluation_episodes_goal=settings.evaluation_episodes_goal,
            evaluation_episodes=0,
        )

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on from here, copied."""
        tensors, values = self.algorithm.state_dict()
        return tensors, {
            "algorithm": values,
            "episodes": self.episodes,
            "fingerprint": self.settings.fingerprint(),
            "steps": self.steps,
            "successes": list(self._successes),
            "updates": self.updates,
        }

    def save(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Writes a `state` as the checkpoint, with the trainer's own among `tensors` and "loop".

        Raises:
            FileWriteError: disk full or the like; the checkpoint before is intact.
        """
        save_checkpoint(self._directory, tensors, values)

    def close(self) -> None:
        """Nothing is held open."""

    def _restore(self) -> None:
        found = load_checkpoint(self._directory)
        if found is None:
            return
        tensors, values = found
        require_same_run(self._directory, values["fingerprint"], self.settings.fingerprint())
        self.algorithm.load_state_dict(tensors, values["algorithm"])
        self.steps, self.updates = int(values["steps"]), int(values["updates"])
        self.episodes = int(values["episodes"])
        self._successes.extend(values["successes"])
        self.loop = tensors, values["loop"]
