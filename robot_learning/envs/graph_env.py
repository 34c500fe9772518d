"""The node graph, simulated or a real arm, as a Gymnasium environment: what `StateEnv` is in one
process, with driver, gate, arbiter, monitors and whatever is behind them in processes of their own.

It asks for actions as any policy does, so both safety layers hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.envs.graph_session import GraphLink, GraphSession
from robot_learning.envs.task_view import TaskView
from robot_learning.hardware import Moment
from robot_learning.replay.step import Float32, Step
from robot_learning.training.actor_types import EpisodePlan, Receipt
from robot_learning.training.running_episode import PendingStep, RunningEpisode


class GraphEnv(gymnasium.Env[Any, Float32]):
    """Spaces, rewards, ends and `info` as those of `StateEnv`, for every task seen in numbers.

    Reward, success and termination are the reward monitor's. Where the graph no longer allows
    motion the episode ends as with a latched fault there, with the reason in `info["fault"]`:
    terminated, a failure, where success would terminate it too, else truncated. `info` also says
    whether a person acted (`is_intervention`) and how old the observation was that the driver
    acted on (`observation_age_s`). In real time the arm comes to rest where `step` is not called
    within two control periods, and goes on with the next call.

    Attributes:
        doubt: as of `RobotEnv`.

    Args:
        contract: robot and task, the graph's own.
        link: to the graph.
        lockstep: time passes only when an action arrives.
        patience_s: how long anything may be missing before `GraphError`.
        clock: steady, seconds.

    Raises:
        ContractError: the task is seen in pictures.
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
        self._view = TaskView(contract)
        self.observation_space = self._view.observation_space
        self.doubt = 0.0
        self._start_s = 0.0
        self._episodes = 0
        self._session = GraphSession(
            contract, link, lockstep=lockstep, patience_s=patience_s, clock=clock
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Goes home, asks for a new scene and begins an episode.

        Raises:
            GraphError: something does not answer in time; the message says what.
        """
        super().reset(seed=seed)
        session = self._session
        session.episode, self.doubt = None, 0.0
        session.meet()
        session.go_home()
        seed_of_scene = int(self.np_random.integers(2**31))
        first = session.new_scene(seed_of_scene)
        self._start_s = first.state.stamp_s
        observation, info = self._view.begin(*first)
        session.episode = RunningEpisode(
            self.contract,
            self._view.observer,
            self._episodes,
            EpisodePlan(seed_of_scene, is_evaluation=False),
            self._view.goal,
        )
        self._episodes += 1
        zeros = np.zeros(self.contract.task.action.size, np.float32)
        return observation, self._acted(Receipt(zeros, zeros, zeros, 0.0), first) | info

    def step(self, action: Float32) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One control period.

        Raises:
            GraphError: state, reward or receipt did not come in time.
            RuntimeError: before the first reset, or after the end of an episode.
        """
        episode = self._session.episode
        if episode is None:
            raise RuntimeError("step() without a running episode: call reset() first")
        done = self._carry_out(episode, np.asarray(action, np.float32))
        if done is None:
            return self._given_up()
        step, receipt, after = done
        info = self._view.info(self._view.judge.judge(*after), step.success)
        if step.terminated or step.truncated:
            self._session.episode = None
        info |= self._acted(receipt, after)
        return self._view.observe(*after), step.reward, step.terminated, step.truncated, info

    def compute_reward(
        self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any
    ) -> NDArray[Any]:
        """Reward of achieved goals, one (3,) or a batch (..., 3), for relabelling.

        Raises:
            TypeError: the task has no goals.
        """
        return self._view.compute_reward(achieved_goal, desired_goal)

    def close(self) -> None:
        """Asks the arm to rest and leaves the graph."""
        self._session.close()

    def _carry_out(
        self, episode: RunningEpisode, action: Float32
    ) -> tuple[Step, Receipt, Moment] | None:
        """Requests an action and waits for what came of it; None when motion is not allowed."""
        session = self._session
        session.spin()
        before = session.moment()
        observation, achieved = self._view.observer.observe(*before)
        doubt, self.doubt = self.doubt, 0.0
        sequence = session.request(ActionKind.ACTION, action, doubt)
        pending = PendingStep(
            episode.next_index, observation, achieved, before.state.stamp_s, sequence, version=0
        )
        episode.pending.append(pending)
        done: list[tuple[Step, Moment]] = []

        def over() -> bool:
            completed = episode.complete("gymnasium", pending.index)
            if completed is not None:
                done.append(completed)
            return bool(done) or session.allowed is not None

        session.wait(over, episode.missing)
        if not done or session.receipt is None:
            return None
        return done[0][0], session.receipt, done[0][1]

    def _given_up(self) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        session, ends = self._session, self._view.task.terminates
        session.episode = None
        after = session.moment()
        judged = self._view.judge.judge(*after)
        reward = 0.0 if ends else judged.reward
        info = self._view.info(judged, False) | self._when(after) | {"fault": session.allowed}
        return self._view.observe(*after), reward, ends, not ends, info

    def _acted(self, receipt: Receipt, after: Moment) -> dict[str, Any]:
        return self._when(after) | {
            "requested_action": receipt.requested,
            "gated_action": receipt.gated,
            "executed_action": receipt.executed,
            "limits": receipt.limits,
            "is_intervention": receipt.is_intervention,
            "observation_age_s": receipt.observation_age_s,
        }

    def _when(self, moment: Moment) -> dict[str, Any]:
        return {"stamp_s": round(moment.state.stamp_s - self._start_s, 9)}
