"""The learner's node: episode steps in, weights out; everything it knows is on disk.

It computes in the main thread, between callbacks, in pieces short enough for steps not to pile
up. A step is acknowledged once it is on disk, so that the actor may forget it. Killed at any
moment, it goes on from its folder when it is started again.
"""

from __future__ import annotations

from typing import Any

from robot_learning_interfaces.msg import (
    EpisodeStep,
    LearnerStatus,
    PolicyParameters,
    SafetyState,
)

from robot_learning.files import FileWriteError
from robot_learning.replay import StepError
from robot_learning.training.graph_run import GraphRun
from robot_learning.training.guarded_updates import DivergedError
from robot_learning_nodes.convert import MessageError, to_time
from robot_learning_nodes.graph_node import ERROR, OK, GraphNode, Parameter
from robot_learning_nodes.learner_messages import write_status, write_weights
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, RECORD, STREAM
from robot_learning_nodes.step_messages import read_step

STATUS_PERIOD_S = 0.5


class LearnerNode(GraphNode):
    """Feeds the library's GraphRun."""

    name = "learner"
    gives_way = True
    parameters = (
        Parameter("algorithm", "td3", "learning method"),
        Parameter("overrides", "{}", "hyper-parameters that differ from the defaults, as JSON"),
        Parameter("steps", 15000, "training steps wanted", minimum=1, maximum=10**9),
        Parameter(
            "evaluation_episodes", 100, "episodes of the final evaluation", minimum=0, maximum=10**6
        ),
        Parameter("seed", 0, "seed of networks and sampling", minimum=0, maximum=2**31 - 1),
        Parameter("out", "runs/graph", "folder for everything that the run makes"),
        Parameter("demonstrations", "", "file of steps to learn from too; empty: none"),
        Parameter("resume", False, "go on with a run that was ended before this launch"),
    )

    training: GraphRun | None = None

    def configure(self) -> None:
        """Begins the run, or goes on with the one that this launch began."""
        self.training = GraphRun(self.contract, self.values, self._give_weights)
        for warning in self.training.learner.warnings:
            self.get_logger().warning(warning)
        if self.training.resumed:
            self.get_logger().info(f"goes on after {self.training.learner.steps} steps")
        self.safety = "unknown"
        self.weights_out = self.advertise(PolicyParameters, "policy/parameters", LATCHED)
        self.status_out = self.advertise(LearnerStatus, "learner/status", STREAM)
        self.listen(EpisodeStep, "episode_step", self._step, RECORD)
        self.listen(SafetyState, "safety/state", self._safety, LATCHED)
        self.every(STATUS_PERIOD_S, self._status)

    def activate(self) -> None:
        """Says where the run stands."""
        assert self.training is not None
        self.training.publish()
        self._status()

    def stop(self) -> None:
        """Leaves a checkpoint and the policy."""
        training, self.training = self.training, None
        if training is None:
            return
        try:
            training.close()
        except FileWriteError as error:
            self.get_logger().error(str(error))

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, steps, updates, duplicates."""
        if self.training is None:
            return ERROR, "closed", {}
        learner = self.training.learner
        status = learner.status()
        figures = {
            "steps": status.steps,
            "updates": status.updates,
            "updates_per_s": f"{status.updates_per_s:.0f}",
            "demonstrations": learner.demonstrations,
            "duplicates": status.duplicates,
            "gaps": learner.gaps,
        }
        return OK, status.phase.name.lower(), figures

    def work(self) -> bool:
        """What the main thread does between callbacks; whether there was anything to do."""
        if not self.active or self.training is None:
            return False
        try:
            return self.training.work()
        except DivergedError as error:
            self.get_logger().fatal(str(error))
            self.exit_code = 2  # another start would go the same way
            return False

    def _step(self, message: EpisodeStep) -> None:
        if self.training is None:
            return
        if message.contract_sha256 != self.contract.sha256:
            raise MessageError(
                f"step of contract {message.contract_sha256[:12]}, this learner has "
                f"{self.contract.sha256[:12]}; start both with the same robot and task"
            )
        try:
            self.training.learner.insert(read_step(message))
        except StepError as error:
            raise MessageError(str(error)) from None
        except OSError as error:
            self._disk_failed(error)

    def _safety(self, message: SafetyState) -> None:
        names = {0: "DISARMED", 1: "ARMED", 2: "STOPPING", 3: "FAULT", 4: "ESTOP"}
        reason = f" ({message.reason})" if message.reason else ""
        self.safety = names.get(message.state, "unknown") + reason

    def _status(self) -> None:
        if self.training is None:
            return
        try:
            self.training.keep({"safety_state": self.safety})
        except OSError as error:
            self._disk_failed(error)
        message = write_status(self.training.status())
        message.header.stamp = to_time(self.wall_now_s())
        self.status_out.publish(message)

    def _disk_failed(self, error: OSError) -> None:
        """Not acknowledged, so nothing is lost: the actor keeps its steps and sends them again."""
        assert self.training is not None
        self.training.record.message = str(error)
        self.get_logger().error(str(error), throttle_duration_sec=5.0)

    def _give_weights(self, version: int, data: bytes) -> None:
        algorithm, sha256 = self.values["algorithm"], self.contract.sha256
        self.weights_out.publish(write_weights(data, version, algorithm, sha256, self.wall_now_s()))


def main() -> None:
    """Entry point."""
    exit_process(run(LearnerNode, work=LearnerNode.work))
