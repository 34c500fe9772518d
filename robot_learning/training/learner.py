"""The learner: steps in, policy out; the same in one process and behind the ROS 2 node.

What is true lives in two places on disk: the journal (every step, in order) and the checkpoint
(networks, optimisers, normaliser, random states, and the journal offset they belong to). Resuming
reads the journal from its beginning, so replay, counters and success figures need no copy in the
checkpoint, and a step is inserted exactly once whatever happened in between.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from robot_learning.algorithms import off_policy_algorithm
from robot_learning.evaluation import Episode, Evaluation, wilson_interval
from robot_learning.networks import Policy
from robot_learning.replay import (
    JournalHeader,
    RewardFunction,
    Step,
    check_step,
    interventions,
)
from robot_learning.training.guarded_updates import GuardedUpdates
from robot_learning.training.learner_files import LearnerFiles
from robot_learning.training.learner_types import (
    LearnerSettings,
    LearnerStatus,
    Phase,
    success_figures,
)
from robot_learning.training.make_replay import make_replay, needs_whole_episodes
from robot_learning.training.policy_file import PolicyFile, policy_to_bytes
from robot_learning.training.rates import RateMeter
from robot_learning.training.settings import SettingsError
from robot_learning.training.step_intake import StepIntake

__all__ = ["Learner", "LearnerSettings", "LearnerStatus", "Phase"]

_REPLAY = "replay."  # what the replay's tensors are called in a checkpoint


class Learner:
    """Takes numbered steps, updates an algorithm from replay, and gives out its policy."""

    def __init__(
        self,
        directory: Path,
        settings: LearnerSettings,
        compute_reward: RewardFunction | None = None,
        *,
        resume: bool = False,
    ) -> None:
        """Begins a run in `directory`, or goes on with the one that is there.

        Args:
            directory: holds the journal and the checkpoint; made if it does not exist.
            settings: what to learn.
            compute_reward: needed for hindsight.
            resume: go on with what is in `directory`, which may also be nothing yet.

        Raises:
            CheckpointError: `directory` holds a run and `resume` is not given, or one with other
                settings, or a damaged one.
            JournalError: the journal is foreign, or was made under another contract.
            OSError: the folder cannot be written.
            SettingsError: the method needs demonstrations, and there are none.
        """
        # Networks this small are slower on several threads; and the number of threads is part of
        # what makes a run repeat bit for bit.
        torch.set_num_threads(1)
        self.settings = settings
        hyper, spaces = settings.hyper, settings.spaces
        method, shown = off_policy_algorithm(settings.algorithm), settings.demonstrations
        if method.needs_demonstrations and not shown:
            raise SettingsError(f"{method.name} has nothing to imitate: give --demonstrations FILE")
        self._algorithm = method(spaces, hyper, settings.seed)
        self._guarded = GuardedUpdates(self._algorithm, hyper.gamma)
        remembered = shown.episodes if shown and method.replays_demonstrations else ()
        self._learns_from_people = method.replays_demonstrations
        self._replay = make_replay(hyper, spaces, compute_reward, remembered)
        self._rng = np.random.default_rng([settings.seed, 1])
        self._intake = StepIntake(
            hold_steps=settings.hold_steps,
            has_success=settings.has_success,
            whole_episodes=needs_whole_episodes(hyper),
        )
        self._acknowledged: dict[str, int] = {}
        self._updates = self._policy_version = 0
        self._step_rate, self._update_rate = RateMeter(), RateMeter()
        header = JournalHeader(
            spaces.observation_size, spaces.goal_size, spaces.action_size, settings.contract_sha256
        )
        self._files = LearnerFiles(directory, header, settings.fingerprint(), resume=resume)
        self._journal = self._files.journal
        self.extra = self._restore()

    # Steps in

    def insert(self, step: Step) -> bool:
        """Takes one step, of training or evaluation, if it is the next of its actor.

        Evaluation steps are counted and never learned from. A step behind a gap is not taken:
        its actor sends again from the acknowledged number.

        Returns:
            True if it was taken; False for a duplicate or behind a gap.

        Raises:
            StepError: it is not finite or has the wrong sizes; it was not taken.
            OSError: it could not be written; it was not taken.
        """
        if not self._intake.is_next(step):
            return False
        spaces = self.settings.spaces
        check_step(step, spaces.observation_size, spaces.goal_size, spaces.action_size)
        self._journal.append([step])
        self._take(step, learn_statistics=True)
        if not step.is_evaluation:
            self._step_rate.count()
        return True

    def sync(self) -> dict[str, int]:
        """Brings every step taken to the disk and acknowledges it; returns `acknowledged`.

        Raises:
            OSError: the disk failed; nothing more is acknowledged.
        """
        taken = self._intake.ledger.next_numbers()
        if taken != self._acknowledged:
            self._journal.flush_and_fsync()
            self._acknowledged = taken
        return dict(self._acknowledged)

    def acknowledged(self) -> dict[str, int]:
        """For each actor, the step number below which every step is on disk."""
        return dict(self._acknowledged)

    def next_episodes(self) -> dict[str, int]:
        """For each actor, a number above every episode it has sent a step of."""
        return self._intake.next_episodes()

    def finished_episodes(self) -> list[Episode]:
        """Training episodes that ended since the last call."""
        return self._intake.finished()

    # Learning

    def updates_due(self) -> int:
        """Updates that the steps taken so far ask for and that were not done yet."""
        hyper = self.settings.hyper
        if not len(self._replay):
            return 0
        counted = min(self._intake.steps, self.settings.steps_goal) - hyper.counted_from_step
        counted -= counted % hyper.update_every_steps
        wanted = int(max(0, counted) * hyper.updates_per_step)
        if self.settings.demonstrations:
            wanted += hyper.pretraining_updates
        return max(0, wanted - self._updates)

    def update(self, n: int) -> dict[str, float]:
        """Does `n` gradient updates; returns the mean of each metric.

        Raises:
            DivergedError: the values diverge again and again; the policy is the last good one.
        """
        sums: dict[str, float] = {}
        counts: dict[str, int] = {}
        for _ in range(n):
            batch = self._replay.sample(self.settings.hyper.batch_size, self._rng)
            for name, value in self._guarded.update(batch).items():
                sums[name] = sums.get(name, 0.0) + value
                counts[name] = counts.get(name, 0) + 1
            errors = self._algorithm.priorities()
            if errors is not None:
                self._replay.update_priorities(errors)
            self._updates += 1
        self._update_rate.count(n)
        return {name: total / counts[name] for name, total in sums.items()}

    @property
    def warnings(self) -> list[str]:
        """What was found damaged while resuming, and what is wrong with what is learned."""
        return [*self._files.warnings, *self._guarded.lines(), *self._algorithm.warnings]

    @property
    def steps(self) -> int:
        """Training steps taken since the run began."""
        return self._intake.steps

    @property
    def demonstrations(self) -> int:
        """Transitions in the replay that are demonstrations, people's interventions included."""
        return self._replay.demonstrations

    @property
    def updates(self) -> int:
        """Gradient updates since the run began."""
        return self._updates

    @property
    def episodes(self) -> int:
        """Finished training episodes since the run began."""
        return self._intake.episodes

    # Policy out

    def policy(self) -> Policy:
        """The present policy; it shares memory with the learner and changes with it."""
        return self._algorithm.policy()

    def publish(self) -> tuple[int, bytes]:
        """Gives the present policy the next version number: (version, safetensors bytes)."""
        version = self._policy_version + 1
        self._files.write_version(version)
        self._policy_version = version
        return version, self.policy_bytes()

    def policy_bytes(self) -> bytes:
        """The present policy under the newest version number."""
        policy = self.policy().frozen(self._policy_version)
        return policy_to_bytes(policy, self.settings.contract_sha256)

    def policy_file(self, *, version: int, metrics: dict[str, Any] | None = None) -> PolicyFile:
        """The present policy with everything that `save_policy` writes beside it."""
        figures = {
            "steps": self._intake.steps,
            "episodes": self._intake.episodes,
            "updates": self._updates,
            **success_figures(self._intake.successes),
        }
        return self.settings.policy_file(self.policy().frozen(version), figures | (metrics or {}))

    # Evaluation and status

    def evaluation(self) -> Evaluation:
        """Figures of the evaluation episodes taken so far."""
        return Evaluation.of(self._intake.evaluated, has_success=self.settings.has_success)

    def status(self) -> LearnerStatus:
        """What the learner is doing."""
        settings, window = self.settings, len(self._intake.successes)
        successes = sum(self._intake.successes)
        if self._intake.steps < min(settings.hyper.warmup_steps, settings.steps_goal):
            phase = Phase.WARMUP
        elif self._intake.steps < settings.steps_goal or self.updates_due():
            phase = Phase.TRAINING
        elif len(self._intake.evaluated) < settings.evaluation_episodes_goal:
            phase = Phase.EVALUATING
        else:
            phase = Phase.DONE
        return LearnerStatus(
            phase=phase,
            steps=self._intake.steps,
            steps_goal=settings.steps_goal,
            episodes=self._intake.episodes,
            updates=self._updates,
            updates_per_s=self._update_rate.per_s(),
            steps_per_s=self._step_rate.per_s(),
            success_rate=successes / window if window else 0.0,
            success_window=window,
            success_wilson95=wilson_interval(successes, window),
            policy_version=self._policy_version,
            evaluation_episodes_goal=settings.evaluation_episodes_goal,
            evaluation_episodes=len(self._intake.evaluated),
            actor_ids=tuple(self._acknowledged),
            acknowledged_steps=tuple(self._acknowledged.values()),
            duplicates=self._intake.ledger.duplicates,
        )

    @property
    def gaps(self) -> int:
        """Steps that arrived too early and were not taken."""
        return self._intake.ledger.gaps

    # Disk

    def checkpoint(self, extra: dict[str, Any] | None = None) -> None:
        """Writes everything needed to go on; `extra` (JSON) comes back as `Learner.extra`.

        Raises:
            FileWriteError: disk full or the like; the checkpoint before is intact.
        """
        self.sync()
        tensors, values = self._algorithm.state_dict()
        arrays, replay_values = self._replay.state_dict()
        self._files.save(
            tensors | {f"{_REPLAY}{name}": torch.from_numpy(a) for name, a in arrays.items()},
            {
                "algorithm": values,
                "duplicates": self._intake.ledger.duplicates,
                "extra": extra or {},
                "fingerprint": self.settings.fingerprint(),
                "policy_version": self._policy_version,
                "replay": replay_values,
                "sampling": self._rng.bit_generator.state,
                "updates": self._updates,
            },
        )

    def close(self) -> None:
        """Brings the journal to the disk and closes it; safe to call twice."""
        self._journal.close()

    def _restore(self) -> dict[str, Any]:
        found = self._files.take_found()
        offset, extra = 0, {}
        if shown := self.settings.demonstrations:
            self._algorithm.take_demonstrations(shown.dataset(self.settings.spaces))
        if found:
            tensors, values = found
            self._algorithm.load_state_dict(tensors, values["algorithm"])
            self._guarded.restart()
            self._rng.bit_generator.state = values["sampling"]
            self._updates = int(values["updates"])
            self._policy_version = int(values["policy_version"])
            self._intake.ledger.duplicates = int(values["duplicates"])
            offset, extra = int(values["journal_offset"]), dict(values["extra"])
        elif shown:
            self._algorithm.observe(shown.inputs())
        for end, step in self._journal.steps():
            # The checkpoint's normaliser already knows what lies before its offset.
            self._take(step, learn_statistics=end > offset)
            self._policy_version = max(self._policy_version, step.policy_version)
        if found:
            arrays = {
                name.removeprefix(_REPLAY): tensor.numpy()
                for name, tensor in tensors.items()
                if name.startswith(_REPLAY)
            }
            self._replay.load_state_dict((arrays, values["replay"]))
        self._policy_version = max(self._policy_version, self._files.version())
        self._intake.finished()  # were told of before
        self._acknowledged = self._intake.ledger.next_numbers()
        return extra

    def _take(self, step: Step, *, learn_statistics: bool) -> None:
        """Moves what is ready into the replay, and what a person chose among its demonstrations."""
        for steps in self._intake.take(step):
            executed = np.stack([ready.executed_action for ready in steps])
            actions = self.settings.spaces.normalise_action(executed)
            self._replay.add(steps, actions)
            self._algorithm.experience(steps)
            if self._learns_from_people:
                for piece in interventions(steps):
                    self._replay.show(steps[piece], actions[piece])
            if learn_statistics:
                self._algorithm.observe(
                    np.stack([np.concatenate((s.observation, s.desired_goal)) for s in steps])
                )
