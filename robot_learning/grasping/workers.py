"""Who collects and who labels: in this process by default. Others may do it at the same time.

Both are asked and give back what is finished, so that one robot in this process and many of them
elsewhere look alike to the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from robot_learning.grasping.collect import collect_episode
from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.exploring import NoisyGrasper
from robot_learning.grasping.policy import GraspPolicy
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.script import Grasper
from robot_learning.grasping.world import World
from robot_learning.replay.images import ImageBatch
from robot_learning.replay.ring import Int64
from robot_learning.replay.step import Float32


@dataclass(frozen=True, slots=True)
class Exploration:
    """How a policy explores.

    Attributes:
        random_share: of random actions.
        noise: standard deviation added to the motions of the others.
    """

    random_share: float = 0.02
    noise: float = 0.1


class Labelled(NamedTuple):
    """Targets of one batch.

    Attributes:
        positions: of the transitions in the replay, shape (n,).
        targets: of them, shape (n,).
        version: updates that the labelling networks had seen.
    """

    positions: Int64
    targets: Float32
    version: int


class Collectors(Protocol):
    """Robots that try to grasp.

    Attributes:
        capacity: episodes that may be asked for at a time.
    """

    capacity: int

    def take_policy(self, policy: GraspPolicy) -> None:
        """Acts by this policy from now on, where a policy is asked for."""
        ...

    def ask(self, seed: int, by_policy: bool) -> None:
        """Asks for an episode, by the policy instead of the script."""
        ...

    def finished(self, wait_s: float) -> list[GraspEpisode]:
        """Episodes that were finished since the last call; waits for one for about so long.

        With 0 it does not wait, and a robot in this process does not begin.
        """
        ...

    def close(self) -> None:
        """Ends the robots."""
        ...


class Labellers(Protocol):
    """Bellman updaters.

    Attributes:
        capacity: batches that may be asked for at a time.
    """

    capacity: int

    def take_weights(self, algorithm: GraspQTOpt) -> None:
        """Labels with the slow networks of this learner from now on."""
        ...

    def ask(self, positions: Int64, batch: ImageBatch) -> None:
        """Asks for the targets of a batch."""
        ...

    def finished(self) -> list[Labelled]:
        """Batches that were finished, in the order in which they were asked for."""
        ...

    def close(self) -> None:
        """Ends the updaters."""
        ...


class Graspers:
    """Who acts in an episode: the script, or the newest policy, which explores."""

    def __init__(self, world: World, exploration: Exploration) -> None:
        """Begins with the script alone."""
        self._script, self._explore = world.script(), world.explore()
        self._exploration = exploration
        self._noisy: NoisyGrasper | None = None

    def take_policy(self, policy: GraspPolicy) -> None:
        """Acts by this policy from now on, where a policy is asked for."""
        how = self._exploration
        self._noisy = NoisyGrasper(
            policy, self._explore, random_share=how.random_share, noise=how.noise
        )

    def choose(self, by_policy: bool) -> Grasper:
        """Who acts; the script as long as there is no policy."""
        return self._noisy if by_policy and self._noisy else self._script


class LocalCollector:
    """One robot in this process."""

    capacity = 1

    def __init__(self, world: World, exploration: Exploration) -> None:
        self._env, self._graspers = world.open("train"), Graspers(world, exploration)
        self._asked: list[tuple[int, bool]] = []

    def take_policy(self, policy: GraspPolicy) -> None:
        """Acts by this policy from now on, where a policy is asked for."""
        self._graspers.take_policy(policy)

    def ask(self, seed: int, by_policy: bool) -> None:
        """Asks for an episode, by the policy instead of the script."""
        self._asked.append((seed, by_policy))

    def finished(self, wait_s: float) -> list[GraspEpisode]:
        """Collects what was asked for, unless there is no time for it."""
        if not wait_s:
            return []
        asked, self._asked = self._asked, []
        return [self.collect(seed, by_policy) for seed, by_policy in asked]

    def collect(self, seed: int, by_policy: bool) -> GraspEpisode:
        """One episode."""
        return collect_episode(self._env, self._graspers.choose(by_policy), seed)

    def close(self) -> None:
        """Ends its robot."""
        self._env.close()


class LocalLabeller:
    """The learner itself."""

    capacity = 1

    def __init__(self) -> None:
        self._algorithm: GraspQTOpt | None = None
        self._done: list[Labelled] = []

    def take_weights(self, algorithm: GraspQTOpt) -> None:
        """Labels with the slow networks of this learner from now on."""
        self._algorithm = algorithm

    def ask(self, positions: Int64, batch: ImageBatch) -> None:
        """Labels a batch."""
        assert self._algorithm is not None, "ask() before take_weights()"
        targets = self._algorithm.targets(batch)
        self._done.append(Labelled(positions, targets, self._algorithm.updates))

    def finished(self) -> list[Labelled]:
        """What was labelled."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Nothing to end."""
