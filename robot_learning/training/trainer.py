"""The in-process loop: one environment, one learner, one episode after the other.

It knows no algorithm and no robot. With the same seed it repeats bit for bit, and a run stopped
on the end of an episode and resumed is the same run.
"""

from __future__ import annotations

from collections.abc import Callable

from robot_learning.replay import StepError
from robot_learning.replay.step import Float32
from robot_learning.training.environments import (
    Environment,
    Observed,
    begin_episode,
    claim_doubt,
    episode_seed,
)
from robot_learning.training.exploration import Exploration
from robot_learning.training.learner import Learner
from robot_learning.training.take_step import take_step

ACTOR_ID = "in-process"
TRAINING_STREAM = 0
UPDATES_AT_ONCE = 10


class Trainer:
    """Runs episodes until the learner has its steps."""

    def __init__(self, environment: Environment, learner: Learner) -> None:
        settings = learner.settings
        self._environment = environment
        self.learner = self._learner = learner
        self._exploration = Exploration(settings.spaces, settings.hyper, settings.seed)
        self._seed = settings.seed
        if "exploration" in learner.extra:
            self._exploration.restore(learner.extra["exploration"])
        self._episode = learner.next_episodes().get(ACTOR_ID, 0)
        self._step_number = learner.acknowledged().get(ACTOR_ID, 0)

    def run(
        self,
        *,
        on_step: Callable[[dict[str, float]], None] | None = None,
        on_boundary: Callable[[], None] | None = None,
    ) -> None:
        """Trains until the step goal is reached, mid-episode if need be.

        Args:
            on_step: called after each environment step with the newest metrics of the updates.
            on_boundary: called after each episode; the place to `checkpoint`.

        Raises:
            StepError: the environment gave NaN or infinity; nothing of it was learned.
            OSError: the journal cannot be written.
        """
        self._pretrain(on_step)
        while self._learner.steps < self._learner.settings.steps_goal:
            self._run_episode(on_step)
            self._learner.sync()
            if on_boundary:
                on_boundary()

    def checkpoint(self) -> None:
        """Writes a checkpoint that a later `Trainer` goes on from.

        Raises:
            FileWriteError: the checkpoint before is intact.
        """
        self._learner.checkpoint({"exploration": self._exploration.state()})

    def _pretrain(self, on_step: Callable[[dict[str, float]], None] | None) -> None:
        """Does the updates that are due before the next step, a few at a time."""
        while due := self._learner.updates_due():
            metrics = self._learner.update(min(due, UPDATES_AT_ONCE))
            if on_step:
                on_step(metrics)

    def _run_episode(self, on_step: Callable[[dict[str, float]], None] | None) -> None:
        learner = self._learner
        seed = episode_seed(self._seed, TRAINING_STREAM, self._episode)
        seen, _ = begin_episode(self._environment, seed)
        learner.policy().begin()
        over, episode_step = False, 0
        while not over and learner.steps < learner.settings.steps_goal:
            action = self._choose(seen)
            taken = take_step(
                self._environment,
                seen,
                action,
                actor_id=ACTOR_ID,
                step_number=self._step_number,
                episode=self._episode,
                episode_step=episode_step,
                policy_version=learner.updates,
            )
            step = taken.step
            if not learner.insert(step):
                raise StepError(f"step {step.step_number} was not taken: its number is not next")
            self._step_number += 1
            episode_step += 1
            metrics = learner.update(learner.updates_due())
            if on_step:
                on_step(metrics)
            seen, over = taken.after, taken.over
        self._episode += 1

    def _choose(self, seen: Observed) -> Float32:
        steps = self._learner.steps
        policy = self._learner.policy()
        if self._exploration.is_random(steps) or not policy.ready:
            return self._exploration.random_action()
        goal = seen.desired_goal if policy.goal_size else None
        action = self._exploration.explore(policy, seen.observation, goal, steps)
        claim_doubt(self._environment, policy, seen, action)
        return action
