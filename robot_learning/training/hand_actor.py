"""The actor of a person who demonstrates alone: it runs the episodes and asks for nothing itself.

It goes home, has a new scene made and asks the arm to rest, once every control period. A person
who takes the arm answers these requests, as those of a policy, and with the first motion that the
person asks for the episode begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from robot_learning.contract import Contract
from robot_learning.training.actor import Actor
from robot_learning.training.actor_types import ActorLink, ActorPhase
from robot_learning.training.hand_episode import HandEpisode
from robot_learning.training.running_episode import RunningEpisode


class HandActor(Actor):
    """Runs a person's episodes over an `ActorLink`, in real time."""

    episode_type: ClassVar[type[RunningEpisode]] = HandEpisode

    def __init__(
        self,
        contract: Contract,
        link: ActorLink,
        *,
        actor_id: str,
        clock: Callable[[], float],
        patience_s: float,
        on_ready: Callable[[], None],
    ) -> None:
        """See `Actor`; `on_ready` is called when an episode waits for the person."""
        super().__init__(
            contract, link, actor_id=actor_id, lockstep=False, clock=clock, patience_s=patience_s
        )
        self._on_ready = on_ready

    def _begin(self, episode: RunningEpisode, stamp_s: float) -> None:
        self._episode, self.phase = episode, ActorPhase.READY
        self._on_ready()

    def _complete(self) -> None:
        if self.phase is ActorPhase.READY:
            assert isinstance(self._episode, HandEpisode)
            begins_s = self._episode.begins_at_s()
            if begins_s is None:
                return
            super()._begin(self._episode, begins_s)
        super()._complete()
