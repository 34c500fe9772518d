"""Plays an expert in an environment and writes what it did to a file of demonstrations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from robot_learning.evaluation import wilson_interval
from robot_learning.replay import Journal, JournalHeader, Step
from robot_learning.replay.step import Float32
from robot_learning.training.environments import (
    Environment,
    begin_episode,
    episode_seed,
    spaces_of,
)
from robot_learning.training.take_step import take_step

ACTOR_ID = "expert"
DEMONSTRATION_STREAM = 3  # training, evaluation and judging never see these episodes


class Expert(Protocol):
    """Whoever can be asked what to do."""

    def act(self, observation: Float32, goal: Float32 | None = None) -> Float32:
        """The action for one observation, in the environment's units."""


@runtime_checkable
class Fallible(Expert, Protocol):
    """An expert that can be wrong on purpose."""

    def failing(self, rng: np.random.Generator) -> Expert:
        """One like it that fails, in a way that the generator draws."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written.

    Attributes:
        episodes: how many.
        steps: of all of them.
        failures_asked: episodes that were to fail.
        successes: episodes that ended in success.
        mean_return: of all episodes.
    """

    episodes: int
    steps: int
    failures_asked: int
    successes: int
    mean_return: float

    def as_json(self) -> dict[str, Any]:
        """Plain values; the rate of success with its Wilson 95 % interval."""
        return {
            "n": self.episodes,
            "steps": self.steps,
            "failures_asked": self.failures_asked,
            "success_rate": self.successes / self.episodes,
            "wilson95": list(wilson_interval(self.successes, self.episodes)),
            "mean_return": self.mean_return,
        }


def record_demonstrations(
    environment: Environment,
    expert: Expert,
    path: Path,
    *,
    episodes: int,
    seed: int,
    noise_std: float = 0.0,
    failure_share: float = 0.0,
    contract_sha256: str = "",
    on_episode: Callable[[], None] | None = None,
) -> Recorded:
    """Writes a new file of whole episodes.

    Args:
        environment: to play in.
        expert: to play.
        path: of the file, which must not exist.
        episodes: how many.
        seed: of episodes, noise, and which of them fail.
        noise_std: Gaussian noise on every action, in units of [-1, 1].
        failure_share: of the episodes in which the expert works well towards the wrong thing: one
            that is `Fallible` knows how; another is told another episode's goal.
        contract_sha256: under which it is played, for the file's header.
        on_episode: called after each.

    Raises:
        FileExistsError: there is a file.
        ValueError: failures are asked for of an expert that is not `Fallible`, without goals.
        EnvironmentRefusedError: the environment's spaces are of a kind not learned on here.
        StepError: an observation is not finite.
        OSError: the file cannot be written.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists; choose another --out")
    spaces = spaces_of(environment)
    if failure_share and not (spaces.goal_size or isinstance(expert, Fallible)):
        raise ValueError("deliberate failures need goals, or an expert that knows how to fail")
    rng = np.random.default_rng([seed, DEMONSTRATION_STREAM])
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside: a file that is there is whole, also when the recording was stopped.
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    header = JournalHeader(
        spaces.observation_size, spaces.goal_size, spaces.action_size, contract_sha256
    )
    failing = set(rng.permutation(episodes)[: round(failure_share * episodes)].tolist())
    steps = successes = 0
    total = 0.0
    with Journal(beside, header) as journal:
        for episode in range(episodes):
            number = episode_seed(seed, DEMONSTRATION_STREAM, episode)
            misled, player = None, expert
            if episode in failing and isinstance(expert, Fallible):
                player = expert.failing(np.random.default_rng([number, DEMONSTRATION_STREAM]))
            elif episode in failing:
                # A goal that this environment could have set: that of an episode never recorded.
                other = episode_seed(seed, DEMONSTRATION_STREAM, episodes + episode)
                misled = begin_episode(environment, other)[0].desired_goal
            played = _play(environment, player, number, episode, steps, noise_std, misled, rng)
            journal.append(played)
            steps += len(played)
            successes += played[-1].success
            total += sum(step.reward for step in played)
            if on_episode:
                on_episode()
        journal.flush_and_fsync()
    beside.replace(path)
    return Recorded(episodes, steps, len(failing), successes, total / episodes)


def _play(
    environment: Environment,
    expert: Expert,
    seed: int,
    episode: int,
    first_number: int,
    noise_std: float,
    misled: Float32 | None,
    rng: np.random.Generator,
) -> list[Step]:
    spaces = spaces_of(environment)
    low, high = np.array(spaces.action_low), np.array(spaces.action_high)
    played: list[Step] = []
    (seen, _), over = begin_episode(environment, seed), False
    while not over:
        goal = seen.desired_goal if misled is None else misled
        chosen = np.asarray(expert.act(seen.observation, goal if goal.size else None), np.float32)
        action = chosen
        if noise_std and not spaces.choices:
            noise = rng.standard_normal(chosen.size) * noise_std * (high - low) / 2
            action = np.clip(chosen + noise, low, high).astype(np.float32)
        taken = take_step(
            environment,
            seen,
            action,
            requested=chosen,
            actor_id=ACTOR_ID,
            step_number=first_number + len(played),
            episode=episode,
            episode_step=len(played),
            is_intervention=True,
        )
        played.append(taken.step)
        seen, over = taken.after, taken.over
    return played
