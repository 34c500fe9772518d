"""Chooses a replay by the hyper-parameters, and fills in what was demonstrated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from robot_learning.algorithms.base import ReplayHyperParameters, Spaces
from robot_learning.replay import (
    NStep,
    Priorities,
    PrioritisedReplay,
    Replay,
    ReplayBuffer,
    RewardFunction,
    Step,
    SymmetricReplay,
)

Episodes = Sequence[Sequence[Step]]

# Steps of people who act while a run goes on: half an hour at 20 Hz. Memory is taken as they come.
INTERVENTIONS_MAX = 40_000


def make_replay(
    hyper: ReplayHyperParameters,
    spaces: Spaces,
    compute_reward: RewardFunction | None = None,
    demonstrations: Episodes = (),
) -> Replay:
    """An empty replay but for the demonstrations, which stay for ever, as interventions will.

    Args:
        hyper: says which.
        spaces: sizes of the rows.
        compute_reward: needed for hindsight.
        demonstrations: whole episodes.

    Raises:
        ValueError: hindsight without goals or reward function.
    """

    def buffer(capacity: int, shown: Episodes, shown_capacity: int) -> Replay:
        retained = sum(map(len, shown))
        sizes = (spaces.observation_size, spaces.goal_size, spaces.action_size)
        options: dict[str, Any] = {
            "hindsight_per_transition": hyper.hindsight_per_transition,
            "compute_reward": compute_reward,
            "n_step": NStep(hyper.n_step, hyper.n_step_share, hyper.gamma)
            if hyper.n_step > 1
            else None,
            "retained": retained,
            "shown_capacity": shown_capacity,
        }
        made: Replay
        if hyper.replay_priority == "uniform":
            made = ReplayBuffer(capacity, *sizes, **options)
        else:
            made = PrioritisedReplay(capacity, *sizes, priorities=_priorities(hyper), **options)
        for episode in shown:
            executed = np.stack([step.executed_action for step in episode])
            made.add(episode, spaces.normalise_action(executed))
        return made

    if hyper.demonstration_share:
        online = buffer(hyper.replay_capacity, (), 0)
        shown = buffer(0, demonstrations, INTERVENTIONS_MAX)
        return SymmetricReplay(online, shown, hyper.demonstration_share)
    return buffer(hyper.replay_capacity, demonstrations, INTERVENTIONS_MAX)


def needs_whole_episodes(hyper: ReplayHyperParameters) -> bool:
    """Rows look ahead in their episode, so it must be there in one piece."""
    return hyper.hindsight_per_transition > 0 or hyper.n_step > 1


def _priorities(hyper: ReplayHyperParameters) -> Priorities:
    return Priorities(
        exponent=hyper.priority_exponent,
        correction=hyper.priority_correction,
        correction_batches=hyper.priority_correction_updates,
        epsilon=hyper.priority_epsilon,
        demonstration_bonus=hyper.demonstration_bonus,
    )
