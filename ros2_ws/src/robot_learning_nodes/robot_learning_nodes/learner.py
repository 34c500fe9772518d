"""The learner's node: episode steps in, weights out; everything it knows is on disk.

It computes in the main thread, between callbacks, in pieces short enough for steps not to pile
up. A step is acknowledged once it is on disk, so that the actor may forget it. Killed at any
moment, it goes on from its folder when it is started again.
"""

from __future__ import annotations

import json
import os
import time
from array import array
from pathlib import Path
from typing import Any

from robot_learning_interfaces.msg import (
    EpisodeStep,
    LearnerStatus,
    PolicyParameters,
    SafetyState,
)

from robot_learning.replay import StepError
from robot_learning.rewards.reach import ReachReward
from robot_learning.training.files import FileWriteError, write_atomic
from robot_learning.training.learner import Learner, Phase
from robot_learning.training.record import RunRecord
from robot_learning.training.run_directory import RunDirectory
from robot_learning.training.task_settings import task_learner_settings
from robot_learning_nodes.convert import MessageError, to_time
from robot_learning_nodes.graph_node import ERROR, OK, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, RECORD, STREAM
from robot_learning_nodes.step_messages import read_step

STATUS_PERIOD_S = 0.5
PUBLISH_PERIOD_S = 1.0
CHECKPOINT_PERIOD_S = 20.0
# Gradient updates between two looks at the inbox: a few milliseconds of work.
UPDATES_AT_ONCE = 2


class LearnerNode(GraphNode):
    """Feeds the library's Learner."""

    name = "learner"
    parameters = (
        Parameter("algorithm", "td3", "learning method"),
        Parameter("overrides", "{}", "hyper-parameters that differ from the defaults, as JSON"),
        Parameter("steps", 15000, "training steps wanted", minimum=1, maximum=10**9),
        Parameter(
            "evaluation_episodes", 100, "episodes of the final evaluation", minimum=0, maximum=10**6
        ),
        Parameter("seed", 0, "seed of networks and sampling", minimum=0, maximum=2**31 - 1),
        Parameter("out", "runs/graph", "folder for everything that the run makes"),
        Parameter("resume", False, "go on with a run that was ended before this launch"),
    )

    learner: Learner | None = None

    def configure(self) -> None:
        """Begins the run, or goes on with the one that this launch began."""
        values = self.values
        settings = task_learner_settings(
            self.contract,
            values["algorithm"],
            json.loads(values["overrides"]),
            seed=values["seed"],
            steps=values["steps"],
            evaluation_episodes=values["evaluation_episodes"],
        )
        directory = RunDirectory(Path(values["out"]))
        resume = values["resume"] or self._begun_by_this_launch(directory)
        config = {
            "task": self.contract.task.name,
            "robot": self.contract.robot.name,
            "over_graph": True,
            "mode": values["mode"],
            **{k: values[k] for k in ("algorithm", "steps", "seed", "evaluation_episodes")},
            "hyper_parameters": settings.hyper.model_dump(mode="json"),
            "contract_sha256": self.contract.sha256,
            "contract": self.contract.model_dump(mode="json"),
        }
        directory.begin(config, resume=resume)
        write_atomic(directory.path / "launch_id", _launch_id().encode())
        self.learner = Learner(
            directory.checkpoint, settings, ReachReward(self.contract.task).reward, resume=resume
        )
        title = (
            f"{self.contract.task.name} on {self.contract.robot.name}, {values['algorithm']} "
            f"over ROS 2, {values['mode']}"
        )
        self.record = RunRecord(self.learner, directory, title)
        for warning in self.learner.warnings:
            self.get_logger().warning(warning)
        if resume:
            self.get_logger().info(f"goes on after {self.learner.steps} steps")
        self.safety = "unknown"
        self.published_s = self.checkpointed_s = 0.0
        self.arrived = 0
        self.saved = False
        self.weights_out = self.advertise(PolicyParameters, "policy/parameters", LATCHED)
        self.status_out = self.advertise(LearnerStatus, "learner/status", STREAM)
        self.listen(EpisodeStep, "episode_step", self._step, RECORD)
        self.listen(SafetyState, "safety/state", self._safety, LATCHED)
        self.every(STATUS_PERIOD_S, self._status)

    def activate(self) -> None:
        """Says where the run stands."""
        self._publish_weights()
        self._status()

    def stop(self) -> None:
        """Leaves a checkpoint and the policy."""
        if self.learner is None:
            return
        learner, self.learner = self.learner, None
        try:
            learner.checkpoint()
            if not self.saved:
                self.record.save(None, learner.status().policy_version)
            self.record.status(now=True)
        except FileWriteError as error:
            self.get_logger().error(str(error))
        self.record.close()
        learner.close()

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, steps, updates, duplicates."""
        if self.learner is None:
            return ERROR, "closed", {}
        status = self.learner.status()
        figures = {
            "steps": status.steps,
            "updates": status.updates,
            "updates_per_s": f"{status.updates_per_s:.0f}",
            "duplicates": status.duplicates,
            "gaps": self.learner.gaps,
        }
        return OK, status.phase.name.lower(), figures

    def work(self) -> bool:
        """What the main thread does between callbacks; whether there was anything to do."""
        if not self.active or self.learner is None:
            return False
        due = self.learner.updates_due()
        if not due:
            return False
        self.record.figures.update(self.learner.update(min(due, UPDATES_AT_ONCE)))
        if time.monotonic() - self.published_s > PUBLISH_PERIOD_S:
            self._publish_weights()
        return True

    def _step(self, message: EpisodeStep) -> None:
        if self.learner is None:
            return
        if message.contract_sha256 != self.contract.sha256:
            raise MessageError(
                f"step of contract {message.contract_sha256[:12]}, this learner has "
                f"{self.contract.sha256[:12]}; start both with the same robot and task"
            )
        self.arrived += 1
        try:
            self.learner.insert(read_step(message))
        except StepError as error:
            raise MessageError(str(error)) from None

    def _safety(self, message: SafetyState) -> None:
        names = {0: "DISARMED", 1: "ARMED", 2: "STOPPING", 3: "FAULT", 4: "ESTOP"}
        reason = f" ({message.reason})" if message.reason else ""
        self.safety = names.get(message.state, "unknown") + reason

    def _status(self) -> None:
        learner = self.learner
        if learner is None:
            return
        try:
            learner.sync()
            self.record.episodes()
            self._checkpoint_if_due()
            self._finish_if_done()
            self.record.status({"safety_state": self.safety})
        except OSError as error:
            # Not acknowledged, so nothing is lost: the actor keeps its steps and waits.
            self.record.message = str(error)
            self.get_logger().error(str(error), throttle_duration_sec=5.0)
        self._publish_status()

    def _publish_status(self) -> None:
        assert self.learner is not None
        status = self.learner.status()
        done = status.phase is Phase.DONE and not self.saved
        message = LearnerStatus(
            # Done means that everything is on disk.
            phase=int(Phase.EVALUATING if done else status.phase),
            steps=status.steps,
            steps_goal=status.steps_goal,
            episodes=status.episodes,
            updates=status.updates,
            updates_per_s=status.updates_per_s,
            steps_per_s=status.steps_per_s,
            success_rate=status.success_rate,
            success_window=status.success_window,
            success_wilson95=list(status.success_wilson95),
            policy_version=status.policy_version,
            evaluation_episodes_goal=status.evaluation_episodes_goal,
            evaluation_episodes=status.evaluation_episodes,
            actor_ids=list(status.actor_ids),
            acknowledged_steps=list(status.acknowledged_steps),
            duplicates=status.duplicates,
        )
        message.header.stamp = to_time(self.wall_now_s())
        self.status_out.publish(message)

    def _checkpoint_if_due(self) -> None:
        now_s = time.monotonic()
        if now_s - self.checkpointed_s > CHECKPOINT_PERIOD_S:
            assert self.learner is not None
            self.learner.checkpoint()
            self.checkpointed_s = now_s

    def _finish_if_done(self) -> None:
        learner = self.learner
        assert learner is not None
        phase = learner.status().phase
        if phase is Phase.EVALUATING and self.phase_before is not Phase.EVALUATING:
            # The evaluated weights are the last ones, and are what the policy file holds.
            self._publish_weights()
        self.phase_before = phase
        if phase is not Phase.DONE or self.saved:
            return
        evaluation = learner.evaluation() if learner.settings.evaluation_episodes_goal else None
        learner.checkpoint()
        self.record.save(evaluation, learner.status().policy_version)
        if evaluation:
            text = json.dumps(
                evaluation.as_json()
                | {
                    "contract": self.contract.sha256,
                    "policy_version": learner.status().policy_version,
                }
            )
            write_atomic(self.record.directory.path / "evaluation.json", (text + "\n").encode())
        self.saved = True
        self.record.status({"safety_state": self.safety}, now=True)

    phase_before = Phase.WARMUP

    def _publish_weights(self) -> None:
        assert self.learner is not None
        version, data = self.learner.publish()
        self.published_s = time.monotonic()
        message = PolicyParameters(
            version=version,
            algorithm=self.values["algorithm"],
            contract_sha256=self.contract.sha256,
        )
        message.header.stamp = to_time(self.wall_now_s())
        message.safetensors = array("B", data)
        self.weights_out.publish(message)

    def _begun_by_this_launch(self, directory: RunDirectory) -> bool:
        """True when this process replaces one that was killed within the same launch."""
        path = directory.path / "launch_id"
        return path.exists() and path.read_text(encoding="utf-8") == _launch_id()


def _launch_id() -> str:
    """Identity of whatever started this process: its pid and start time.

    The supervisor stays the same while it starts a killed node again.
    """
    pid = os.getppid()
    start = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    return f"{pid} {start}"


def main() -> None:
    """Entry point."""
    os.nice(5)  # the arm's side goes first where cores are few
    exit_process(run(LearnerNode, work=LearnerNode.work))
