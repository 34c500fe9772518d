"""The scene of a physical robot: answers `reset` where in simulation the simulator does."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import PoseStamped
from robot_learning_interfaces.srv import ResetEpisode
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from robot_learning.envs.physical_scene import PhysicalScene, SceneError
from robot_learning_nodes.convert import read_position, to_time, write_position
from robot_learning_nodes.graph_node import OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import LATCHED, SENSOR


class Scene(GraphNode):
    """Draws targets; where objects must be put back it waits for a person's word."""

    name = "scene"
    parameters = (
        Parameter(
            "asks",
            "by_task",
            "whether a person says before every episode that the scene is arranged; by_task: where "
            "the task touches objects",
            choices=("by_task", "always", "never"),
        ),
    )

    def configure(self) -> None:
        """Serves `reset`, and a person's word."""
        asks = {"by_task": None, "always": True, "never": False}[self.values["asks"]]
        self.scene = PhysicalScene(self.contract, asks=asks)
        self.base = self.contract.robot.arm.base_frame
        self.waits_for = ""
        self.episodes = 0
        self.target_out = self.advertise(PoseStamped, "target_pose", LATCHED)
        if "object_position_m" in self.contract.task.scene:
            self.listen(PoseStamped, "object_pose", self._object, SENSOR)
        self.serve(ResetEpisode, "reset", self._reset)
        self.serve(Trigger, "scene/arranged", self._arranged)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """What it waits for."""
        figures = {"episodes": self.episodes}
        return (WARN, self.waits_for, figures) if self.waits_for else (OK, "ready", figures)

    def _object(self, message: PoseStamped) -> None:
        self.scene.on_object(read_position(message, "object_pose", self.base))

    def _reset(
        self, request: ResetEpisode.Request, response: ResetEpisode.Response
    ) -> ResetEpisode.Response:
        if not self.active:
            response.message = "the scene's node is not active"
            return response
        try:
            target = self.scene.begin(int(request.seed))
        except SceneError as error:
            response.message = str(error)
            if self.waits_for != response.message:
                self.waits_for = response.message
                self.say(self.waits_for)
            return response
        self.waits_for = ""
        self.episodes += 1
        response.stamp = to_time(self.wall_now_s())
        if target is not None:
            header = Header(stamp=response.stamp, frame_id=self.base)
            self.target_out.publish(write_position(target, header))
        response.success = True
        return response

    def _arranged(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.scene.arranged()
        response.success = True
        return response


def main() -> None:
    """Entry point."""
    exit_process(run(Scene))
