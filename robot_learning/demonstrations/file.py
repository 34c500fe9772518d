"""Demonstrations in a file: a journal of steps, as runs write one themselves."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robot_learning.replay import JournalError, Step, StepError, check_step, read_steps
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.step import Float32

if TYPE_CHECKING:
    # It brings torch, which takes seconds to import.
    from robot_learning.algorithms.base import Spaces


class DemonstrationsError(ValueError):
    """The file cannot be learned from. One line says why, and what to do."""


@dataclass(frozen=True)
class Demonstrations:
    """Whole episodes, successful and failed.

    Attributes:
        episodes: steps of each, in order.
        sha256: of the file, so that a run is only resumed with the same.
    """

    episodes: tuple[tuple[Step, ...], ...]
    sha256: str

    def __len__(self) -> int:
        """Steps."""
        return sum(map(len, self.episodes))

    @property
    def successes(self) -> int:
        """Episodes that ended in success."""
        return sum(episode[-1].success for episode in self.episodes)

    def inputs(self) -> Float32:
        """Observation and desired goal at every o, shape (n, o + g)."""
        steps = itertools.chain(*self.episodes)
        return np.stack([np.concatenate((s.observation, s.desired_goal)) for s in steps])

    def dataset(self, spaces: Spaces) -> Dataset:
        """Every step, with the action that was executed."""
        return Dataset.of(list(itertools.chain(*self.episodes)), spaces.normalise_action)


def read_demonstrations(path: Path, spaces: Spaces) -> Demonstrations:
    """Reads every step of a journal; an episode that was torn off is one that was cut.

    Raises:
        DemonstrationsError: it cannot be read, is no journal, is empty, or does not fit `spaces`.
    """
    try:
        steps = [step for _, step in read_steps(path) if not step.is_evaluation]
        for step in steps:
            check_step(step, spaces.observation_size, spaces.goal_size, spaces.action_size)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DemonstrationsError(f"{path}: cannot be read: {error.strerror}") from None
    except JournalError as error:
        raise DemonstrationsError(str(error)) from None
    except StepError as error:
        raise DemonstrationsError(f"{path}: {error}") from None
    if not steps:
        raise DemonstrationsError(f"{path}: holds no steps; record some with `demonstrate`")
    actors: dict[tuple[str, int], list[Step]] = {}
    for step in steps:
        actors.setdefault((step.actor_id, step.episode), []).append(step)
    return Demonstrations(tuple(map(tuple, actors.values())), digest)
