"""The actor: turns states, rewards and receipts into action requests and episode steps.

It owns the order of things: home, reset, act for `episode_steps` periods, again. It knows no
middleware; the policy node feeds it messages and carries out what it asks through an `ActorLink`.

An action is chosen as soon as its state is there, and a step is completed when its reward and its
receipt have come. In lockstep, where time stands still, the actor of a task that can end by itself
waits for the judgement first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.control.homing import REST_TOLERANCE_RAD_S, measured_at_home
from robot_learning.envs.observation import Observer
from robot_learning.hardware import Array, RobotState
from robot_learning.training.actor_types import (
    ActorLink,
    ActorPhase,
    EpisodePlan,
    Judgement,
    Outcome,
    Receipt,
)
from robot_learning.training.running_episode import PendingStep, RunningEpisode
from robot_learning.training.scene_reset import SceneReset

# In lockstep the driver goes on home by itself for longer than this simulated time; it is asked
# again before it ends, or time would stand still.
HOME_AGAIN_S = 1.0
# A step in lockstep lasts its period; anything else means that time passed without an action.
DURATION_TOLERANCE_S = 2e-3


class Actor:
    """Runs episodes over an `ActorLink`.

    Args:
        contract: robot and task.
        link: carries out what the actor asks.
        actor_id: identity for the steps' numbering.
        lockstep: time passes only when an action arrives.
        clock: seconds on a steady clock.
        patience_s: how long anything may be missing before the episode is given up.
    """

    def __init__(
        self,
        contract: Contract,
        link: ActorLink,
        *,
        actor_id: str,
        lockstep: bool,
        clock: Callable[[], float],
        patience_s: float = 2.0,
    ) -> None:
        self.contract = contract
        self.link = link
        self.actor_id = actor_id
        self.lockstep = lockstep
        self.clock = clock
        self.patience_s = patience_s
        self.phase = ActorPhase.WAITING
        self.waiting_for = "the first state"
        self.steps = 0
        self.episodes = 0
        self.aborted = 0
        self._observer = Observer(contract)
        self._period_s = contract.control_period_s
        self._allowed: str | None = "safety is not armed"
        self._episode: RunningEpisode | None = None
        self._next_plan: EpisodePlan | None = None
        self._scene = SceneReset()
        # Time stands still in lockstep, so a state that may end the task is judged first.
        self._judged_first = lockstep and contract.task.terminates
        self.state: RobotState | None = None  # newest measurement
        self._requested_stamp_s = -np.inf
        self._progress_s = clock()

    # What happens in the world.

    def set_allowed(self, reason: str | None) -> None:
        """Motion is allowed (None), or why not; loss of it ends the episode."""
        self._allowed = reason
        if reason is not None and self.phase is not ActorPhase.WAITING:
            self.abort(reason)

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The goal of the task, base frame."""
        self._scene.on_target(stamp_s, position_m)
        self._start_if_ready()

    def on_reset(self, stamp_s: float | None, message: str = "") -> None:
        """The scene was redrawn at this stamp, or not (None) and why."""
        if self.phase is not ActorPhase.RESETTING:
            return
        if stamp_s is None:
            self.abort(f"reset refused: {message}")
            return
        self._scene.on_reset(stamp_s)
        self._start_if_ready()

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        if self._episode is not None:
            self._episode.on_receipt(sequence, receipt)
            self._complete()

    def on_reward(self, stamp_s: float, judgement: Judgement) -> None:
        """The reward of the state with this stamp."""
        if self._episode is not None:
            self._episode.on_reward(stamp_s, judgement)
            self._complete()

    def on_state(self, state: RobotState) -> None:
        """A new measurement; most of the work happens here."""
        before, self.state = self.state, state
        if before is not None and state.stamp_s < before.stamp_s:
            self.abort(
                f"the clock went back by {before.stamp_s - state.stamp_s:.3f} s; was the "
                "simulator restarted?"
            )
            self._requested_stamp_s = -np.inf
            self._scene.forget_target()
        if self._allowed is not None:
            self.waiting_for = self._allowed
            return
        if self.phase is ActorPhase.WAITING:
            self._go_home()
        elif self.phase is ActorPhase.HOMING:
            self._homing(state)
        elif self.phase is ActorPhase.RUNNING:
            self._running(state)

    def tick(self) -> None:
        """Gives up what makes no progress; call a few times a second."""
        if self.phase is ActorPhase.WAITING:
            return
        silent_s = self.clock() - self._progress_s
        if silent_s > self.patience_s:
            self.abort(f"no {self._missing()} for {silent_s:.1f} s")

    def abort(self, reason: str) -> None:
        """Ends the episode as aborted and waits; begins again by itself with the next state."""
        self.waiting_for = reason
        if self._episode is not None:
            self.aborted += 1
            self._end(Outcome.ABORTED, reason)
        self.phase = ActorPhase.WAITING
        self._scene.begin()

    # Phases.

    def _go_home(self) -> None:
        plan = self.link.plan()
        if isinstance(plan, str):
            self.phase, self.waiting_for = ActorPhase.WAITING, plan
            return
        self._next_plan = plan
        self.phase = ActorPhase.HOMING
        self._requested_stamp_s = -np.inf
        assert self.state is not None
        self._homing(self.state)

    def _homing(self, state: RobotState) -> None:
        if measured_at_home(self.contract, state):
            assert self._next_plan is not None
            self.phase = ActorPhase.RESETTING
            self._scene.begin()
            self._progress()
            self.link.reset(self._next_plan.seed)
            return
        if np.abs(state.velocity_rad_s).max() >= REST_TOLERANCE_RAD_S:
            self._progress()
        if self._due(state.stamp_s):
            self._requested_stamp_s = state.stamp_s
            self._progress()
            zeros = np.zeros(self.contract.task.action.size, dtype=np.float32)
            self.link.request(ActionKind.HOME, zeros, state.stamp_s, 0)

    def _start_if_ready(self) -> None:
        if self.phase is not ActorPhase.RESETTING:
            return
        goal = self._scene.goal()
        if goal is None or self.state is None or self._allowed is not None:
            return
        assert self._next_plan is not None
        self._episode = RunningEpisode(
            self.contract, self._observer, self.episodes, self._next_plan, goal
        )
        self.phase = ActorPhase.RUNNING
        self.link.episode_started(self.episodes, self._next_plan, self.state.stamp_s)
        self._act(self.state)

    def _running(self, state: RobotState) -> None:
        assert self._episode is not None
        if not self._episode.pending:
            return
        newest = self._episode.pending[-1]
        if newest.next_state is not None or state.stamp_s <= newest.stamp_s + 1e-9:
            return
        lasted_s = state.stamp_s - newest.stamp_s
        if self.lockstep:
            if abs(lasted_s - self._period_s) > DURATION_TOLERANCE_S:
                self.abort(
                    f"a step lasted {lasted_s:.3f} s instead of {self._period_s:.3f} s: time "
                    "passed without an action"
                )
                return
        elif lasted_s < self._period_s - 0.5 / self.contract.robot.rates.state_hz:
            return
        elif lasted_s > 3 * self._period_s:
            self.abort(f"no state for {lasted_s:.3f} s, three control periods")
            return
        newest.next_state = state
        if not self._judged_first and not self._episode.is_last(newest.index):
            self._act(state)
        self._complete()

    def _act(self, state: RobotState) -> None:
        episode = self._episode
        assert episode is not None
        observation, achieved = self._observer.observe(state)
        choice = self.link.choose(observation, episode.goal, episode.plan.is_evaluation)
        index = episode.next_index
        self._requested_stamp_s = state.stamp_s
        self._progress()
        sequence = self.link.request(
            ActionKind.ACTION, choice.action, state.stamp_s, choice.policy_version
        )
        episode.pending.append(
            PendingStep(
                index, observation, achieved, state.stamp_s, sequence, choice.policy_version
            )
        )

    def _complete(self) -> None:
        """Completes, in order, every step whose next state, receipt and reward are there."""
        while (episode := self._episode) is not None:
            completed = episode.complete(self.actor_id, self.steps)
            if completed is None:
                return
            step, next_state = completed
            self.steps += 1
            self._progress()
            self.link.step(step)
            if step.terminated or step.truncated:
                self._end(episode.outcome(), "")
                self._go_home()
            elif self._judged_first:
                self._act(next_state)

    def _end(self, outcome: Outcome, note: str) -> None:
        episode, self._episode = self._episode, None
        assert episode is not None
        self.episodes += 1
        self.link.episode_ended(episode.end(outcome, note))

    # Small helpers.

    def _due(self, stamp_s: float) -> bool:
        """A request for home is due: one a control period, in lockstep now and then."""
        half_state_s = 0.5 / self.contract.robot.rates.state_hz
        wait_s = HOME_AGAIN_S if self.lockstep else self._period_s
        return stamp_s > self._requested_stamp_s + wait_s - half_state_s

    def _progress(self) -> None:
        self._progress_s = self.clock()

    def _missing(self) -> str:
        if self.phase is ActorPhase.RESETTING:
            return self._scene.missing()
        return self._episode.missing() if self._episode else "new state from the arm"
