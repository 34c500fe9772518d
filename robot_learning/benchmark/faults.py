"""Faults beside a moving arm, each at random moments: when it rests, on its wire, and what it says.

A stop is judged by the record of the arm's own controller, cycle by cycle, not by what any node
believes.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robot_learning.benchmark.fault_graph import FaultGraph, fault_graph, speeds_rad_s
from robot_learning.benchmark.fault_list import FAULTS, Fault
from robot_learning.benchmark.own_network import network_is_possible, own_network
from robot_learning.contract import Contract, load_contract
from robot_learning.kinematics import ArmKinematics
from robot_learning.safety.state_machine import SafetyMode
from robot_learning.safety.wire_record import Cycles
from robot_learning.workspace import graph_environment, without_shared_memory

AT_REST_RAD_S = 0.01
NOTICED_WITHIN_S = 0.1
"""By when a fault must be noticed; the contract's stop time comes on top of it."""
_SETTLES_S = 0.6
_HEARD_AGAIN_S = 2.0
_SLACK = 1.02
"""Of a limit: positions of a cycle of 1 ms have rounding, and drives a lag of their own."""
_TOOL_EVERY = 10
_STOPPED = (SafetyMode.STOPPING, SafetyMode.FAULT, SafetyMode.ESTOP)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trial:
    """What came of one fault at one moment.

    Attributes:
        moved_s: from the fault until the arm's last motion; infinite where it moved to the end.
        noticed_s: until monitor or driver said that they stop the arm; not a number: never.
        latched: one of them is in FAULT or ESTOP.
        cause: the reasons given.
        beyond: limits that were exceeded on the wire, by name.
    """

    moved_s: float
    noticed_s: float
    latched: bool
    cause: str
    beyond: tuple[str, ...]


def measure_faults(
    domain: int, rounds: int, seed: int, only: str, out: Path | None, say: Say
) -> list[dict[str, Any]]:
    """Everything that `robot-learning bench faults` reports.

    Args:
        domain: ROS domain.
        rounds: how often each fault is injected.
        seed: of the order and the moments.
        only: part of the names of the faults to inject; empty: all.
        out: folder that keeps logs and incidents; None: they are not kept.
        say: takes what is under way.

    Raises:
        BenchmarkError: the graph did not run, or could not be armed again after a fault.
        WorkspaceError: the workspace is not built.
    """
    contract = load_contract("panda", "reach")
    faults = [fault for fault in FAULTS if only in fault.name]
    chance = random.Random(seed)
    seen: dict[str, list[Trial]] = {}
    with tempfile.TemporaryDirectory(prefix="robot-learning-faults-") as passing:
        folder = (out or Path(passing)).resolve()
        environment = graph_environment(domain)
        shared = [fault for fault in faults if not fault.cuts]
        if shared:
            with fault_graph(contract, environment, _made(folder / "graph")) as graph:
                seen |= _inject_all(graph, shared, rounds, chance, say)
        cut = [fault for fault in faults if fault.cuts]
        if cut and network_is_possible():
            environment = without_shared_memory(environment)  # cut, the network cuts everything
            with (
                own_network() as network,
                fault_graph(contract, environment, _made(folder / "network"), network) as graph,
            ):
                seen |= _inject_all(graph, cut, rounds, chance, say)
    return [_row(fault, seen[fault.name], contract) for fault in faults if fault.name in seen] + [
        {
            "what": fault.name,
            "value": "not run: it needs root, unshare, nsenter and ip",
            "met": None,
        }
        for fault in faults
        if fault.name not in seen
    ]


def _inject_all(
    graph: FaultGraph, faults: Sequence[Fault], rounds: int, chance: random.Random, say: Say
) -> dict[str, list[Trial]]:
    """Each fault so many times, in an order of chance."""
    order = [fault for fault in faults for _ in range(rounds)]
    chance.shuffle(order)
    seen: dict[str, list[Trial]] = {fault.name: [] for fault in faults}
    for index, fault in enumerate(order):
        trial = _inject(graph, fault, chance.uniform(0.2, 1.5))
        seen[fault.name].append(trial)
        say(f"{index + 1} of {len(order)}, {fault.name}: {_line(trial)}")
    return seen


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _inject(graph: FaultGraph, fault: Fault, after_s: float) -> Trial:
    graph.move()
    time.sleep(after_s)
    began_s = time.monotonic()
    fault.begin(graph)
    time.sleep(max(fault.lasts_s, graph.contract.robot.rates.stop_time_max_s + _SETTLES_S))
    cycles = graph.wire(began_s - 0.5)
    if fault.cuts:  # until then nobody can say anything
        fault.end(graph)
        time.sleep(_HEARD_AGAIN_S)
        said = graph.ask("since", at_s=began_s)
    else:
        said = graph.ask("since", at_s=began_s)
        fault.end(graph)
    return _judge(graph.contract, cycles, said, began_s)


def _judge(contract: Contract, cycles: Cycles, said: dict[str, Any], began_s: float) -> Trial:
    moving = cycles.time_s[1:][speeds_rad_s(cycles) > AT_REST_RAD_S]
    last_s = float(moving.max(initial=began_s))
    ended_s = float(cycles.time_s[-1])
    changes = [row for row in said["changes"] if SafetyMode(row["state"]) in _STOPPED]
    newest = [SafetyMode(state) for state, _ in said["newest"].values()]
    return Trial(
        moved_s=last_s - began_s if ended_s - last_s > 0.1 else np.inf,
        noticed_s=changes[0]["at_s"] - began_s if changes else np.nan,
        latched=any(mode in (SafetyMode.FAULT, SafetyMode.ESTOP) for mode in newest),
        cause="; ".join(dict.fromkeys(row["reason"] for row in changes)),
        beyond=exceeded(contract, cycles),
    )


def exceeded(contract: Contract, cycles: Cycles) -> tuple[str, ...]:
    """The operating limits that an arm exceeded, by finite differences of where its joints were."""
    robot, box = contract.robot, contract.workspace
    joints = robot.arm.joints
    seconds = np.diff(cycles.time_s)[:, None]
    velocity = np.abs(np.diff(cycles.position_rad, axis=0) / seconds)
    top = np.array([joint.velocity_max_rad_s for joint in joints])
    low = np.array([joint.position_min_rad for joint in joints])
    high = np.array([joint.position_max_rad for joint in joints])
    kinematics = ArmKinematics(robot.arm)
    tool = np.array([kinematics.tcp_position(q) for q in cycles.position_rad[::_TOOL_EVERY]])
    between = np.diff(cycles.time_s[::_TOOL_EVERY])
    speed = np.linalg.norm(np.diff(tool, axis=0), axis=1) / between
    at_fault = {
        "joint position": ((cycles.position_rad < low) | (cycles.position_rad > high)).any(),
        "joint velocity": (velocity > _SLACK * robot.operation.velocity_fraction * top).any(),
        "tool speed": (speed > _SLACK * robot.operation.tcp_speed_max_m_s).any(),
        "workspace": (
            (tool < np.array(box.min_m) - 1e-3) | (tool > np.array(box.max_m) + 1e-3)
        ).any(),
    }
    return tuple(name for name, is_so in at_fault.items() if is_so)


def _line(trial: Trial) -> str:
    rest = "moved on" if np.isinf(trial.moved_s) else f"at rest after {1e3 * trial.moved_s:.0f} ms"
    latched = "latched" if trial.latched else "not latched"
    return ", ".join([rest, latched, *trial.beyond, trial.cause[:80]])


def _as_wanted(fault: Fault, trial: Trial, limit_s: float) -> bool:
    if trial.beyond or trial.latched != fault.latched:
        return False
    if not fault.stops:
        return bool(np.isinf(trial.moved_s))
    named = not fault.cause or any(word in trial.cause for word in fault.cause)
    return trial.moved_s <= limit_s and named


def _row(fault: Fault, trials: Sequence[Trial], contract: Contract) -> dict[str, Any]:
    limit_s = NOTICED_WITHIN_S + contract.robot.rates.stop_time_max_s
    wanted = sum(_as_wanted(fault, trial, limit_s) for trial in trials)
    figures: dict[str, Any] = {
        "what": fault.name,
        "n": len(trials),
        "as_wanted": wanted,
        "latched": sum(trial.latched for trial in trials),
        "beyond_limits": sum(bool(trial.beyond) for trial in trials),
        "causes": sorted({trial.cause for trial in trials})[:3],
    }
    value = f"{wanted} of {len(trials)} as wanted"
    if fault.stops:
        rest_ms = 1e3 * np.array([trial.moved_s for trial in trials])
        noticed_ms = 1e3 * np.array([trial.noticed_s for trial in trials])
        figures |= {"rest_p50_ms": float(np.median(rest_ms)), "rest_max_ms": float(rest_ms.max())}
        value += f"; at rest after {np.median(rest_ms):.0f} ms, at most {rest_ms.max():.0f}"
        if not np.isnan(noticed_ms).any() and not fault.cuts:
            figures |= {"noticed_p50_ms": float(np.median(noticed_ms))}
            figures |= {"noticed_max_ms": float(noticed_ms.max())}
            value += f"; said after {np.median(noticed_ms):.0f}, at most {noticed_ms.max():.0f}"
    bar = f"at rest within {1e3 * limit_s:.0f} ms" if fault.stops else "goes on"
    bar += ", latched and named" if fault.latched else ""
    return figures | {
        "value": value,
        "bar": f"{bar}, no limit exceeded",
        "met": wanted == len(trials),
    }
