"""An environment's side of a running graph: what was heard, and what must be before an episode.

It stands where the policy node stands. Nothing in it knows any middleware: a `GraphLink` carries
messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.control.homing import measured_at_home
from robot_learning.envs.observation import NO_SCENE
from robot_learning.hardware import Array, Moment, RobotState, Scene
from robot_learning.replay.step import Float32
from robot_learning.training.actor_types import Judgement, Receipt
from robot_learning.training.episode_cycle import HOME_AGAIN_S
from robot_learning.training.home_arrival import DURATION_TOLERANCE_S, HomeArrival
from robot_learning.training.running_episode import RunningEpisode
from robot_learning.training.scene_reset import SceneReset

_SPIN_S = 0.05
_MEET_AGAIN_S = 2.0  # a request before the graph listens to us is lost: it is asked again
_STANDS_STILL_S = 0.5


class GraphError(RuntimeError):
    """The graph does not answer; one line: what is missing and what to do."""


class GraphLink(Protocol):
    """Carries messages between an environment and the graph."""

    def attach(self, listener: GraphSession) -> None:
        """Where messages go from now on."""

    def spin(self, timeout_s: float) -> None:
        """Waits for the next message and hands over all that are there."""

    def request(self, kind: ActionKind, action: Float32, stamp_s: float, doubt: float) -> int:
        """Sends an action request; its sequence number."""

    def reset(self, seed: int) -> None:
        """Asks for a new scene; `GraphSession.on_reset` must follow."""

    def missing(self) -> str | None:
        """What the newest state waits for, as its topic is called; None: nothing."""

    def close(self) -> None:
        """Leaves the graph."""


class GraphSession:
    """Meets the graph, brings the arm home and has scenes drawn; waits for what is to come.

    Attributes:
        allowed: None while motion is allowed, else why not.
        state: newest measurement; None before the first.
        episode: gets receipts, rewards and states while it runs.
        receipt: of the newest request that was answered; None before the first.
    """

    def __init__(
        self,
        contract: Contract,
        link: GraphLink,
        *,
        lockstep: bool,
        patience_s: float,
        clock: Callable[[], float],
    ) -> None:
        """Listens; see `GraphEnv` for the arguments."""
        self.allowed: str | None = "safety/state was not heard"
        self.state: RobotState | None = None
        self.episode: RunningEpisode | None = None
        self.receipt: Receipt | None = None
        self._contract = contract
        self._link = link
        self._lockstep = lockstep
        self._patience_s = patience_s
        self._clock = clock
        self._scene = SceneReset(contract)
        self._arrival = HomeArrival(contract, lockstep=lockstep)
        self._has_objects = "object_position_m" in contract.task.scene
        self._seen: Scene = NO_SCENE  # with the newest state
        self._lasting: Scene = NO_SCENE  # of the present scene
        self._refused: str | None = None
        self._met = False
        self._answered = -1  # sequence of the newest receipt
        self._judged = False
        link.attach(self)

    # What the link hands over.

    def set_allowed(self, reason: str | None) -> None:
        """Motion is allowed (None), or why not."""
        self.allowed = reason

    def on_state(self, state: RobotState, scene: Scene = NO_SCENE) -> None:
        """A new measurement, and where the task's objects are in it."""
        self.state, self._seen = state, scene
        self._arrival.see(state)
        if self.episode is not None and self.episode.pending:
            newest = self.episode.pending[-1]
            lasted_s = state.stamp_s - newest.stamp_s
            slack_s = 0.5 / self._contract.robot.rates.state_hz
            if newest.next is None and lasted_s >= self._contract.control_period_s - slack_s:
                newest.next = self.moment()

    def on_reward(self, stamp_s: float, judgement: Judgement) -> None:
        """The reward of the state with this stamp."""
        self._judged = True
        if self.episode is not None:
            self.episode.on_reward(stamp_s, judgement)

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        if sequence >= self._answered:
            self._answered, self.receipt = sequence, receipt
        if self.episode is not None:
            self.episode.on_receipt(sequence, receipt)

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The target of the task, base frame."""
        self._scene.on_target(stamp_s, position_m)

    def on_reset(self, stamp_s: float | None, message: str = "") -> None:
        """The scene was redrawn at this stamp, or not (None) and why."""
        if stamp_s is None:
            self._refused = message
        else:
            self._scene.on_reset(stamp_s)

    # What an environment asks.

    def moment(self) -> Moment:
        """The newest state, with everything that the task needs of its scene."""
        assert self.state is not None
        return Moment(self.state, {**self._seen, **self._lasting})

    def request(self, kind: ActionKind, action: Float32 | None = None, doubt: float = 0.0) -> int:
        """Asks for something, for the newest state; its sequence number."""
        assert self.state is not None
        zeros = np.zeros(self._contract.task.action.size, np.float32)
        asked = zeros if action is None else action
        return self._link.request(kind, asked, self.state.stamp_s, doubt)

    def spin(self) -> None:
        """Takes what has come."""
        self._link.spin(0.0)

    def wait(self, condition: Callable[[], bool], missing: Callable[[], str]) -> None:
        """Takes what comes until a condition holds.

        Raises:
            GraphError: it does not within the patience; `missing` says what did not come.
        """
        begun_s = self._clock()
        while not condition():
            if self._clock() - begun_s > self._patience_s:
                raise GraphError(
                    f"no {missing()} within {self._patience_s:.0f} s; is the graph still running?"
                )
            self._link.spin(_SPIN_S)

    def close(self) -> None:
        """Asks the arm to rest and leaves the graph."""
        if self.state is not None:
            self.request(ActionKind.HOLD)
        self._link.close()

    def meet(self) -> None:
        """Asks the arm to rest until driver and reward monitor answer, once.

        A graph finds its nodes in its own time: what is said before both ends know each other is
        lost, and in lockstep nobody would ever say it again.

        Raises:
            GraphError: somebody does not answer.
        """
        begun_s = asked_s = moved_s = self._clock()
        sequence, until_s, stamp_s = -1, np.inf, -np.inf
        while not self._met:
            self._link.spin(_SPIN_S)
            now_s, state = self._clock(), self.state
            if state is not None and state.stamp_s != stamp_s:
                stamp_s, moved_s = state.stamp_s, now_s
            answered = self._answered >= sequence >= 0 and self._judged and stamp_s >= until_s
            if answered:
                self._met = not self._lockstep or now_s - moved_s > _STANDS_STILL_S
                continue
            due = sequence < 0 or now_s - asked_s > _MEET_AGAIN_S
            if due and state is not None and self.allowed is None:
                sequence, asked_s = self.request(ActionKind.HOLD), now_s
                until_s = stamp_s + self._contract.control_period_s - DURATION_TOLERANCE_S
            if now_s - begun_s > self._patience_s:
                missing = (
                    self._not_there()
                    or ("executed_action from the arm driver" if self._answered < 0 else None)
                    or ("new state from the arm" if self._judged else "reward")
                )
                raise self._no_episode(missing)

    def go_home(self) -> None:
        """Waits until motion is allowed and drives to the contract's home.

        Raises:
            GraphError: it is not allowed, or the arm does not arrive.
        """
        again_s = HOME_AGAIN_S if self._lockstep else self._contract.control_period_s
        asked_s, begun_s = -np.inf, self._clock()
        self._arrival.begin()
        while True:
            self._link.spin(_SPIN_S)
            state = self.state
            if state is not None and self.allowed is None and not self._arrival.is_early(state):
                if measured_at_home(self._contract, state):
                    return
                if state.stamp_s >= asked_s + again_s - 1e-6 or state.stamp_s < asked_s:
                    self.request(ActionKind.HOME)
                    asked_s = state.stamp_s
            if self._clock() - begun_s > self._patience_s:
                raise self._no_episode(self._not_there() or "the way home")

    def new_scene(self, seed: int) -> Moment:
        """Has the scene drawn anew; its first moment, which shows nothing of the scene before.

        Raises:
            GraphError: it was refused, or is not seen.
        """
        self._refused = None
        self._scene.begin()
        self._link.reset(seed)
        self.wait(self._is_drawn, self._scene.missing)
        if self._refused is not None:
            raise GraphError(f"the scene was not reset: {self._refused}")
        reset_s, scene = self._scene.stamp_s, self._scene.scene()
        assert reset_s is not None and scene is not None
        if self._has_objects:
            if self._lockstep:  # time stands still: a period of rest shows where things are now
                self.request(ActionKind.HOLD)
            first_s = reset_s + self._contract.control_period_s - DURATION_TOLERANCE_S
            self.wait(
                lambda: self.state is not None and self.state.stamp_s >= first_s,
                lambda: self._link.missing() or "new state after the reset",
            )
        self._lasting = scene
        return self.moment()

    def _is_drawn(self) -> bool:
        return self._refused is not None or self._scene.scene() is not None

    def _not_there(self) -> str | None:
        """Why nothing can be asked of the arm, if so."""
        if self.state is None:
            return self._link.missing() or "joint_states"
        return self.allowed

    def _no_episode(self, missing: str) -> GraphError:
        return GraphError(
            f"no episode began within {self._patience_s:.0f} s, waiting for: {missing}; "
            "is the graph running in this ROS domain, and is the arm armed?"
        )
