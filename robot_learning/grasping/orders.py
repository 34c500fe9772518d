"""The actor's program: which attempt comes next, who acts in it, what is not yet on disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from robot_learning.envs.robot_env import scene_seed
from robot_learning.grasping.collect import draws
from robot_learning.grasping.policy import GraspPolicy
from robot_learning.grasping.script import Grasper
from robot_learning.grasping.workers import Exploration, Graspers
from robot_learning.grasping.world import World
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Choice, EpisodePlan

RESEND_AFTER_S = 3.0
# With more episodes than this not acknowledged, no further one begins until the learner is back.
UNACKNOWLEDGED_MAX = 8

Kept = TypeVar("Kept")


class Wanted(NamedTuple):
    """An attempt that the learner asks for.

    Attributes:
        seed: of scene and draws.
        by_policy: the policy acts instead of the script.
    """

    seed: int
    by_policy: bool


class Orders(Generic[Kept]):
    """What the learner wants and has; `Kept` is an episode as it is sent.

    Attributes:
        source: who acts in the present attempt.
        seed: of the present attempt.
        version: of the newest policy; 0 before the first.
        resent: episodes that were sent again.
    """

    def __init__(self, world: World, exploration: Exploration, clock: Callable[[], float]) -> None:
        """Begins without orders and with the script alone."""
        self._graspers = Graspers(world, exploration)
        self._clock = clock
        self._wanted: Sequence[Wanted] | None = None
        self._done = False
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._progress_s = clock()
        self._grasper: Grasper | None = None
        self._by_policy = False
        self._tries: dict[int, int] = {}
        self.source, self.seed = "", -1
        self.version = self.resent = 0

    def __len__(self) -> int:
        return len(self._kept)

    def take_policy(self, policy: GraspPolicy, version: int) -> None:
        """Acts by this policy from the next attempt on, where a policy is asked for."""
        self._graspers.take_policy(policy)
        self.version = version

    def take(self, wanted: Sequence[Wanted], acknowledged: Iterable[int], *, done: bool) -> None:
        """The learner's newest word."""
        self._wanted, self._done = wanted, done
        for seed in acknowledged:
            if self._kept.pop(seed, None) is not None:
                self._progress_s = self._clock()
                self._tries.pop(seed, None)

    def plan(self) -> EpisodePlan | str:
        """The next attempt, or why to wait."""
        if self._done:
            return "the run is done"
        if self._wanted is None:
            return "the learner's order"
        if len(self._kept) > UNACKNOWLEDGED_MAX:
            return f"the learner: {len(self._kept)} episodes are not acknowledged"
        for seed, by_policy in self._wanted:
            if seed not in self._kept:
                self._grasper = None  # begins with the first action
                self.seed, self._by_policy = seed, by_policy
                return EpisodePlan(scene_seed(seed), False)
        return "the learner to want more"

    def choose(self, picture: UInt8, state: Float32) -> Choice:
        """The action of whoever acts in this attempt.

        An attempt that was given up is tried again with other draws: what stopped it once, as a
        collision does, would stop it again.
        """
        if self._grasper is None:
            tries = self._tries.get(self.seed, 0)
            self._tries[self.seed] = tries + 1
            self._grasper = self._graspers.choose(self._by_policy)
            self.source = self._grasper.name
            self._grasper.begin(draws(self.seed, tries), picture)
        by_policy = self.source == "noisy"
        return Choice(self._grasper.act(picture, state), self.version if by_policy else 0)

    def keep(self, seed: int, episode: Kept) -> None:
        """An episode that was sent, until it is acknowledged."""
        if not self._kept:
            self._progress_s = self._clock()
        self._kept[seed] = episode

    def due(self) -> list[Kept]:
        """What is to be sent again: nothing, or everything that is not acknowledged."""
        if not self._kept or self._clock() - self._progress_s <= RESEND_AFTER_S:
            return []
        self.resent += len(self._kept)
        self._progress_s = self._clock()
        return list(self._kept.values())
