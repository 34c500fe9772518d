"""What learns from episodes: replay, labels, updates, each as often as the settings say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.policy import GraspPolicy, policy_of
from robot_learning.grasping.qt_opt import GraspQTOpt, under
from robot_learning.grasping.search import eye_of
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.workers import Labellers
from robot_learning.grasping.world import GraspSpaces
from robot_learning.replay.images import ImageReplay
from robot_learning.replay.labelled import LabelledBuffer, Labels
from robot_learning.replay.ring import Int64

LABEL_BATCH = 64
"""Transitions that are labelled at once."""
_FEW_FRAMES = 5_000  # of the run's own: with fewer, each would be learned from too often
_LABELS_AHEAD_UPDATES = 50  # sooner they would be old before their turn comes
HAND_OUT_UPDATES = 50
"""Updates between two sets of weights for labellers elsewhere."""


@dataclass(frozen=True, slots=True)
class GraspCounts:
    """What was done since the run began.

    Attributes:
        episodes: collected or read from a log.
        steps: transitions of them.
        labelled: labels made; a transition may get several, one after the other.
        updates: gradient steps.
        trained: labels that these learned from.
    """

    episodes: int
    steps: int
    labelled: int
    updates: int
    trained: int


class GraspLearner:
    """Takes episodes and keeps its labels and updates in step with them.

    Attributes:
        algorithm: what is learned.
        held_back: updates that are due, and yet to wait.
        done: share of the run that is done, 0 to 1.
    """

    def __init__(
        self,
        spaces: GraspSpaces,
        hyper: GraspHyperParameters,
        folder: Path,
        seed: int,
        episodes_max: int | None = None,
    ) -> None:
        """Begins with an empty replay.

        Args:
            spaces: what is seen and done.
            hyper: how to learn.
            folder: for the replay's file, which is made anew.
            seed: of everything random.
            episodes_max: there will be no more: the replay's file need not be larger.

        Raises:
            OSError: the disk has no room for the replay.
        """
        torch.set_num_threads(1)
        self._hyper = hyper
        self.algorithm = GraspQTOpt(hyper, spaces, seed)
        self._rng = np.random.default_rng([seed, 2])
        path = folder / "replay.frames"
        path.unlink(missing_ok=True)
        self._eye = eye_of(hyper, spaces)
        shape = (spaces.size_px, spaces.size_px, self._eye.channels)
        capacity = hyper.replay_capacity
        if episodes_max is not None:
            capacity = min(capacity, max(1, episodes_max) * (spaces.steps_max + 1))
        self.replay = ImageReplay(
            path,
            capacity,
            shape,
            spaces.state_size,
            spaces.action_size,
        )
        self._labels = LabelledBuffer(hyper.label_capacity, hyper.label_age_max)
        self._episodes = self._steps = self._labelled = self._trained = 0
        self._outstanding = 0  # batches at the labellers
        self._handed_out = -1  # updates when they last got weights
        self._own = 0  # position of the first frame that is of no log
        self.held_back = 0
        self.done = 0.0

    @property
    def counts(self) -> GraspCounts:
        """What was done so far."""
        updates = self.algorithm.updates
        return GraspCounts(self._episodes, self._steps, self._labelled, updates, self._trained)

    @property
    def due(self) -> int:
        """Updates for the steps that are there."""
        return int(self._steps * self._hyper.updates_per_step)

    @property
    def behind(self) -> int:
        """Updates that are due, not held back, and not done."""
        return max(0, self.due - self.held_back - self.algorithm.updates)

    @property
    def waiting(self) -> bool:
        """Whether labels are still being made."""
        return self._outstanding > 0

    def add(self, episode: GraspEpisode) -> None:
        """Takes an episode."""
        episode.add_to(self.replay, self._hyper.gamma, self._eye)
        self._episodes += 1
        self._steps += len(episode)

    def end_of_logs(self) -> None:
        """What is added from now on is the run's own."""
        self._own = self.replay.count

    def work(self, labellers: Labellers, updates_max: int) -> tuple[dict[str, float], bool]:
        """Asks for the labels that are due, takes those that are there, and learns from them.

        Args:
            labellers: who makes them.
            updates_max: at most so many updates, so that others get their turn.

        Returns:
            The means of the updates' figures, and whether more can be done at once.
        """
        sums: dict[str, float] = {}
        done = 0
        while done < updates_max:
            asked = self._ask(labellers)
            made = labellers.finished()
            for labelled in made:
                self._labels.add(Labels(labelled.positions, labelled.targets), labelled.version)
                self._labelled += len(labelled.positions)
                self._outstanding -= 1
            updating = self._update_due()
            if updating:
                for name, value in self._update().items():
                    sums[name] = sums.get(name, 0.0) + value
                done += 1
                self._hand_out(labellers)
            if not (asked or made or updating):
                break
        return {name: total / done for name, total in sums.items()}, done == updates_max

    def _ask(self, labellers: Labellers) -> bool:
        if self._handed_out < 0:
            self._hand_out(labellers)
        asked = False
        while self._outstanding < labellers.capacity:
            promised = self._labelled + self._outstanding * LABEL_BATCH
            if self._labels_due() - promised < LABEL_BATCH:
                break
            positions = self._draw(LABEL_BATCH)
            labellers.ask(positions, self.replay.take(positions))
            self._outstanding += 1
            asked = True
        return asked

    def _labels_due(self) -> int:
        """For the steps that are there, in step with the updates that learn from them."""
        hyper = self._hyper
        steps = float(self._steps)
        if hyper.updates_per_step:
            steps -= self.held_back / hyper.updates_per_step
            ahead = self.algorithm.updates + _LABELS_AHEAD_UPDATES
            steps = min(steps, ahead / hyper.updates_per_step)
        return int(steps * hyper.labels_per_step)

    def _draw(self, size: int) -> Int64:
        """Positions of transitions to label, as `online_share` says."""
        own = self.replay.count - self._own
        if not self._own or own < LABEL_BATCH:
            return self.replay.draw(size, self._rng)
        online = round(size * self._hyper.online_share * min(1.0, own / _FEW_FRAMES))
        mine = self.replay.draw(online, self._rng, since=self._own)
        return np.concatenate([mine, self.replay.draw(size - online, self._rng)])

    def _hand_out(self, labellers: Labellers) -> None:
        """Gives the labellers new weights now and then."""
        if self._handed_out < 0 or self.algorithm.updates - self._handed_out >= HAND_OUT_UPDATES:
            labellers.take_weights(self.algorithm)
            self._handed_out = self.algorithm.updates

    def _update_due(self) -> bool:
        return (
            bool(self.behind)
            and self._labels.fresh(self.algorithm.updates) >= self._hyper.batch_size
        )

    def _update(self) -> dict[str, float]:
        version = self.algorithm.updates
        labels = self._labels.sample(self._hyper.batch_size, version, self._rng)
        there = self.replay.holds(labels.positions)  # a full ring forgets labelled ones too
        positions, targets = labels.positions[there], labels.targets[there]
        self._trained += len(positions)
        self.algorithm.anneal(self.done)
        metrics = self.algorithm.update(self.replay.take(positions), targets)
        return metrics | {"label_age": self._labels.mean_age(version)}

    def state_dict(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and plain values of everything but the episodes, which are in the log."""
        tensors = self.algorithm.state_dict()
        labels = self._labels.state_dict()
        tensors |= {f"labels.{name}": torch.from_numpy(array) for name, array in labels.items()}
        counts = asdict(self.counts)
        return tensors, {"counts": counts, "sampling": self._rng.bit_generator.state}

    def load_state_dict(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave, after its episodes were added in their order."""
        self.algorithm.load_state_dict(tensors)
        labels = under(tensors, "labels")
        self._labels.load_state_dict({name: tensor.numpy() for name, tensor in labels.items()})
        self._labelled = int(values["counts"]["labelled"])
        self._trained = int(values["counts"]["trained"])
        self._rng.bit_generator.state = values["sampling"]

    def policy(self) -> GraspPolicy:
        """What it has learned so far; later learning does not change it."""
        return policy_of(self.algorithm)

    def close(self) -> None:
        """Closes the replay's file."""
        self.replay.close()
