"""The actor: turns states, rewards and receipts into action requests and episode steps.

It owns the order of things: home, reset, act for `episode_steps` periods, again. It knows no
middleware; the policy node feeds it messages and carries out what it asks through an `ActorLink`.

An action is chosen as soon as its state is there, and a step is completed when its reward and its
receipt have come. In lockstep, where time stands still, the actor of a task that can end by itself
waits for the judgement first.

Where objects lie about, they are seen anew after a reset: the first moment of an episode is younger
than the reset, so that nothing in it is of the scene before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from robot_learning.contract import Contract
from robot_learning.control.action import ActionKind
from robot_learning.envs.observation import NO_SCENE, Observer
from robot_learning.hardware import Array, Moment, RobotState, Scene
from robot_learning.training.actor_types import (
    ActorLink,
    ActorPhase,
    Judgement,
    Outcome,
    Receipt,
)
from robot_learning.training.episode_cycle import EpisodeCycle
from robot_learning.training.home_arrival import DURATION_TOLERANCE_S, HomeArrival
from robot_learning.training.running_episode import PendingStep, RunningEpisode
from robot_learning.training.scene_reset import SceneReset


class Actor(EpisodeCycle[ActorLink, RunningEpisode]):
    """Runs episodes over an `ActorLink`.

    Attributes:
        actor_id: identity for the steps' numbering.
        steps: completed.
        episode_type: what its episodes are.
    """

    episode_type: ClassVar[type[RunningEpisode]] = RunningEpisode

    def __init__(
        self,
        contract: Contract,
        link: ActorLink,
        *,
        actor_id: str,
        lockstep: bool,
        clock: Callable[[], float],
        patience_s: float = 2.0,
        shown: Callable[[RobotState], RobotState] = lambda state: state,
        knows: Callable[[RobotState], bool] = lambda state: True,
    ) -> None:
        """See `EpisodeCycle`.

        Args:
            contract: robot and task.
            link: carries out what is asked.
            actor_id: new for every start of a process.
            lockstep: time passes only when an action arrives.
            clock: seconds on a steady clock.
            patience_s: how long anything may be missing before the episode is given up.
            shown: a measurement as whoever chooses is to see it; see `envs.anticipation`.
            knows: whether a measurement can be shown so already; one that cannot is passed over.
        """
        super().__init__(contract, link, lockstep=lockstep, clock=clock, patience_s=patience_s)
        self.actor_id = actor_id
        self.steps = 0
        self._observer = Observer(contract)
        self._note = ""
        self._shown, self._knows = shown, knows
        self._scene = SceneReset(contract)
        self._has_objects = "object_position_m" in contract.task.scene
        self._seen: Scene = NO_SCENE  # with the newest state
        self._lasting: Scene = NO_SCENE  # for the whole episode
        self._arrival = HomeArrival(contract, lockstep=lockstep)
        # Time stands still in lockstep, so a state that may end the task is judged first.
        self._judged_first = lockstep and contract.task.terminates

    # What happens in the world.

    def on_state(self, state: RobotState, scene: Scene = NO_SCENE) -> None:
        """A new measurement, and where the task's objects are in it."""
        self._arrival.see(state)
        if not self._knows(state):
            return
        self._seen = scene
        super().on_state(state)

    def on_target(self, stamp_s: float, position_m: Array) -> None:
        """The goal of the task, base frame."""
        self._scene.on_target(stamp_s, position_m)
        self._start_if_ready()

    def on_receipt(self, sequence: int, receipt: Receipt) -> None:
        """What became of a request."""
        if self._episode is None:
            return
        if receipt.is_intervention and self._episode.plan.is_evaluation:
            self.abort("a person acted in an evaluation, which is the policy's alone")
            return
        self._episode.on_receipt(sequence, receipt)
        self._complete()

    def on_reward(self, stamp_s: float, judgement: Judgement) -> None:
        """The reward of the state with this stamp."""
        if self._episode is not None:
            self._episode.on_reward(stamp_s, judgement)
            self._complete()

    # What a person asks.

    def end_episode(self, label: Outcome | None, note: str) -> bool:
        """Ends the running episode with the step under way; whether one runs.

        Args:
            label: how it went, in the person's eyes; None leaves that to the task.
            note: who said so, one line.
        """
        if self._episode is None or self.phase is not ActorPhase.RUNNING:
            return False
        self._episode.cut(label)
        self._note = note
        return True

    def discard(self, note: str) -> bool:
        """Gives the running episode up and begins its scene again; whether one runs."""
        if self._episode is None or self.phase is not ActorPhase.RUNNING:
            return False
        self._redo = self._episode.plan
        self.abort(note)
        return True

    # Phases.

    def _forget_scene(self) -> None:
        self._scene.begin()

    def _scene_redrawn(self, stamp_s: float) -> None:
        self._scene.on_reset(stamp_s)
        self._requested_stamp_s = -np.inf
        if self.state is not None:
            self._resetting(self.state)
        self._start_if_ready()

    def _clock_restarted(self) -> None:
        self._scene.forget_target()

    def _go_home(self) -> None:
        self._arrival.begin()
        super()._go_home()

    def _homing(self, state: RobotState) -> None:
        """Arrives between two control periods: what begins within one would come too late."""
        if not self._arrival.is_early(state):
            super()._homing(state)

    def _resetting(self, state: RobotState) -> None:
        """Lets time pass until what is seen must be of the new scene."""
        reset_s = self._scene.stamp_s
        if not self._has_objects or reset_s is None:
            return
        if self.lockstep and state.stamp_s <= reset_s + 1e-9 and self._due(state.stamp_s):
            self._requested_stamp_s = state.stamp_s
            self._progress()
            zeros = np.zeros(self.contract.task.action.size, np.float32)
            self.link.request(ActionKind.HOLD, zeros, state.stamp_s, 0)
        if state.stamp_s >= reset_s + self._period_s - DURATION_TOLERANCE_S:
            self._start_if_ready()

    def _start_if_ready(self) -> None:
        if self.phase is not ActorPhase.RESETTING:
            return
        reset_s, scene = self._scene.stamp_s, self._scene.scene()
        if reset_s is None or scene is None or self.state is None or self._allowed is not None:
            return
        if self._has_objects and (
            self.state.stamp_s < reset_s + self._period_s - DURATION_TOLERANCE_S
        ):
            return
        assert self._next_plan is not None
        goal = np.zeros(0, np.float32)
        if self.contract.task.has_goal:
            goal = scene["target_position_m"].astype(np.float32)
        episode = self.episode_type(
            self.contract, self._observer, self.episodes, self._next_plan, goal
        )
        self._note = ""
        self._lasting = scene
        self._begin(episode, self.state.stamp_s)
        self._act(self._moment(self.state))

    def _moment(self, state: RobotState) -> Moment:
        return Moment(self._shown(state), {**self._seen, **self._lasting})

    def _running(self, state: RobotState) -> None:
        assert self._episode is not None
        if not self._episode.pending:
            return
        newest = self._episode.pending[-1]
        if newest.next is not None or state.stamp_s <= newest.stamp_s + 1e-9:
            return
        lasted_s = state.stamp_s - newest.stamp_s
        if self.lockstep:
            if lasted_s < self._period_s - DURATION_TOLERANCE_S:
                return
            if lasted_s > self._period_s + DURATION_TOLERANCE_S:
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
        newest.next = moment = self._moment(state)
        if not self._judged_first and self._episode.goes_on_after(newest.index):
            self._act(moment)
        self._complete()

    def _act(self, moment: Moment) -> None:
        episode, state = self._episode, moment.state
        assert episode is not None
        observation, achieved = self._observer.observe(*moment)
        choice = self.link.choose(observation, episode.goal, episode.plan.is_evaluation)
        index = episode.next_index
        self._requested_stamp_s = state.stamp_s
        self._progress()
        sequence = self.link.request(
            choice.kind, choice.action, state.stamp_s, choice.policy_version, choice.doubt
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
            step, after = completed
            self.steps += 1
            self._progress()
            self.link.step(step)
            if step.terminated or step.truncated:
                note, self._note = self._note, ""
                self._end(episode.outcome(), note)
                self._go_home()
            elif self._judged_first:
                self._act(after)

    def _missing(self) -> str:
        if self.phase is ActorPhase.RESETTING:
            return self._scene.missing()
        return self._episode.missing() if self._episode else "new state from the arm"
