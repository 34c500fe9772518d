"""Playing a policy: so many episodes of the same scenes in every run, and what they came to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from robot_learning.evaluation import wilson_interval
from robot_learning.files import write_atomic
from robot_learning.networks import Policy
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Choice, EpisodeEnd, EpisodePlan, Outcome
from robot_learning.training.environments import episode_seed

# Scenes of play are shared with no training and no evaluation.
PLAY_STREAM = 2


class PlayedEpisodes:
    """Scenes of a play, and what became of each."""

    stream: ClassVar[int] = PLAY_STREAM

    def __init__(
        self,
        *,
        seed: int,
        episodes: int,
        policy_version: int = 0,
        is_evaluation: bool = True,
    ) -> None:
        """Nothing is played yet.

        Args:
            seed: of the scenes.
            episodes: to play.
            policy_version: of the policy that plays, for the report.
            is_evaluation: they are the policy's alone, and nobody learns from them.
        """
        self.policy_version = policy_version
        self._is_evaluation = is_evaluation
        self.ended: list[EpisodeEnd] = []
        self._seed = seed
        self._episodes = episodes

    @property
    def done(self) -> bool:
        """True when every episode is played."""
        return len(self.ended) >= self._episodes

    def plan(self) -> EpisodePlan | str:
        """The next scene, or why there is none."""
        if self.done:
            return "all episodes are played"
        seed = episode_seed(self._seed, self.stream, len(self.ended))
        return EpisodePlan(seed, self._is_evaluation)

    def count(self, end: EpisodeEnd) -> None:
        """Takes an episode that was not given up."""
        self.ended.append(end)

    def line(self) -> str:
        """The newest episode and the rate so far, for people."""
        n, successes, (low, high) = self._success()
        return (
            f"episode {n}/{self._episodes}: {self.ended[-1].outcome.value}; "
            f"success {successes / n:.2f} (n = {n}, 95 % {low:.2f} to {high:.2f})"
        )

    def write(self, folder: Path, contract_sha256: str) -> None:
        """Writes `evaluation.json` into `folder`, which is made if it does not exist."""
        n, successes, interval = self._success()
        returns = [end.episode_return for end in self.ended]
        result: dict[str, Any] = {
            "n": n,
            "mean_return": float(np.mean(returns)),
            "std_return": float(np.std(returns)),
            "success_rate": successes / n,
            "wilson95": list(interval),
            "contract": contract_sha256,
            "policy_version": self.policy_version,
        }
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / "evaluation.json", (json.dumps(result) + "\n").encode())

    def _success(self) -> tuple[int, int, tuple[float, float]]:
        n = len(self.ended)
        successes = sum(end.outcome is Outcome.SUCCESS for end in self.ended)
        return n, successes, wilson_interval(successes, n)


class Play(PlayedEpisodes):
    """An actor's program for a policy that does not change."""

    def __init__(
        self, policy: Policy, *, seed: int, episodes: int, is_evaluation: bool = True
    ) -> None:
        super().__init__(
            seed=seed,
            episodes=episodes,
            policy_version=policy.version,
            is_evaluation=is_evaluation,
        )
        self.policy = policy

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """The policy's action."""
        wanted = goal if goal.size else None
        action = self.policy.act(observation, wanted)
        return Choice.of(self.policy, observation, wanted, action)
