"""The safety gate under commands of every kind: does anything pass a limit, and how fast is it?

What the gate sent is judged by a ruler of its own: finite differences of the sent points against
the contract, and exact distances at them. The time is the thread's own, of one call of
`SafetyGate.step` with the planning by Ruckig in it; what other processes do is not in it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_learning.benchmark.gate_commands import Command, Commands
from robot_learning.benchmark.gate_ruler import GateRuler
from robot_learning.contract import Contract, load_contract
from robot_learning.contract.base import Box
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.collision_model import CollisionModel
from robot_learning.safety.gate import SafetyGate
from robot_learning.safety.state_machine import SafetyMode

Array = NDArray[np.float64]

ROBOTS = ("panda", "fr3", "iiwa7", "gen3", "xarm7")
STEP_MAX_US = 100.0
EPISODE = 1_000  # commands until the arm begins elsewhere
_SETTLE_TICKS = 200
_SAY_EVERY_S = 30.0


def measure_gate(commands: int, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Sends commands to the gate of every shipped robot; rows for the report.

    Half of them with the workspace taken away, so that the tool meets the table and the arm itself.

    Args:
        commands: of all robots together.
        seed: of what is sent.
        say: is told how far it is.
    """
    trials: dict[str, GateTrial] = {}
    for name in ROBOTS:
        contract = load_contract(name)
        trials[name] = GateTrial(contract, seed + len(trials))
        trials[f"{name}, no workspace"] = GateTrial(opened(contract), seed + len(trials))
    episode = min(EPISODE, -(-commands // len(trials)))
    said = time.monotonic()
    exceeded: Counter[str] = Counter()
    sent = 0
    while sent < commands:
        for trial in trials.values():  # in turns, so that what is done so far is of all of them
            trial.run(min(episode, commands - sent))
            sent = sum(trial.commands for trial in trials.values())
        exceeded = sum((trial.ruler.exceeded for trial in trials.values()), Counter())
        if time.monotonic() - said > _SAY_EVERY_S:
            said = time.monotonic()
            step_us = np.concatenate([trial.step_us for trial in trials.values()])
            say(
                f"{sent:,} of {commands:,} commands: {dict(exceeded) or 'no limit'} exceeded; "
                f"{_figures(step_us)}"
            )
    results = [_robot_row(name, trial) for name, trial in trials.items()]
    step_us = np.concatenate([trial.step_us for trial in trials.values()])
    worst = ", ".join(f"{what} {number}" for what, number in sorted(exceeded.items()))
    summary: dict[str, Any] = {
        "what": "limits exceeded by what was sent",
        "value": worst or "none",
        "against": f"{sent:,} commands",
        "bar": "none",
        "commands": sent,
        "exceeded": dict(exceeded),
        "met": not exceeded,
    }
    return [summary, *results, _time_row(step_us)]


def opened(contract: Contract) -> Contract:
    """The contract with a workspace that ends nowhere: only collisions keep the tool away."""
    everywhere = Box(min_m=(-2.0, -2.0, -2.0), max_m=(2.0, 2.0, 2.0))
    operation = contract.robot.operation.model_copy(update={"workspace": everywhere})
    robot = contract.robot.model_copy(update={"operation": operation})
    return contract.model_copy(update={"robot": robot})


class GateTrial:
    """A gate with an arm behind it that follows perfectly.

    Attributes:
        commands: sent so far.
        faults: latched faults and emergency stops met on the way; each was reset.
        ruler: judged what was sent.
    """

    def __init__(self, contract: Contract, seed: int) -> None:
        self._contract = contract
        self._kinematics = ArmKinematics(contract.robot.arm)
        model = CollisionModel(contract.robot, self._kinematics)
        self.gate = SafetyGate(contract, self._kinematics)
        self._rng = np.random.default_rng(seed)
        self._commands = Commands(
            self.gate.limits, self._kinematics, model, contract.command_period_s, self._rng
        )
        self.ruler = GateRuler(contract, self._kinematics, model)
        self.commands = self.faults = self.followed = 0
        self._times_ns: list[int] = []
        self._now_s = 0.0
        self._stamp = 0
        self._points: list[tuple[Array, float]] = []

    @property
    def step_us(self) -> Array:
        """Thread time of every step with a command, microseconds."""
        return np.array(self._times_ns, dtype=np.float64) / 1e3

    def run(self, count: int) -> None:
        """One episode of so many commands from another posture, and its judgement."""
        if count < 1:
            return
        gate = self.gate
        self._settle()
        position = self._commands.posture()
        self._arm(position)
        stream = self._commands.draw(lambda: self._points[-1][0])
        for _ in range(count):
            command = next(stream)
            self._tick(command)
            if command.call:
                getattr(gate, command.call)("asked for by the benchmark")
            if gate.machine.mode is not SafetyMode.ARMED:
                self.faults += 1
                self._settle()
                self._arm(self._points[-1][0])
        self._settle()
        self.ruler.judge(self._points)
        self._points = []

    def _tick(self, command: Command) -> None:
        self._now_s += command.elapsed_s
        state = self._state(self._points[-1][0])
        began = time.thread_time_ns()
        output = self.gate.step(self._now_s, state, command.target)
        took = time.thread_time_ns() - began
        assert output.motion is not None
        self._points.append((output.motion.position, output.elapsed_s))
        self.commands += 1
        self.followed += output.followed
        if command.target is not None:
            self._times_ns.append(took)

    def _arm(self, position: Array) -> None:
        self._now_s += self._contract.command_period_s
        if self.gate.machine.mode is not SafetyMode.DISARMED:
            self.gate.reset(self._now_s)
        self.gate.arm(self._state(position), self._now_s)
        motion = self.gate.motion
        assert motion is not None
        if not self._points:
            self._points = [(motion.position, self._contract.command_period_s)]

    def _settle(self) -> None:
        """To rest and out of ARMED."""
        if not self._points:
            return
        self.gate.disarm("the episode ends")
        for _ in range(_SETTLE_TICKS):
            if self.gate.at_rest:
                return
            self._now_s += self._contract.command_period_s
            output = self.gate.step(self._now_s, self._state(self._points[-1][0]), None)
            assert output.motion is not None
            self._points.append((output.motion.position, output.elapsed_s))
        raise RuntimeError("the commanded motion does not come to rest: a fault of the gate")

    def _state(self, position: Array) -> RobotState:
        self._stamp += 1
        zeros = np.zeros(7)
        return RobotState(float(self._stamp), position, zeros, zeros, 0.0, 0.0, 0.0, np.zeros(6))


def _robot_row(name: str, trial: GateTrial) -> dict[str, Any]:
    acted = sorted(trial.gate.limit_counts.items(), key=lambda item: -item[1])
    return {
        "what": f"{name}: limits that acted",
        "value": ", ".join(f"{what} {number:,}" for what, number in acted),
        "against": f"{trial.commands:,} commands, {trial.followed:,} followed",
        "stops": trial.faults,
        "acted": dict(acted),
        "nearest_m": {key: float(value) for key, value in trial.ruler.nearest_m.items()},
        "spread": ", ".join(
            f"{key} at least {value * 1e3:.2f} mm" for key, value in trial.ruler.nearest_m.items()
        ),
        "met": None,
    }


def _figures(step_us: Array) -> str:
    share = (step_us < STEP_MAX_US).mean()
    return (
        f"{step_us.mean():.0f} us mean, {np.median(step_us):.0f} us median, "
        f"{np.percentile(step_us, 99):.0f} us p99, {share:.2%} under {STEP_MAX_US:.0f} us"
    )


def _time_row(step_us: Array) -> dict[str, Any]:
    return {
        "what": "one step of the gate, thread time",
        "value": _figures(step_us),
        "against": f"{len(step_us):,} steps, the worst {step_us.max():.0f} us",
        "bar": f"{STEP_MAX_US:.0f} us mean",
        "mean_us": float(step_us.mean()),
        "median_us": float(np.median(step_us)),
        "p99_us": float(np.percentile(step_us, 99)),
        "max_us": float(step_us.max()),
        "share_under_100_us": float((step_us < STEP_MAX_US).mean()),
        "met": bool(step_us.mean() < STEP_MAX_US),
    }
