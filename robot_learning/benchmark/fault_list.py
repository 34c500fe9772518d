"""What can go wrong beside an arm that software can meet, one entry a fault.

Each is made to happen in a running `FaultGraph` and undone again. An entry also says what must
come of it: whether the arm must stop, whether that must be latched, and what its cause is called.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass

from robot_learning.benchmark.fault_graph import FaultGraph

Deed = Callable[[FaultGraph], None]


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: as it is reported.
        begin: makes it happen.
        end: undoes it, so that the graph can be armed again.
        lasts_s: between the two.
        stops: the arm must come to rest, or else it must go on as if nothing had happened.
        latched: it must be reset before the arm may move again.
        cause: what one of the reasons for the stop must say; of several words any; empty: nothing.
        cuts: nobody in the graph hears anything while it lasts; it needs a network of its own.
    """

    name: str
    begin: Deed
    end: Deed
    lasts_s: float = 1.2
    stops: bool = True
    latched: bool = True
    cause: tuple[str, ...] = ()
    cuts: bool = False


def _nothing(graph: FaultGraph) -> None:
    del graph


def _asking(verb: str) -> Deed:
    def ask(graph: FaultGraph) -> None:
        graph.ask(verb)

    return ask


def _killed(name: str, *, stops: bool = True, cause: str = "") -> Fault:
    return Fault(
        f"kill -9 {name}",
        lambda graph: graph.kill(name),
        lambda graph: graph.start(name),
        stops=stops,
        latched=bool(cause),
        cause=(cause,) if cause else (),
    )


def _frozen(name: str, *, stops: bool = True, cause: tuple[str, ...] = ()) -> Fault:
    return Fault(
        f"SIGSTOP {name}",
        lambda graph: graph.freeze(name),
        lambda graph: graph.thaw(name),
        stops=stops,
        latched=bool(cause),
        cause=cause,
    )


def _wire(
    name: str,
    kind: str,
    amount: float = 0.0,
    *,
    for_s: float = 1.0,
    cause: tuple[str, ...] = (),
    stops: bool = True,
) -> Fault:
    def begin(graph: FaultGraph) -> None:
        graph.ask("inject", kind=kind, for_s=for_s, amount=amount)

    latched = bool(cause)
    return Fault(name, begin, _nothing, for_s + 0.2, stops=stops, latched=latched, cause=cause)


def _requests(what: str, cause: str = "", *, stops: bool = True) -> Fault:
    def begin(graph: FaultGraph) -> None:
        graph.ask("misbehave", what=what, count=12)

    return Fault(
        f"a policy's requests: {what.replace('_', ' ')}",
        begin,
        _nothing,
        stops=stops,
        latched=stops,
        cause=(cause,) if cause else (),
    )


def _network(*, is_up: bool) -> Deed:
    def switch(graph: FaultGraph) -> None:
        assert graph.network is not None
        graph.network.set_up(is_up)

    return switch


def _no_room(graph: FaultGraph) -> None:
    """Files of the monitor cannot grow, as on a full disk; then a force is felt."""
    resource.prlimit(
        graph.pid("safety_monitor"), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY)
    )
    graph.ask("inject", kind="force", for_s=1.0, amount=80.0)


def _room_again(graph: FaultGraph) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(graph.pid("safety_monitor"), resource.RLIMIT_FSIZE, unlimited)


_SILENT_DRIVER, _SILENT_STATES = "arm_driver", ("joint_states", "state is")
_FAR = ("from its command", "stands still")
_JUMPED = ("from its command", "from the measured position")  # as driver and as monitor say it

FAULTS: tuple[Fault, ...] = (
    Fault(
        "the network is cut",
        _network(is_up=False),
        _network(is_up=True),
        cause=(*_SILENT_STATES, "safety_monitor", _SILENT_DRIVER),
        cuts=True,
    ),
    _killed("arm_driver", cause=_SILENT_DRIVER),
    _killed("safety_monitor", cause="safety_monitor"),
    _killed("bench_mover"),
    _killed("arbiter"),
    _killed("gripper_driver", stops=False),
    _frozen("arm_driver", cause=(_SILENT_DRIVER, "stalled")),
    _frozen("safety_monitor", cause=("safety_monitor",)),
    _frozen("bench_mover"),
    _frozen("arbiter"),
    _wire("a joint is not a number", "state_nan", cause=("not finite",)),
    _wire("states stand still", "state_stuck", cause=("stands still",)),
    _wire("no states", "state_silent", cause=_SILENT_STATES),
    _wire("a joint is missing", "state_missing_joint", cause=("lacks",)),
    _wire("an encoder jumps by 0.5 rad", "state_jump", 0.5, cause=_JUMPED),
    _wire("stamps 5 s back", "state_clock_back", 5.0, cause=("clock",)),
    _wire("stamps 1 h ahead", "state_clock_ahead", 3600.0, cause=("stale", "ahead")),
    _wire("80 N", "force", 80.0, cause=("force",)),
    _wire("a tenth of the commands lost", "command_loss", 0.1, stops=False),
    _wire("all commands lost", "command_loss", 1.0, cause=_FAR),
    _wire("commands 0.5 s late", "command_delay", 0.5, cause=_FAR),
    _wire("every command twice", "command_twice", stops=False),
    _requests("nan", "action_malformed"),
    _requests("infinite", "action_malformed"),
    _requests("too_long", "action_malformed"),
    _requests("too_short", "action_malformed"),
    _requests("old", "stale"),
    _requests("ahead", "future"),
    _requests("other_contract", "contract"),
    _requests("other_kind", "kind 77"),
    _requests("huge", stops=False),
    _requests("twice", stops=False),
    Fault(
        "a second publisher of commands",
        _asking("rival"),
        _asking("retire"),
        cause=("publisher",),
    ),
    Fault("emergency stop", _asking("estop"), _nothing, cause=("estop",)),
    Fault(
        "reset while it moves",
        _asking("reset"),
        _nothing,
        stops=False,
        latched=False,
    ),
    Fault("a full disk, then 80 N", _no_room, _room_again, cause=("force",)),
)
"""Every fault of `robot-learning bench faults`."""
