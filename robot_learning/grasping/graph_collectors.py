"""Robots that are reached by messages, as a run's `Collectors`: orders out, episodes in.

An episode is written to an inbox of one file each before it is acknowledged, and leaves the inbox
once the run's own log has it. Killed at any moment, the learner finds it in one of the two.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.log import UNREADABLE, GraspLog, LogError, from_bytes
from robot_learning.grasping.orders import Wanted
from robot_learning.grasping.policy import GraspPolicy
from robot_learning.grasping.world import GraspSpaces

_RECEIPTS = 64  # of the episodes last received, said with every order


class DeliveryError(ValueError):
    """An episode came that cannot be taken. One line says why."""


class GraphCollectors:
    """One or more actors elsewhere; its methods are called from the run's thread and the node's.

    Attributes:
        capacity: episodes that may be asked for at a time: one is made while one is on its way.
        duplicates: episodes that came again and were not taken twice.
    """

    capacity = 2

    def __init__(self, spaces: GraspSpaces, log: GraspLog, inbox: GraspLog, episodes: int) -> None:
        """Finds what came before.

        Args:
            spaces: of the episodes.
            log: of the run.
            inbox: where episodes wait until the log has them.
            episodes: of the run: no seed from here on is wanted.

        Raises:
            OSError: the folders cannot be read or changed.
        """
        self._spaces, self._log, self._inbox, self._episodes = spaces, log, inbox, episodes
        self._changed = threading.Condition()
        self._wanted: OrderedDict[int, bool] = OrderedDict()
        self._arrived: list[GraspEpisode] = []
        self._receipts: deque[int] = deque(maxlen=_RECEIPTS)
        self._logged: set[int] = set()
        self._shards = 0
        self._policy: tuple[int, bytes] | None = None
        self.duplicates = 0
        self._waiting: dict[int, GraspEpisode] = {}  # on disk, not yet asked for
        for episode in inbox.episodes():
            self._waiting[episode.seed] = episode
        self._held = set(self._waiting)  # seeds in the inbox
        self._tidy()

    # The run's side.

    def take_policy(self, policy: GraspPolicy) -> None:
        """Acts by this policy from now on, where a policy is asked for."""
        data = policy.to_bytes()
        with self._changed:
            self._policy = (self._policy[0] + 1 if self._policy else 1), data

    def ask(self, seed: int, by_policy: bool) -> None:
        """Asks for an episode, by the policy instead of the script."""
        with self._changed:
            self._tidy()
            if seed in self._waiting:
                self._arrived.append(self._waiting.pop(seed))
            else:
                self._wanted[seed] = by_policy

    def finished(self, wait_s: float) -> list[GraspEpisode]:
        """Episodes that came since the last call; waits for one for about so long."""
        with self._changed:
            if not self._arrived and wait_s:
                self._changed.wait(wait_s)
            arrived, self._arrived = self._arrived, []
        return arrived

    def close(self) -> None:
        """Wants nothing more, and empties the inbox of what the log has."""
        with self._changed:
            self._wanted.clear()
            self._tidy()

    # The graph's side.

    def order(self) -> tuple[list[Wanted], list[int]]:
        """What is wanted, and what was last received and is on disk."""
        with self._changed:
            wanted = [Wanted(seed, by_policy) for seed, by_policy in self._wanted.items()]
            return wanted, list(self._receipts)

    def policy(self) -> tuple[int, bytes] | None:
        """The newest policy's version and bytes; None before the first."""
        with self._changed:
            return self._policy

    def deliver(self, seed: int, data: bytes) -> None:
        """Takes an episode that was made elsewhere; when this returns, it is on disk.

        Args:
            seed: as it was asked for.
            data: a shard of the log with the one episode.

        Raises:
            DeliveryError: it is damaged, of another contract or of no seed of this run.
            OSError: the disk is full or the like; it was not taken.
        """
        with self._changed:
            if seed in self._logged or seed in self._held:
                self.duplicates += 1
            else:
                episode = self._read(seed, data)
                self._inbox.write([episode], seed)
                self._held.add(seed)
                if self._wanted.pop(seed, None) is None:
                    self._waiting[seed] = episode  # asked for by a learner that was killed since
                else:
                    self._arrived.append(episode)
                    self._changed.notify()
            if seed not in self._receipts:
                self._receipts.append(seed)

    def _read(self, seed: int, data: bytes) -> GraspEpisode:
        if not 0 <= seed < self._episodes:
            raise DeliveryError(f"an episode of seed {seed}; this run's are below {self._episodes}")
        try:
            episodes = from_bytes(data, self._spaces.sha256)
        except LogError as error:
            raise DeliveryError(f"an episode {error}") from None
        except UNREADABLE as error:
            raise DeliveryError(f"an episode is damaged: {error or type(error).__name__}") from None
        if len(episodes) != 1 or episodes[0].seed != seed:
            raise DeliveryError(f"{len(episodes)} episodes came as the one of seed {seed}")
        episode, spaces = episodes[0], self._spaces
        shapes = (episode.images.shape[1:], episode.states.shape[1], episode.actions.shape[1])
        size_px = spaces.size_px
        expected = ((size_px, size_px, 3), spaces.state_size, spaces.action_size)
        if shapes != expected or len(episode) > spaces.steps_max:
            raise DeliveryError(
                f"an episode of {len(episode)} steps has sizes {shapes}; the contract's are "
                f"{expected} in at most {spaces.steps_max}"
            )
        return episode

    def _tidy(self) -> None:
        """Takes out of the inbox what the log has."""
        numbers = self._log.numbers()
        if len(numbers) == self._shards:
            return
        for number in numbers[self._shards :]:
            self._logged.update(self._log.seeds(number))
        self._shards = len(numbers)
        for seed in self._held & self._logged:
            self._inbox.drop(seed)
            self._held.discard(seed)
            self._waiting.pop(seed, None)
