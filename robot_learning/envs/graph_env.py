"""The node graph, simulated or a real arm, as a Gymnasium environment: what `StateEnv` is in one
process, with driver, gate, arbiter, monitors and whatever is behind them in processes of their own.

The environment stands where the policy node stands. It asks for actions as any policy does, so
both safety layers hold, and nothing in it knows any middleware: a `GraphLink` carries messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract import Contract, ReachTask, task_of
from robot_learning.control.action import ActionKind
from robot_learning.control.homing import measured_at_home
from robot_learning.envs.observation import NO_SCENE, Observer, observation_size
from robot_learning.hardware import Array, Moment, RobotState
from robot_learning.replay.step import Float32, Step
from robot_learning.rewards.goal import GoalReward, HoldCounter
from robot_learning.training.actor_types import EpisodePlan, Judgement, Receipt
from robot_learning.training.episode_cycle import DURATION_TOLERANCE_S, HOME_AGAIN_S
from robot_learning.training.running_episode import PendingStep, RunningEpisode
from robot_learning.training.scene_reset import SceneReset

Observation = dict[str, Float32]
_SPIN_S = 0.05
_MEET_AGAIN_S = 2.0  # a request before the graph listens to us is lost: it is asked again
_STANDS_STILL_S = 0.5


class GraphError(RuntimeError):
    """The graph does not answer; one line: what is missing and what to do."""


class GraphLink(Protocol):
    """Carries messages between an environment and the graph."""

    def attach(self, listener: GraphEnv) -> None:
        """Where messages go from now on."""

    def spin(self, timeout_s: float) -> None:
        """Waits for the next message and hands over all that are there."""

    def request(self, kind: ActionKind, action: Float32, stamp_s: float) -> int:
        """Sends an action request; its sequence number."""

    def reset(self, seed: int) -> None:
        """Asks for a new scene; `GraphEnv.on_reset` must follow."""

    def close(self) -> None:
        """Leaves the graph."""


class GraphEnv(gymnasium.Env[Any, Float32]):
    """Spaces, rewards and `info` as those of `StateEnv`.

    Truncated after the contract's steps, or when the graph no longer allows motion, with the
    reason in `info["fault"]`. In real time the arm comes to rest where `step` is not called within
    two control periods, and goes on with the next call.

    Args:
        contract: robot and task, the graph's own.
        link: to the graph.
        lockstep: time passes only when an action arrives.
        patience_s: how long anything may be missing before `GraphError`.
        clock: steady, seconds.
    """

    def __init__(
        self,
        contract: Contract,
        link: GraphLink,
        *,
        lockstep: bool,
        patience_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.contract = contract
        self.metadata = {"render_modes": [], "render_fps": round(contract.task.control_hz)}
        self.action_space = spaces.Box(-1.0, 1.0, (contract.task.action.size,), np.float32)
        size = {"observation": observation_size(contract), "achieved_goal": 3, "desired_goal": 3}
        self.observation_space = spaces.Dict(
            {name: spaces.Box(-np.inf, np.inf, (n,), np.float32) for name, n in size.items()}
        )
        self._link = link
        self._lockstep = lockstep
        self._patience_s = patience_s
        self._clock = clock
        self._observer = Observer(contract)
        self._reward = GoalReward(task_of(contract, ReachTask))
        self._hold = HoldCounter(contract.task.hold_steps)
        self._scene = SceneReset(contract)
        self._refused: str | None = None
        self._allowed: str | None = "safety/state was not heard"
        self._state: RobotState | None = None
        self._episode: RunningEpisode | None = None
        self._start_s = 0.0
        self._episodes = 0
        self._met = False
        self._answered = -1  # sequence of the newest receipt
        self._judged = False
        link.attach(self)

    # Gymnasium.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Goes home, asks for a new scene and begins an episode.

        Raises:
            GraphError: something does not answer in time; the message says what.
        """
        super().reset(seed=seed)
        self._episode = None
        self._hold.reset()
        self._meet()
        self._go_home()
        scene_seed = int(self.np_random.integers(2**31))
        self._refused = None
        self._scene.begin()
        self._link.reset(scene_seed)
        self._wait(lambda: self._scene.goal() is not None or self._refused is not None, "a scene")
        if self._refused is not None:
            raise GraphError(f"the scene was not reset: {self._refused}")
        goal, state = self._scene.goal(), self._state
        assert goal is not None and state is not None
        plan = EpisodePlan(scene_seed, is_evaluation=False)
        self._episode = RunningEpisode(self.contract, self._observer, self._episodes, plan, goal)
        self._episodes += 1
        self._start_s = state.stamp_s
        observation = self._observe(state, goal)
        return observation, self._info(observation, state)

    def step(self, action: Float32) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One control period.

        Raises:
            GraphError: state, reward or receipt did not come in time.
            RuntimeError: before the first reset, or after the end of an episode.
        """
        episode, state = self._episode, self._state
        if episode is None or state is None:
            raise RuntimeError("step() without a running episode: call reset() first")
        self._link.spin(0.0)
        state = self._state
        assert state is not None
        done = self._carry_out(episode, np.asarray(action, np.float32), state)
        after = self._state
        assert after is not None
        if done is None:
            self._episode = None
            observation = self._observe(after, episode.goal)
            info = self._info(observation, after) | {"fault": self._allowed}
            achieved, desired = observation["achieved_goal"], observation["desired_goal"]
            return observation, float(self._reward.reward(achieved, desired)), False, True, info
        step, (after, _) = done
        observation = self._observe(after, episode.goal)
        self._hold.update(step.success)
        info = self._info(observation, after) | {
            "requested_action": step.requested_action,
            "gated_action": step.gated_action,
            "executed_action": step.executed_action,
            "observation_age_s": step.observation_age_s,
        }
        if step.terminated or step.truncated:
            self._episode = None
        return observation, step.reward, step.terminated, step.truncated, info

    def compute_reward(
        self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any
    ) -> NDArray[Any]:
        """Reward of achieved goals, one (3,) or a batch (..., 3), for relabelling."""
        return self._reward.reward(achieved_goal, desired_goal)

    def close(self) -> None:
        """Asks the arm to rest and leaves the graph."""
        if self._state is not None:
            self._request(ActionKind.HOLD, self._state)
        self._link.close()

    # What the link hands over.

    def set_allowed(self, reason: str | None) -> None:
        """Motion is allowed (None), or why not."""
        self._allowed = reason

    def on_state(self, state: RobotState) -> None:
        """A new measurement."""
        self._state = state
        if self._episode is not None and self._episode.pending:
            newest = self._episode.pending[-1]
            lasted_s = state.stamp_s - newest.stamp_s
            slack_s = 0.5 / self.contract.robot.rates.state_hz
            if newest.next is None and lasted_s >= self.contract.control_period_s - slack_s:
                newest.next = Moment(state, NO_SCENE)

    def on_reward(self, stamp_s: float, judgement: Judgement) -> None:
        """The reward of the state with this stamp."""
        self._judged = True
        if self._episode is not None:
            self._episode.on_reward(stamp_s, judgement)

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        self._answered = max(self._answered, sequence)
        if self._episode is not None:
            self._episode.on_receipt(sequence, receipt)

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The goal of the task, base frame."""
        self._scene.on_target(stamp_s, position_m)

    def on_reset(self, stamp_s: float | None, message: str = "") -> None:
        """The scene was redrawn at this stamp, or not (None) and why."""
        if stamp_s is None:
            self._refused = message
        else:
            self._scene.on_reset(stamp_s)

    # Parts of the above.

    def _meet(self) -> None:
        """Asks the arm to rest until driver and reward monitor answer, once.

        A graph finds its nodes in its own time: what is said before both ends know each other is
        lost, and in lockstep nobody would ever say it again.
        """
        begun_s = asked_s = moved_s = self._clock()
        sequence, until_s, stamp_s = -1, np.inf, -np.inf
        while not self._met:
            self._link.spin(_SPIN_S)
            now_s, state = self._clock(), self._state
            if state is not None and state.stamp_s != stamp_s:
                stamp_s, moved_s = state.stamp_s, now_s
            answered = self._answered >= sequence >= 0 and self._judged and stamp_s >= until_s
            if answered and (not self._lockstep or now_s - moved_s > _STANDS_STILL_S):
                self._met = True
            due = sequence < 0 or now_s - asked_s > _MEET_AGAIN_S
            if not answered and due and state is not None and self._allowed is None:
                sequence, asked_s = self._request(ActionKind.HOLD, state), now_s
                until_s = stamp_s + self.contract.control_period_s - DURATION_TOLERANCE_S
            if not answered and now_s - begun_s > self._patience_s:
                missing = (
                    self._not_there(state)
                    or ("executed_action from the arm driver" if self._answered < 0 else None)
                    or ("new state from the arm" if self._judged else "reward")
                )
                raise self._no_episode(missing)

    def _not_there(self, state: RobotState | None) -> str | None:
        """Why nothing can be asked of the arm, if so."""
        return "joint_states" if state is None else self._allowed

    def _no_episode(self, missing: str) -> GraphError:
        return GraphError(
            f"no episode began within {self._patience_s:.0f} s, waiting for: {missing}; "
            "is the graph running in this ROS domain, and is the arm armed?"
        )

    def _go_home(self) -> None:
        """Waits until motion is allowed and drives to the contract's home."""
        again_s = HOME_AGAIN_S if self._lockstep else self.contract.control_period_s
        asked_s = -np.inf
        begun_s = self._clock()
        while True:
            self._link.spin(_SPIN_S)
            state = self._state
            if state is not None and self._allowed is None:
                if measured_at_home(self.contract, state):
                    return
                if state.stamp_s >= asked_s + again_s - 1e-6 or state.stamp_s < asked_s:
                    self._request(ActionKind.HOME, state)
                    asked_s = state.stamp_s
            if self._clock() - begun_s > self._patience_s:
                raise self._no_episode(self._not_there(state) or "the way home")

    def _carry_out(
        self, episode: RunningEpisode, action: Float32, state: RobotState
    ) -> tuple[Step, Moment] | None:
        """Requests an action and waits for what came of it; None when motion is not allowed."""
        observation, achieved = self._observer.observe(state)
        sequence = self._link.request(ActionKind.ACTION, action, state.stamp_s)
        pending = PendingStep(
            episode.next_index, observation, achieved, state.stamp_s, sequence, version=0
        )
        episode.pending.append(pending)
        done: list[tuple[Step, Moment]] = []

        def over() -> bool:
            completed = episode.complete("gymnasium", pending.index)
            if completed is not None:
                done.append(completed)
            return bool(done) or self._allowed is not None

        self._wait(over, lambda: episode.missing())
        return done[0] if done else None

    def _request(self, kind: ActionKind, state: RobotState) -> int:
        zeros = np.zeros(self.contract.task.action.size, np.float32)
        return self._link.request(kind, zeros, state.stamp_s)

    def _wait(self, condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
        begun_s = self._clock()
        while not condition():
            if self._clock() - begun_s > self._patience_s:
                missing = what if isinstance(what, str) else what()
                raise GraphError(
                    f"no {missing} within {self._patience_s:.0f} s; is the graph still running?"
                )
            self._link.spin(_SPIN_S)

    def _observe(self, state: RobotState, goal: Float32) -> Observation:
        observation, achieved = self._observer.observe(state)
        return {
            "observation": observation,
            "achieved_goal": achieved,
            "desired_goal": goal.copy(),
        }

    def _info(self, observation: Observation, state: RobotState) -> dict[str, Any]:
        achieved, desired = observation["achieved_goal"], observation["desired_goal"]
        return {
            "at_goal": bool(self._reward.success(achieved, desired)),
            "distance_m": float(self._reward.distance_m(achieved, desired)),
            "is_success": self._hold.held_steps >= self.contract.task.hold_steps,
            "stamp_s": round(state.stamp_s - self._start_s, 9),
        }
