"""Demonstrations to learn from: a journal of steps, or a store of recorded episodes."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robot_learning.demonstrations.bag_reader import BagError
from robot_learning.demonstrations.message_codec import CodecError
from robot_learning.demonstrations.store import Store
from robot_learning.replay import JournalError, Step, StepError, check_step, read_steps
from robot_learning.replay.dataset import Dataset
from robot_learning.replay.journal_format import Scan
from robot_learning.replay.step import Float32

if TYPE_CHECKING:
    # It brings torch, which takes seconds to import.
    from robot_learning.algorithms.base import Spaces

_Read = tuple[tuple[tuple[Step, ...], ...], str, str]
"""Episodes, a hash of the bytes, and the hash of the contract, empty without one."""
NOT_LEARNED_FROM = ("aborted", "discarded")


class DemonstrationsError(ValueError):
    """The file cannot be learned from. One line says why, and what to do."""


@dataclass(frozen=True)
class Demonstrations:
    """Whole episodes, successful and failed.

    Attributes:
        episodes: steps of each, in order.
        sha256: of the file or files, so that a run is only resumed with the same.
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
    """Reads every step of a journal, or of the recorded episodes in a store's folder.

    An episode of a journal that was torn off is one that was cut. Of a store, those that were
    aborted or discarded are left out; failures are data.

    Args:
        path: of the file or folder.
        spaces: sizes that every step must have.
        contract_sha256: of the run's contract, where it has one: they must be of the same.

    Raises:
        DemonstrationsError: it cannot be read, holds nothing to learn from, or does not fit
            `spaces` or the contract.
    """
    episodes, digest, made_for = _of_store(path) if path.is_dir() else _of_journal(path)
    if contract_sha256 and made_for != contract_sha256:
        what = f"contract {made_for[:12]}" if made_for else "no contract"
        raise DemonstrationsError(
            f"{path}: was recorded under {what}, this run's is {contract_sha256[:12]}; record "
            "again with the same robot and task: robot-learning demonstrate TASK, or "
            "launch/record_demos.launch.xml"
        )
    try:
        for step in itertools.chain(*episodes):
            check_step(step, spaces.observation_size, spaces.goal_size, spaces.action_size)
    except StepError as error:
        raise DemonstrationsError(f"{path}: {error}") from None
    return Demonstrations(episodes, digest)


def _of_journal(path: Path) -> _Read:
    try:
        scan = Scan(path)
        next(iter(scan), None)
        made_for = scan.header.contract_sha256 if scan.header else ""
        steps = [step for _, step in read_steps(path) if not step.is_evaluation]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DemonstrationsError(f"{path}: cannot be read: {error.strerror}") from None
    except JournalError as error:
        raise DemonstrationsError(str(error)) from None
    if not steps:
        raise DemonstrationsError(f"{path}: holds no steps; record some with `demonstrate`")
    actors: dict[tuple[str, int], list[Step]] = {}
    for step in steps:
        actors.setdefault((step.actor_id, step.episode), []).append(step)
    return tuple(map(tuple, actors.values())), digest, made_for


def _of_store(path: Path) -> _Read:
    store, digest = Store(path), hashlib.sha256()
    episodes = []
    contracts: set[str] = set()
    for file in store.whole():
        try:
            episode, summary = store.read(file)
        except (BagError, CodecError, OSError) as error:
            raise DemonstrationsError(str(error)) from None
        steps = tuple(step for step in episode.steps if not step.is_evaluation)
        if steps and summary.outcome not in NOT_LEARNED_FROM:
            digest.update(file.read_bytes())
            episodes.append(steps)
            contracts |= episode.step_contracts
    if len(contracts) > 1:
        raise DemonstrationsError(
            f"{path}: its episodes are of {len(contracts)} contracts, whose numbers mean different "
            "things; keep those of each in a folder of their own"
        )
    if not episodes:
        raise DemonstrationsError(
            f"{path}: holds no episodes to learn from (aborted, discarded and evaluation episodes "
            "are left out); robot-learning episodes list shows what there is"
        )
    return tuple(episodes), digest.hexdigest(), contracts.pop() if contracts else ""
