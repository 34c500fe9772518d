"""A policy that decides on what a robot shows, and moves nothing: the step before it does.

Somebody else may move the arm meanwhile, by its maker's own means. What the policy would have
asked for is kept, with how long it took to decide and how old its observation was by then.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from robot_learning.contract import Contract
from robot_learning.envs.observation import Observer
from robot_learning.hardware import Array, RobotState, Scene
from robot_learning.networks import Policy
from robot_learning.replay.step import Float32

SATURATED = 0.99
"""An action beyond it, of 1, is as much as there is."""


class Shadow:
    """Decides once a control period; a row for each decision, and figures of all.

    Attributes:
        decisions: made so far.
    """

    def __init__(
        self,
        contract: Contract,
        policy: Policy,
        write: Callable[[dict[str, Any]], None],
        wall: Callable[[], float] = time.time,
        shown: Callable[[RobotState], RobotState] = lambda state: state,
    ) -> None:
        """Nothing is decided yet.

        Args:
            contract: robot and task.
            policy: made for it.
            write: takes the row of a decision, which JSON can hold.
            wall: the clock of the stamps.
            shown: a measurement as the policy is to see it; see `envs.anticipation`.
        """
        self._contract, self._policy = contract, policy
        self._write, self._wall, self._shown = write, wall, shown
        self._observer = Observer(contract)
        self._goal: Float32 | None = None
        self._due_s = -math.inf
        self._before: Float32 | None = None
        self._rows: list[tuple[float, float, float, float, float]] = []
        policy.begin()

    @property
    def decisions(self) -> int:
        """Made so far."""
        return len(self._rows)

    @property
    def waiting_for(self) -> str:
        """What must come before it can decide; empty: nothing."""
        return "a target" if self._contract.task.has_goal and self._goal is None else ""

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The goal of the task, base frame."""
        del stamp_s
        self._goal = position_m.astype(np.float32)
        self._policy.begin()

    def on_state(self, state: RobotState, scene: Scene) -> None:
        """A new measurement; decides where its time has come."""
        half_state_s = 0.5 / self._contract.robot.rates.state_hz
        if self.waiting_for or state.stamp_s < self._due_s - half_state_s:
            return
        self._due_s = state.stamp_s + self._contract.control_period_s
        observation, _ = self._observer.observe(self._shown(state), scene)
        begun_s = time.perf_counter()
        action = np.asarray(self._policy.act(observation, self._goal), np.float32)
        decision_s = time.perf_counter() - begun_s
        doubt = self._policy.doubt(observation, self._goal, action)
        age_s = self._wall() - state.stamp_s
        change = 0.0 if self._before is None else float(np.abs(action - self._before).max())
        self._before = action
        self._rows.append((decision_s, age_s, float(np.abs(action).max()), change, doubt))
        self._write(
            {
                "stamp_s": state.stamp_s,
                "action": [round(float(x), 5) for x in action],
                "decision_ms": round(1e3 * decision_s, 3),
                "observation_age_s": round(age_s, 4),
                "doubt": doubt,
                "joint_position_rad": [round(float(q), 5) for q in state.position_rad],
                "goal_m": None if self._goal is None else [float(x) for x in self._goal],
            }
        )

    def figures(self) -> dict[str, Any]:
        """Of all decisions; empty where none was made."""
        if not self._rows:
            return {}
        decision_s, age_s, size, change, doubt = np.array(self._rows).T
        return {
            "n": len(self._rows),
            "decision_p50_ms": 1e3 * float(np.percentile(decision_s, 50)),
            "decision_p99_ms": 1e3 * float(np.percentile(decision_s, 99)),
            "observation_age_p99_s": float(np.percentile(age_s, 99)),
            "too_late": int((age_s > self._contract.task.action_age_max_s).sum()),
            "saturated_share": float((size >= SATURATED).mean()),
            "largest_change": float(change.max()),
            "doubt_p99": float(np.percentile(doubt, 99)),
        }
