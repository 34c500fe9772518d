"""Whether plans come in time, and what to do when they do not."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from robot_learning.contract import Contract
from robot_learning.networks.policy import Thought
from robot_learning.training.decisions import Decisions

# Of a control period. In the rest an observation gets to the policy, and its request through
# arbiter and driver to the wire; on two cores beside the processes of a whole graph.
_SHARE_OF_PERIOD = 0.6
_WINDOW = 40
_MISSED_MAX = 4  # of the window; a busy machine misses one now and then


class DeadlineError(ValueError):
    """A time to plan in that the control period does not have. One line."""


def plan_budget_s(contract: Contract, wanted_s: float, *, real_time: bool) -> float | None:
    """How long a policy may search for each action.

    Args:
        contract: says the control period.
        wanted_s: what a user asks for; 0 leaves it to this.
        real_time: time does not wait for the policy.

    Returns:
        Seconds; None where time stands still and nothing was asked for.

    Raises:
        DeadlineError: in real time more than a control period is asked for.
    """
    period_s = contract.control_period_s
    if not real_time:
        return wanted_s or None
    if wanted_s > period_s:
        raise DeadlineError(
            f"replan_budget_s {wanted_s:g} is longer than the control period {period_s:g} s of "
            f"task {contract.task.name}: lower it, or leave it out"
        )
    return wanted_s or _SHARE_OF_PERIOD * period_s


class PlanWatch:
    """Counts the plans of a policy, and says when its deadline cannot be met.

    Attributes:
        complaint: what is wrong with the newest plans and which setting to lower, one line; empty
            while nothing is, or too little is known.
        news: the complaint, where it was not there with the plan before; else empty.
    """

    def __init__(self, budget_s: float | None) -> None:
        """Has seen nothing.

        Args:
            budget_s: the deadline; None for none.
        """
        self._budget_s = budget_s
        self._decisions = Decisions()
        self._newest: deque[Thought] = deque(maxlen=_WINDOW)
        self._complete = self._empty = 0
        self.complaint = self.news = ""

    def see(self, thought: Thought, took_s: float, lighter: str) -> None:
        """Takes a plan.

        Args:
            thought: what it came to.
            took_s: the choice of the action all in all, with the plan.
            lighter: the policy's settings that make plans faster.
        """
        late = self._budget_s is not None and thought.seconds > self._budget_s
        self._decisions.add(took_s, late=late)
        self._newest.append(thought)
        self._complete += thought.complete
        self._empty += not thought.scored
        quiet, self.complaint = not self.complaint, self._judge(lighter)
        self.news = self.complaint if quiet else ""

    def figures(self) -> dict[str, Any]:
        """For diagnostics; empty before the first plan."""
        made = self._decisions.made
        if not made:
            return {}
        return {
            "plans": made,
            "plan_p50_ms": f"{self._decisions.quantile_ms(0.5):.1f}",
            "plan_p99_ms": f"{self._decisions.quantile_ms(0.99):.1f}",
            "plan_budget_ms": f"{1e3 * self._budget_s:.1f}" if self._budget_s else "none",
            "plans_complete": f"{self._complete / made:.3f}",
            "plans_late": self._decisions.missed,
            "plans_without_a_score": self._empty,
        }

    def _judge(self, lighter: str) -> str:
        if self._budget_s is None or len(self._newest) < _WINDOW:
            return ""
        budget_ms = 1e3 * self._budget_s
        late = sum(thought.seconds > self._budget_s for thought in self._newest)
        if late > _MISSED_MAX:
            median_ms = 1e3 * float(np.median([thought.seconds for thought in self._newest]))
            return (
                f"the deadline cannot be met on this machine: {late} of the last {_WINDOW} plans "
                f"took longer than {budget_ms:.0f} ms (median {median_ms:.0f} ms); lower one of "
                f"{lighter}"
            )
        complete = sum(thought.complete for thought in self._newest)
        if 2 * complete < _WINDOW:
            scored = int(np.median([thought.scored for thought in self._newest]))
            return (
                f"plans are cut short: {complete} of the last {_WINDOW} were complete within "
                f"{budget_ms:.0f} ms, with {scored} candidates scored (median); lower one of "
                f"{lighter}"
            )
        return ""
