"""The loop of imitation: gather with the expert, fit, judge; and once more.

A round plays episodes in which at every step the expert acts with the round's share (beta) and
the newest policy otherwise, while the expert says what it would have done; then everything
gathered so far is fitted. Behaviour cloning is one round with the expert at the wheel, or none
where a file of demonstrations is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from robot_learning.algorithms.imitation import Expert
from robot_learning.networks import Policy
from robot_learning.replay import Step, StepError
from robot_learning.replay.step import Float32
from robot_learning.training.environments import (
    Environment,
    begin_episode,
    episode_seed,
    flat,
)
from robot_learning.training.imitation_learner import ACTOR_ID, ImitationLearner
from robot_learning.training.take_step import take_step

GATHERING_STREAM, JUDGING_STREAM = 0, 2
OnStep = Callable[[dict[str, float]], None]


class ImitationTrainer:
    """Runs the rounds of an imitation method.

    Attributes:
        learner: keeps what was gathered, and the method.
    """

    def __init__(
        self, environment: Environment, learner: ImitationLearner, expert: Expert | None
    ) -> None:
        """Takes over environment and learner; `expert`: see `find_expert`."""
        self.learner = learner
        self._environment = environment
        self._expert = expert
        self._goal = learner.settings.steps_goal

    def run(
        self, *, on_step: OnStep | None = None, on_boundary: Callable[[], None] | None = None
    ) -> None:
        """Gathers and fits until the rounds are done, or the step goal is reached.

        Args:
            on_step: called after each step and each pass over the data, with newest metrics.
            on_boundary: called after each gathered episode and each fit; the place to
                `checkpoint`.

        Raises:
            StepError: environment or expert gave NaN or infinity; nothing of it was learned.
            OSError: the journal cannot be written.
        """
        on_step = on_step or (lambda _: None)
        on_boundary = on_boundary or (lambda: None)
        learner = self.learner
        for number in range(learner.rounds, learner.algorithm.rounds):
            if number and learner.steps >= self._goal:
                break
            self._gather(number, on_step, on_boundary)
            figures = learner.fit(on_step)
            figures |= self._judge(number, on_step)
            learner.rounds += 1
            on_step(figures | {"round": float(learner.rounds)})
            on_boundary()
        learner.finish()

    def checkpoint(self) -> None:
        """Writes a checkpoint that a later trainer goes on from.

        Raises:
            FileWriteError: the checkpoint before is intact.
        """
        self.learner.checkpoint()

    def _gather(self, number: int, on_step: OnStep, on_boundary: Callable[[], None]) -> None:
        learner, method = self.learner, self.learner.algorithm
        share = method.expert_share(number) if self._expert else 0.0
        if number == 0 and learner.settings.demonstrations:
            return  # they are what this round would have gathered
        wanted = method.episodes(number, alone=share == 0.0)
        while learner.episodes_of_round < wanted and learner.steps < self._goal:
            learner.insert(self._play(learner.episodes, share, on_step))
            on_boundary()

    def _judge(self, number: int, on_step: OnStep) -> dict[str, float]:
        """Episodes of the newest policy alone; the expert only says what it would have done."""
        count = self.learner.algorithm.validation_episodes
        if not count:
            return {}
        steps: list[Step] = []
        for episode in range(number * count, (number + 1) * count):
            steps += self._play(episode, 0.0, on_step, judged=True)
        return self.learner.judge(steps)

    def _play(
        self, episode: int, share: float, on_step: OnStep, *, judged: bool = False
    ) -> list[Step]:
        """One episode, cut off where training steps reach their goal."""
        learner, spaces = self.learner, self.learner.settings.spaces
        stream = JUDGING_STREAM if judged else GATHERING_STREAM
        seed = episode_seed(learner.settings.seed, stream, episode)
        rng = np.random.default_rng([seed, 1])
        left = None if judged else self._goal - learner.steps
        seen, info = begin_episode(self._environment, seed)
        if isinstance(self._expert, Policy):
            self._expert.begin()  # a planner goes on from its last plan within an episode only
        over, steps = False, list[Step]()
        while not over and (left is None or len(steps) < left):
            asked = self._ask(seen.observation, seen.desired_goal, info)
            expert_acts = asked is not None and rng.random() < share
            if asked is not None and expert_acts:
                action = asked
            else:
                inputs = np.concatenate((seen.observation, seen.desired_goal))
                chosen = learner.algorithm.act(inputs[None], learner.algorithm.learns_alone)
                action = spaces.to_environment(chosen[0])
            if not np.isfinite(action).all():
                raise StepError(f"episode {episode}, step {len(steps)}: the action is {action}")
            taken = take_step(
                self._environment,
                seen,
                action,
                requested=asked,
                actor_id=ACTOR_ID,
                step_number=learner.steps + len(steps),
                episode=episode,
                episode_step=len(steps),
                is_evaluation=judged,
                is_intervention=expert_acts,
                policy_version=learner.updates,
            )
            steps.append(taken.step)
            on_step({})
            seen, over, info = taken.after, taken.over, taken.info
        return steps

    def _ask(self, observation: Float32, goal: Float32, info: Mapping[str, Any]) -> Float32 | None:
        """What the expert would do; None where there is none."""
        if self._expert is None:
            return None
        if key := self.learner.algorithm.expert_sees:
            if key not in info:
                raise StepError(
                    f"the environment's info has no {key!r}, which the teacher acts on; "
                    "wrap it in robot_learning.envs.sensors.Sensors"
                )
            observation = flat(info[key])
        return flat(self._expert.act(observation, goal if len(goal) else None))
