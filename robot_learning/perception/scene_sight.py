"""What is known at one moment: the arm's state, what it feels, and where things are.

Over the graph these come as messages of their own; policy and reward monitor both join them here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from robot_learning.contract import Contract
from robot_learning.hardware import Array, Moment, RobotState

_SAME_S = 1e-6


class SceneSight:
    """Joins what the contract's task needs, by stamps.

    In lockstep everything belongs to the state's very stamp. In real time the newest measurement
    counts, as long as it is no older than the task's `action_age_max_s`.
    """

    def __init__(self, contract: Contract, *, lockstep: bool, with_target: bool) -> None:
        """Begins with nothing.

        Args:
            contract: robot and task.
            lockstep: time stands still between commands.
            with_target: moments have the target too, where the task has one.
        """
        task = contract.task
        wanted = ("object_position_m",) if "object_position_m" in task.scene else ()
        self._wanted = (*wanted, "wrench") if "wrench" in task.observation else wanted
        self._needs_target = with_target and "target_position_m" in task.scene
        self._apart_s = _SAME_S if lockstep else task.action_age_max_s
        self._parts: dict[str, tuple[float, Array]] = {}
        self._target: Array | None = None
        self._waiting: RobotState | None = None

    @property
    def needs(self) -> frozenset[str]:
        """What else than states must be handed over: `object_position_m`, `wrench`."""
        return frozenset(self._wanted)

    def on_state(self, state: RobotState) -> Moment | None:
        """A measurement of the arm; the moment, once all of it is there."""
        self._waiting = state
        return self._join()

    def on_part(self, name: str, stamp_s: float, value: Array) -> Moment | None:
        """One of `needs`, measured at this stamp; the moment that it completes."""
        self._parts[name] = stamp_s, np.asarray(value, np.float64)
        return self._join()

    def on_target(self, position_m: Array) -> Moment | None:
        """Where the task's target is, base frame; the moment that it completes."""
        self._target = np.asarray(position_m, np.float64)
        return self._join()

    def missing(self) -> str | None:
        """What the newest state waits for, as its topic is called; None: nothing."""
        state = self._waiting
        if state is None:
            return None
        topics = {"object_position_m": "object_pose", "wrench": "wrench"}
        for name in self._wanted:
            if not self._fits(name, state):
                return topics[name]
        return "target_pose" if self._needs_target and self._target is None else None

    def _fits(self, name: str, state: RobotState) -> bool:
        part = self._parts.get(name)
        return part is not None and abs(part[0] - state.stamp_s) <= self._apart_s

    def _join(self) -> Moment | None:
        state = self._waiting
        if state is None or self.missing() is not None:
            return None
        self._waiting = None
        parts = {name: self._parts[name][1] for name in self._wanted}
        if "wrench" in parts:
            state = replace(state, wrench=parts.pop("wrench"))
        if self._needs_target and self._target is not None:
            parts["target_position_m"] = self._target
        return Moment(state, parts)
