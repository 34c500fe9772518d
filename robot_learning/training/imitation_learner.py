"""The learner of imitation: gathered episodes in, fits, policy out.

What was gathered is in the journal, whole episodes in order, each step with the action that the
expert asked for (`requested_action`) and the one that was done (`executed_action`). So a run goes
on from the journal and the last checkpoint, and a demonstration is the same step everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from robot_learning.algorithms import imitation_algorithm
from robot_learning.algorithms.imitation import ImitationHyperParameters, OnEpoch
from robot_learning.demonstrations import Demonstrations
from robot_learning.evaluation import Episode, wilson_interval
from robot_learning.networks import Policy
from robot_learning.replay import JournalHeader, Step, check_step
from robot_learning.replay.dataset import Dataset
from robot_learning.training.learner_files import LearnerFiles
from robot_learning.training.learner_types import Phase, RunSettings, RunStatus
from robot_learning.training.policy_file import PolicyFile
from robot_learning.training.rates import RateMeter
from robot_learning.training.step_intake import StepIntake

ACTOR_ID = "in-process"
ImitationSettings = RunSettings[ImitationHyperParameters]


class ImitationLearner:
    """Keeps what was gathered and fits a method to it.

    Attributes:
        settings: what the run is.
        algorithm: the method.
        rounds: rounds done.
        updates: fits done, each a new policy.
        warnings: what a person should know of the run, one line each.
    """

    def __init__(
        self,
        directory: Path,
        settings: ImitationSettings,
        *,
        resume: bool = False,
    ) -> None:
        """Begins a run in `directory`, or goes on with the one that is there.

        Args:
            directory: holds the journal and the checkpoint; made if it does not exist.
            settings: what to learn; it begins with the demonstrations among them, at most
                `steps_goal` steps of them.
            resume: go on with what is in `directory`.

        Raises:
            CheckpointError, JournalError, OSError: as `Learner`.
            StepError: a demonstration is not finite, or of other sizes.
        """
        torch.set_num_threads(1)  # as in `Learner`: faster, and a run repeats bit for bit
        self.settings = settings
        spaces = settings.spaces
        method = imitation_algorithm(settings.algorithm)
        self.algorithm = method(spaces, settings.hyper, settings.seed)
        self._intake = StepIntake(
            hold_steps=settings.hold_steps,
            has_success=settings.has_success,
            whole_episodes=False,
        )
        self._kept: list[Step] = []
        self.rounds = self.updates = 0
        self._fitted_episodes = 0
        self._done = False
        self._step_rate = RateMeter()
        header = JournalHeader(
            spaces.observation_size, spaces.goal_size, spaces.action_size, settings.contract_sha256
        )
        self._files = LearnerFiles(directory, header, settings.fingerprint(), resume=resume)
        self.warnings = self._files.warnings
        self._restore()
        if not self._kept and settings.demonstrations:
            self._begin_with(settings.demonstrations)

    @property
    def steps(self) -> int:
        """Steps gathered since the run began, demonstrations included."""
        return len(self._kept)

    @property
    def episodes(self) -> int:
        """Episodes gathered since the run began, whole or cut off by the step goal."""
        return self._kept[-1].episode + 1 if self._kept else 0

    @property
    def episodes_of_round(self) -> int:
        """Episodes gathered since the last fit."""
        return self.episodes - self._fitted_episodes

    def insert(self, episode: Sequence[Step]) -> None:
        """Takes in a gathered episode.

        Raises:
            StepError: a step is not finite or has other sizes; none was taken.
            OSError: it could not be written; none was taken.
        """
        self._check(episode)
        self._files.journal.append(episode)
        for step in episode:
            self._take(step)
        self._step_rate.count(len(episode))

    def fit(self, on_epoch: OnEpoch | None = None) -> dict[str, float]:
        """Fits everything gathered so far.

        Raises:
            ValueError: nothing was gathered.
        """
        figures = self.algorithm.fit(self._dataset(self._kept), on_epoch)
        self.updates += 1
        self._fitted_episodes = self.episodes
        return figures

    def judge(self, steps: Sequence[Step]) -> dict[str, float]:
        """Judges the newest policy by episodes of its own, which are not learned from.

        Raises:
            StepError: as `insert`.
        """
        self._check(steps)
        return self.algorithm.judge(self._dataset(steps))

    def finish(self) -> None:
        """Nothing more will be gathered or fitted."""
        self._done = True

    def finished_episodes(self) -> list[Episode]:
        """Gathered episodes that ended since the last call."""
        return self._intake.finished()

    def policy(self) -> Policy:
        """The policy to deploy."""
        return self.algorithm.policy()

    def policy_file(self, *, version: int, metrics: dict[str, Any] | None = None) -> PolicyFile:
        """The policy with everything that `save_policy` writes beside it."""
        figures = {
            "steps": self.steps,
            "episodes": self.episodes,
            "updates": self.updates,
            "rounds": self.rounds,
        }
        return self.settings.policy_file(self.policy().frozen(version), figures | (metrics or {}))

    def status(self) -> RunStatus:
        """What it is doing; success is that of the gathered episodes, whoever acted."""
        successes, window = sum(self._intake.successes), len(self._intake.successes)
        return RunStatus(
            phase=Phase.EVALUATING if self._done else Phase.TRAINING,
            steps=self.steps,
            steps_goal=self.steps if self._done else self.settings.steps_goal,
            episodes=self.episodes,
            updates=self.updates,
            updates_per_s=0.0,
            steps_per_s=self._step_rate.per_s(),
            success_rate=successes / window if window else 0.0,
            success_window=window,
            success_wilson95=wilson_interval(successes, window),
            policy_version=self.updates,
            evaluation_episodes_goal=self.settings.evaluation_episodes_goal,
            evaluation_episodes=0,
        )

    def checkpoint(self) -> None:
        """Writes everything needed to go on.

        Raises:
            FileWriteError: disk full or the like; the checkpoint before is intact.
        """
        self._files.journal.flush_and_fsync()
        tensors, values = self.algorithm.state_dict()
        own = {
            "rounds": self.rounds,
            "updates": self.updates,
            "fitted_episodes": self._fitted_episodes,
        }
        fingerprint = self.settings.fingerprint()
        self._files.save(tensors, own | {"algorithm": values, "fingerprint": fingerprint})

    def close(self) -> None:
        """Brings the journal to the disk and closes it; safe to call twice."""
        self._files.journal.close()

    def _begin_with(self, demonstrations: Demonstrations) -> None:
        numbered = [
            replace(
                step,
                actor_id=ACTOR_ID,
                step_number=number,
                episode=episode,
                # What was asked for and not allowed by a safety gate is not to be imitated.
                requested_action=step.executed_action,
            )
            for number, (episode, step) in enumerate(
                (episode, step)
                for episode, steps in enumerate(demonstrations.episodes)
                for step in steps
            )
        ]
        goal = self.settings.steps_goal
        if len(numbered) > goal:
            self.warnings.append(
                f"of the {len(numbered)} steps of the demonstrations only the first {goal} are "
                "learned from; --steps sets how many"
            )
        self.insert(numbered[:goal])

    def _dataset(self, steps: Sequence[Step]) -> Dataset:
        return Dataset.of(steps, self.settings.spaces.normalise_action, self.algorithm.label)

    def _check(self, steps: Sequence[Step]) -> None:
        spaces = self.settings.spaces
        for step in steps:
            check_step(step, spaces.observation_size, spaces.goal_size, spaces.action_size)

    def _take(self, step: Step) -> None:
        self._kept.append(step)
        self._intake.take(step)

    def _restore(self) -> None:
        if found := self._files.take_found():
            tensors, values = found
            self.algorithm.load_state_dict(tensors, values["algorithm"])
            self.rounds, self.updates = int(values["rounds"]), int(values["updates"])
            self._fitted_episodes = int(values["fitted_episodes"])
        for _, step in self._files.journal.steps():
            self._take(step)
        self._intake.finished()
