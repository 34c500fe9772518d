"""The grasping learner's node: whole episodes in, weights and orders out; all of it is on disk.

It computes in a thread of its own. An episode is acknowledged once it is on disk, so that the actor
may forget it. Killed at any moment, it goes on from its folder when it is started again.
"""

from __future__ import annotations

from typing import Any

from robot_learning_interfaces.msg import (
    GraspEpisode,
    GraspOrder,
    LearnerStatus,
    PolicyParameters,
)

from robot_learning.grasping.graph_collectors import DeliveryError
from robot_learning.grasping.graph_run import GraspGraphRun
from robot_learning_nodes.convert import MessageError, to_time
from robot_learning_nodes.graph_node import ERROR, OK, GraphNode, Parameter
from robot_learning_nodes.grasp_messages import write_order
from robot_learning_nodes.learner_messages import write_status, write_weights
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import EPISODE, LATCHED, STREAM

STATUS_PERIOD_S = 0.5
ORDER_PERIOD_S = 0.05


class GraspLearnerNode(GraphNode):
    """Feeds the library's GraspGraphRun."""

    name = "learner"
    gives_way = True
    parameters = (
        Parameter("overrides", "{}", "hyper-parameters that differ from the defaults, as JSON"),
        Parameter("episodes", 5000, "episodes to collect", minimum=1, maximum=10**6 - 1),
        Parameter(
            "scripted_episodes",
            500,
            "of them by the script, before the policy acts at all",
            minimum=0,
            maximum=10**6 - 1,
        ),
        Parameter("offline", "", "folders of logs to learn from too, with commas between them"),
        Parameter("seed", 0, "seed of networks and sampling", minimum=0, maximum=2**31 - 1),
        Parameter("out", "runs/grasp", "folder for everything that the run makes"),
        Parameter("resume", False, "go on with a run that was ended before this launch"),
    )

    training: GraspGraphRun | None = None

    def configure(self) -> None:
        """Begins the run, or goes on with the one that this launch began."""
        self.training = GraspGraphRun(self.values)
        self.said_order: tuple[Any, ...] = ()
        self.said_version = 0
        self.said_warnings = 0
        if self.training.resumed:
            self.get_logger().info("goes on with the run in its folder")
        self.weights_out = self.advertise(PolicyParameters, "policy/parameters", LATCHED)
        self.order_out = self.advertise(GraspOrder, "grasp_order", LATCHED)
        self.status_out = self.advertise(LearnerStatus, "learner/status", STREAM)
        self.listen(GraspEpisode, "grasp_episode", self._episode, EPISODE)
        self.every(ORDER_PERIOD_S, self._say_news)
        self.every(STATUS_PERIOD_S, self._status)

    def activate(self) -> None:
        """Begins to work."""
        assert self.training is not None
        self.training.start()

    def stop(self) -> None:
        """Leaves a checkpoint and the policy."""
        training, self.training = self.training, None
        if training is not None:
            training.stop()
            if training.failure:
                self.get_logger().error(training.failure)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Phase, episodes, updates, duplicates."""
        if self.training is None:
            return ERROR, "closed", {}
        status = self.training.status()
        figures = {
            "episodes": status.episodes,
            "steps": status.steps,
            "updates": status.updates,
            "duplicates": status.duplicates,
        }
        return OK, f"{status.phase.name.lower()}: {self.training.line()}", figures

    def _episode(self, message: GraspEpisode) -> None:
        if self.training is None:
            return
        if message.contract_sha256 != self.contract.sha256:
            raise MessageError(
                f"episode of contract {message.contract_sha256[:12]}, this learner has "
                f"{self.contract.sha256[:12]}; start both with the same robot and task"
            )
        try:
            self.training.collectors.deliver(message.seed, bytes(message.shard))
        except DeliveryError as error:
            raise MessageError(str(error)) from None
        except OSError as error:
            # Not acknowledged, so nothing is lost: the actor keeps it and sends it again.
            self.get_logger().error(str(error), throttle_duration_sec=5.0)
        self._say_news()

    def _say_news(self) -> None:
        """Orders and weights, when they are others than before."""
        training = self.training
        if training is None:
            return
        if training.failure is not None:
            self.get_logger().fatal(training.failure)
            self.exit_code = 2  # another start would go the same way
            return
        wanted, acknowledged = training.collectors.order()
        news = (wanted, acknowledged, training.done)
        if news != self.said_order:
            self.said_order = news
            order = write_order(wanted, acknowledged, self.contract.sha256, done=training.done)
            order.header.stamp = to_time(self.wall_now_s())
            self.order_out.publish(order)
        policy = training.collectors.policy()
        if policy is not None and policy[0] != self.said_version:
            self.said_version = policy[0]
            version, data = policy
            self.weights_out.publish(
                write_weights(data, version, "qt_opt", self.contract.sha256, self.wall_now_s())
            )

    def _status(self) -> None:
        if self.training is None:
            return
        for warning in self.training.warnings[self.said_warnings :]:
            self.get_logger().warning(warning)
            self.said_warnings += 1
        message = write_status(self.training.status())
        message.header.stamp = to_time(self.wall_now_s())
        self.status_out.publish(message)


def main() -> None:
    """Entry point."""
    exit_process(run(GraspLearnerNode))
