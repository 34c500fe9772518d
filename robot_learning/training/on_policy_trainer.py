"""The in-process loop of rollouts: several environments side by side, learned from and forgotten.

With the same seed it repeats bit for bit, and a run stopped at any time and resumed is the same
run: it goes on from the last rollout that was learned from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from robot_learning.algorithms.on_policy import Rollout
from robot_learning.evaluation import Episode, EpisodeTracker
from robot_learning.training.environments import Environment
from robot_learning.training.on_policy_learner import OnPolicyLearner
from robot_learning.training.side_by_side import SideBySide

OnStep = Callable[[dict[str, float]], None]


class OnPolicyTrainer:
    """Collects rollouts until the learner has its steps."""

    def __init__(self, make: Callable[[], Environment], learner: OnPolicyLearner) -> None:
        """Makes the environments; in a resumed run they go on in the middle of their episodes.

        Raises:
            StepError: an observation is not finite.
        """
        settings, hyper = learner.settings, learner.settings.hyper
        self.learner = learner
        self._algorithm = learner.algorithm
        n = hyper.environments
        self._environments = SideBySide(
            make,
            n,
            settings.spaces,
            name=settings.environment or "the task",
            seed=settings.seed,
            constraints=len(hyper.constraint_probabilities),
        )
        self._trackers = [EpisodeTracker(settings.hold_steps) for _ in range(n)]
        self._all = np.ones(n, bool)
        if learner.loop is None:
            self._environments.reset(self._all)
        else:
            self._restore(*learner.loop)
        self._boundary = self._state()

    def run(
        self,
        *,
        on_step: OnStep | None = None,
        on_boundary: Callable[[], None] | None = None,
    ) -> None:
        """Trains for whole rollouts until the step goal is reached.

        Args:
            on_step: called after each step of all environments, and with the figures of each
                update; what it raises ends the run, which goes on from the last rollout.
            on_boundary: called after each update.

        Raises:
            StepError: an environment gave NaN or infinity; nothing of the rollout was learned.
        """
        while self.learner.steps < self.learner.settings.steps_goal:
            metrics = self.learner.learn(*self._collect(on_step))
            self._boundary = self._state()
            if on_step:
                on_step(metrics)
            if on_boundary:
                on_boundary()

    def checkpoint(self) -> None:
        """Writes where the last rollout ended.

        Raises:
            FileWriteError: the checkpoint before is intact.
        """
        self.learner.save(*self._boundary)

    def _collect(self, on_step: OnStep | None) -> tuple[Rollout, list[Episode]]:
        environments, whole = self._environments, self._algorithm.whole_episodes
        rollout_steps = self.learner.settings.hyper.rollout_steps
        rows: list[tuple[Any, ...]] = []
        finished: list[Episode] = []
        counted = self._all
        while counted.any():
            inputs = environments.inputs
            actions, logs = self._algorithm.act(inputs)
            led = environments.step(actions)
            rows.append(
                (
                    inputs,
                    actions,
                    logs,
                    led.rewards,
                    led.inputs,
                    led.terminated,
                    led.truncated,
                    counted,
                    led.constraints,
                )
            )
            for tracker, *facts in zip(
                self._trackers, led.rewards, led.success, led.over, strict=True
            ):
                if episode := tracker.count(facts[0], success=facts[1], over=facts[2]):
                    finished.append(episode)
            if len(rows) >= rollout_steps:
                counted = counted & ~led.over if whole else ~self._all
            if led.over.any():
                environments.reset(led.over)
            self.learner.count(len(inputs))
            if on_step:
                on_step({})
        if whole:
            self._begin_anew()
        return Rollout(*(np.stack(column) for column in zip(*rows, strict=True))), finished

    def _begin_anew(self) -> None:
        self._environments.reset(self._all)
        for tracker in self._trackers:
            tracker.restore([-1, 0.0, 0, 0])

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors, values = self.learner.state()
        running, loop = self._environments.state()
        loop["trackers"] = [tracker.state() for tracker in self._trackers]
        return tensors | running, values | {"loop": loop}

    def _restore(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        for tracker, state in zip(self._trackers, values["trackers"], strict=True):
            tracker.restore(state)
        if not self._environments.restore(tensors, values):
            self._begin_anew()
            self.learner.warnings.append(
                "the environments do not repeat an episode from its seed and actions: "
                "new episodes were begun"
            )
