"""The actor: turns states, rewards and receipts into action requests and episode steps.

It owns the episode: home, reset, act for `episode_steps` periods, again. It knows no middleware;
the policy node feeds it messages and carries out what it asks through an `ActorLink`.

An action is chosen as soon as its state is there, and a step is completed when its reward and its
receipt have come. In lockstep, where time stands still, the actor of a task that can end by itself
waits for the judgement first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.control.homing import REST_TOLERANCE_RAD_S, measured_at_home
from robot_learning.envs.observation import Observer
from robot_learning.hardware import Array, RobotState
from robot_learning.replay.step import Step

Float32 = NDArray[np.float32]

# In lockstep the driver goes on home by itself for longer than this simulated time; it is asked
# again before it ends, or time would stand still.
HOME_AGAIN_S = 1.0
# A step in lockstep lasts its period; anything else means that time passed without an action.
DURATION_TOLERANCE_S = 2e-3


class ActorPhase(Enum):
    """Where in the life of an episode the actor is."""

    WAITING = "waiting"
    HOMING = "homing"
    RESETTING = "resetting"
    RUNNING = "running"


class Outcome(Enum):
    """How an episode ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    ABORTED = "aborted"


@dataclass(frozen=True)
class EpisodePlan:
    """What the next episode is for."""

    seed: int
    is_evaluation: bool


@dataclass(frozen=True)
class Choice:
    """An action and the version of the weights that chose it (0: none did)."""

    action: Float32
    policy_version: int


@dataclass(frozen=True)
class Receipt:
    """What became of a request."""

    requested: Float32
    gated: Float32
    executed: Float32
    observation_age_s: float


@dataclass(frozen=True)
class Judgement:
    """Reward of a state."""

    reward: float
    success: bool
    terminated: bool


@dataclass(frozen=True)
class EpisodeEnd:
    """Summary of an ended episode."""

    episode: int
    outcome: Outcome
    episode_return: float
    steps: int
    is_evaluation: bool
    note: str


class ActorLink(Protocol):
    """What the actor asks of the world."""

    def plan(self) -> EpisodePlan | str:
        """What to do next, or why to wait (one line)."""

    def choose(self, observation: Float32, goal: Float32, is_evaluation: bool) -> Choice:
        """Chooses an action."""

    def request(self, kind: ActionKind, action: Float32, stamp_s: float, version: int) -> int:
        """Sends an action request; its sequence number."""

    def reset(self, seed: int) -> None:
        """Asks for a new scene; `Actor.on_reset` must follow."""

    def episode_started(self, episode: int, plan: EpisodePlan, stamp_s: float) -> None:
        """An episode begins at this state."""

    def step(self, step: Step) -> None:
        """A step is complete."""

    def episode_ended(self, end: EpisodeEnd) -> None:
        """An episode is over."""


@dataclass
class _Pending:
    """A step on its way: acted, not yet complete."""

    index: int
    observation: Float32
    achieved: Float32
    stamp_s: float
    sequence: int
    version: int
    next_state: RobotState | None = None


@dataclass
class _Episode:
    number: int
    plan: EpisodePlan
    goal: Float32
    rewards: float = 0.0
    steps: int = 0
    held: int = 0
    pending: deque[_Pending] = field(default_factory=deque)


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
        self._episode: _Episode | None = None
        self._next_plan: EpisodePlan | None = None
        # Time stands still in lockstep, so a state that may end the task is judged first.
        self._judged_first = lockstep and contract.task.terminates
        self._reset_stamp_s: float | None = None
        self._target: tuple[float, Array] | None = None
        self.state: RobotState | None = None  # newest measurement
        self._requested_stamp_s = -np.inf
        self._progress_s = clock()
        self._rewards: OrderedDict[int, Judgement] = OrderedDict()
        self._receipts: dict[int, Receipt] = {}

    # What happens in the world.

    def set_allowed(self, reason: str | None) -> None:
        """Motion is allowed (None), or why not; loss of it ends the episode."""
        self._allowed = reason
        if reason is not None and self.phase is not ActorPhase.WAITING:
            self.abort(reason)

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The goal of the task, base frame."""
        self._target = (stamp_s, np.asarray(position_m, dtype=np.float64))
        self._start_if_ready()

    def on_reset(self, stamp_s: float | None, message: str = "") -> None:
        """The scene was redrawn at this stamp, or not (None) and why."""
        if self.phase is not ActorPhase.RESETTING:
            return
        if stamp_s is None:
            self.abort(f"reset refused: {message}")
            return
        self._reset_stamp_s = stamp_s
        self._start_if_ready()

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        self._receipts[sequence] = receipt
        self._complete()

    def on_reward(self, stamp_s: float, judgement: Judgement) -> None:
        """The reward of the state with this stamp."""
        self._rewards[_key(stamp_s)] = judgement
        while len(self._rewards) > 256:
            self._rewards.popitem(last=False)
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
            self._target = None
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
        self._reset_stamp_s = None

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
            self._reset_stamp_s = None
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
        if self.phase is not ActorPhase.RESETTING or self._reset_stamp_s is None:
            return
        if self._target is None or self._target[0] < self._reset_stamp_s - 1e-9:
            return
        if self.state is None or self._allowed is not None:
            return
        assert self._next_plan is not None
        goal = self._target[1].astype(np.float32)
        self._episode = _Episode(self.episodes, self._next_plan, goal)
        self.phase = ActorPhase.RUNNING
        self._rewards.clear()
        self._receipts.clear()
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
        if not self._judged_first and newest.index + 1 < self.contract.task.episode_steps:
            self._act(state)
        self._complete()

    def _act(self, state: RobotState) -> None:
        episode = self._episode
        assert episode is not None
        observation, achieved = self._observer.observe(state)
        choice = self.link.choose(observation, episode.goal, episode.plan.is_evaluation)
        index = episode.pending[-1].index + 1 if episode.pending else episode.steps
        self._requested_stamp_s = state.stamp_s
        self._progress()
        sequence = self.link.request(
            ActionKind.ACTION, choice.action, state.stamp_s, choice.policy_version
        )
        episode.pending.append(
            _Pending(index, observation, achieved, state.stamp_s, sequence, choice.policy_version)
        )

    def _complete(self) -> None:
        """Completes, in order, every step whose next state, receipt and reward are there."""
        while (episode := self._episode) is not None and episode.pending:
            pending = episode.pending[0]
            if pending.next_state is None or pending.sequence not in self._receipts:
                return
            judgement = self._rewards.get(_key(pending.next_state.stamp_s))
            if judgement is None:
                return
            episode.pending.popleft()
            over = self._finish(episode, pending, self._receipts.pop(pending.sequence), judgement)
            if over:
                outcome = (
                    Outcome.SUCCESS
                    if episode.held >= self.contract.task.success.hold_steps
                    else Outcome.FAILURE
                )
                self._end(outcome, "")
                self._go_home()
            elif self._judged_first:
                self._act(pending.next_state)

    def _finish(
        self, episode: _Episode, pending: _Pending, receipt: Receipt, judgement: Judgement
    ) -> bool:
        assert pending.next_state is not None
        next_observation, next_achieved = self._observer.observe(pending.next_state)
        last = pending.index + 1 >= self.contract.task.episode_steps
        episode.steps += 1
        episode.rewards += judgement.reward
        episode.held = episode.held + 1 if judgement.success else 0
        step = Step(
            actor_id=self.actor_id,
            step_number=self.steps,
            episode=episode.number,
            episode_step=pending.index,
            is_evaluation=episode.plan.is_evaluation,
            is_intervention=False,
            observation=pending.observation,
            achieved_goal=pending.achieved,
            desired_goal=episode.goal,
            requested_action=receipt.requested,
            gated_action=receipt.gated,
            executed_action=receipt.executed,
            reward=judgement.reward,
            next_observation=next_observation,
            next_achieved_goal=next_achieved,
            terminated=judgement.terminated,
            truncated=last and not judgement.terminated,
            success=judgement.success,
            policy_version=pending.version,
            stamp_s=pending.stamp_s,
            observation_age_s=receipt.observation_age_s,
        )
        self.steps += 1
        self._progress()
        self.link.step(step)
        return last or judgement.terminated

    def _end(self, outcome: Outcome, note: str) -> None:
        episode, self._episode = self._episode, None
        assert episode is not None
        self.episodes += 1
        self.link.episode_ended(
            EpisodeEnd(
                episode.number,
                outcome,
                episode.rewards,
                episode.steps,
                episode.plan.is_evaluation,
                note,
            )
        )

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
            return "reset" if self._reset_stamp_s is None else "target_pose after the reset"
        if self._episode is None or not self._episode.pending:
            return "new state from the arm"
        pending = self._episode.pending[0]
        if pending.sequence not in self._receipts:
            return "executed_action from the arm driver"
        if pending.next_state is None:
            return "new state from the arm"
        return "reward from the reward monitor"


def _key(stamp_s: float) -> int:
    """Stamps as whole microseconds: float seconds of the same message stamp compare equal."""
    return round(stamp_s * 1e6)
