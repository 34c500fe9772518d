"""Who has the arm: emergency stop before a person before the policy.

A person takes the arm by pressing the dead-man of a device and has it until it is let go. While the
policy asks on, every request of it is answered by the person's newest action instead: the steps
keep their clock, and each says who acted. Where no policy asks, the person's requests pass as they
come.

Letting go hands the arm back. A device that falls silent, or is unplugged, in a person's hand does
not: the person may think to hold what nobody holds, so the arm rests until a person takes it and
lets it go. No hand-over has a jump: requests are velocities, which the controller behind takes up
from the commanded motion within the contract's limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind

# One lost message is bridged; the controller waits as long for an action.
_ACTION_PERIODS = 2.0
# In lockstep the wall clock says nothing about the policy: learning may take its time.
_LOCKSTEP_SILENCE_S = 2.0
# A dead-man comes twenty times a second. Its silence says that the device is lost; that the arm
# rests by then, the life of an action sees to.
DEADMAN_TIMEOUT_S = 0.3


class Asked(Protocol):
    """A request, as a message or a value."""

    source: str
    sequence: int
    kind: int


Request = TypeVar("Request", bound=Asked)


@dataclass(frozen=True, slots=True)
class Passed(Generic[Request]):
    """What goes on to the driver.

    Attributes:
        request: whose action it is; None for the action of a person who does not move.
        source: who acts.
        in_place_of: the policy's request that a person answers; None where it passes as it is.
    """

    request: Request | None
    source: str
    in_place_of: Request | None = None


@dataclass(slots=True)
class _Person(Generic[Request]):
    """What is known of one device.

    Attributes:
        ready: its dead-man was seen let go, so that a press counts.
        heard_s: when its dead-man was heard last.
    """

    ready: bool = False
    heard_s: float = -math.inf
    sequence: int = -1
    request: Request | None = None
    request_stamp_s: float = -math.inf
    request_s: float = -math.inf


class Arbiter(Generic[Request]):
    """Passes requests of one source at a time; times are of a steady clock unless stamps.

    Attributes:
        policy: name of the source that gives way to people.
        holder: the person's device that has the arm; None when none has.
        lost: the device that fell silent while it had the arm; None when none did.
        locked: True while nothing may pass.
        refused: who wants the arm and does not get it, and why; one line, empty when nobody.
        refused_count: requests that were not passed on.
    """

    def __init__(
        self, contract: Contract, *, policy: str = "policy", lockstep: bool = False
    ) -> None:
        self.policy = policy
        self.holder: str | None = None
        self.lost: str | None = None
        self.locked = False
        self.refused = ""
        self.refused_count = 0
        self._lockstep = lockstep
        self._action_life_s = _ACTION_PERIODS * contract.control_period_s
        self._silence_s = _LOCKSTEP_SILENCE_S if lockstep else self._action_life_s
        self._age_max_s = contract.robot.rates.command_age_max_s
        self._people: dict[str, _Person[Request]] = {}
        self._policy_s = -math.inf
        self._armed = True

    def active_source(self, now_s: float) -> str | None:
        """Who moves the arm."""
        if self.locked:
            return None
        if self.holder is not None or self.lost is not None:
            return self.holder
        lately = 0.0 <= now_s - self._policy_s <= max(self._silence_s, self._age_max_s)
        return self.policy if lately else None

    @property
    def blocked(self) -> str:
        """Why the policy is not heard although no person has the arm; empty when it is."""
        if self.lost is None or self.holder is not None:
            return ""
        return (
            f"{self.lost} was lost while it had the arm: take the arm with it or another device, "
            "and let it go"
        )

    def set_safety(self, *, armed: bool, stopped: bool = False) -> None:
        """What the safety monitor says.

        Args:
            armed: the arm may move. Where it may not, people lose it, and take it again by a fresh
                press once it may; the policy's requests pass, and the driver says why it refuses.
            stopped: there is an emergency stop; nothing passes.
        """
        self.locked = stopped
        if self._armed and not armed:
            self.holder = self.lost = None
            for person in self._people.values():
                person.ready = False
        self._armed = armed

    def on_deadman(self, source: str, held: bool, connected: bool, now_s: float) -> None:
        """One message of a device's dead-man stream.

        Args:
            source: the device.
            held: it is pressed, and a hand is on it.
            connected: the device is there.
            now_s: time of receipt.
        """
        self.expire(now_s)
        person = self._people.setdefault(source, _Person())
        person.heard_s = now_s
        if not held:
            if self.holder == source:
                self.holder = None
                self.lost = None if connected else source
            person.ready = connected
            if self.refused.startswith(f"{source} "):
                self.refused = ""
            return
        if self.holder == source:
            return
        reason = self._why_not(person)
        if reason:
            person.ready = False
            self.refused = f"{source} does not get the arm: {reason}"
            return
        self.holder, self.lost, self.refused = source, None, ""
        person.request = None

    def on_person(self, request: Request, stamp_s: float, now_s: float) -> Passed[Request] | None:
        """A person's request; what goes on to the driver now, if anything.

        Args:
            request: of a device.
            stamp_s: of the observation that it answers.
            now_s: time of receipt.
        """
        self.expire(now_s)
        person = self._people.get(request.source)
        if self.locked or person is None or self.holder != request.source:
            self.refused_count += 1
            return None
        if request.sequence <= person.sequence:
            self.refused_count += 1
            return None
        person.sequence, person.request = request.sequence, request
        person.request_stamp_s, person.request_s = stamp_s, now_s
        if 0.0 <= now_s - self._policy_s <= self._silence_s:
            return None  # it goes out in the place of the policy's next request
        return Passed(request, request.source)

    def on_policy(self, request: Request, stamp_s: float, now_s: float) -> Passed[Request] | None:
        """The policy's request; what goes on to the driver instead of it, if anything.

        Args:
            request: of the policy.
            stamp_s: of the observation that it answers.
            now_s: time of receipt.
        """
        self.expire(now_s)
        self._policy_s = now_s
        if self.locked or self.lost is not None or request.source != self.policy:
            self.refused_count += 1
            return None
        # In lockstep the way home passes time by itself, and a person cannot steer it.
        if self.holder is None or (self._lockstep and request.kind == ActionKind.HOME):
            return Passed(request, request.source)
        person = self._people[self.holder]
        fresh = (
            0.0 <= now_s - person.request_s <= self._action_life_s
            and stamp_s - person.request_stamp_s <= self._age_max_s
        )
        return Passed(person.request if fresh else None, self.holder, request)

    def expire(self, now_s: float) -> None:
        """Takes note of a device that has fallen silent, or whose time is ahead."""
        if self.holder is None:
            return
        person = self._people[self.holder]
        if not 0.0 <= now_s - person.heard_s <= DEADMAN_TIMEOUT_S:
            self.lost, self.holder = self.holder, None
            person.ready = False

    def _why_not(self, person: _Person[Request]) -> str:
        if self.locked or not self._armed:
            return "there is an emergency stop" if self.locked else "it is not armed"
        if self.holder is not None:
            return f"{self.holder} has it; wait until it is let go, then press again"
        if not person.ready:
            return "let the dead-man go, and press it again"
        return ""
