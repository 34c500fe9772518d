"""Demonstrations in a file: a journal of steps, as runs write one themselves."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robot_learning.algorithms.base import Spaces
from robot_learning.replay import JournalError, Step, StepError, check_step, read_steps
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.journal_format import Scan
from robot_learning.replay.step import Float32


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


def read_demonstrations(path: Path, spaces: Spaces, contract_sha256: str = "") -> Demonstrations:
    """Reads every step of a journal; an episode that was torn off is one that was cut.

    Args:
        path: of the file.
        spaces: sizes that every step must have.
        contract_sha256: of the run's contract, where it has one: the file must be of the same.

    Raises:
        DemonstrationsError: it cannot be read, is no journal, is empty, or does not fit.
    """
    try:
        scan = Scan(path)
        next(iter(scan), None)
        made_for = scan.header.contract_sha256 if scan.header else ""
        if contract_sha256 and made_for != contract_sha256:
            what = f"contract {made_for[:12]}" if made_for else "no contract"
            raise DemonstrationsError(
                f"{path}: was recorded under {what}, this run's is {contract_sha256[:12]}; record "
                "again with the same robot and task: robot-learning demonstrate TASK"
            )
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
