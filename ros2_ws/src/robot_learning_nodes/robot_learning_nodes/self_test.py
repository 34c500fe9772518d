"""Looks at the wire before a physical arm may be armed; the safety monitor waits for its word."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import WrenchStamped
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import Trigger

from robot_learning.diagnosis.check import Check, Status
from robot_learning.perception.task_camera import task_camera
from robot_learning.safety.self_test import SelfTest, passed
from robot_learning_nodes.convert import JointNames, MessageError, to_time
from robot_learning_nodes.graph_node import ERROR, OK, WARN, GraphNode, Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.qos import IMAGE, LATCHED, SENSOR

COMMAND_TOPIC = "arm_controller/joint_trajectory"
LOOK_PERIOD_S = 0.2
AGAIN_S = 3.0
LEVELS = {Status.OK: OK, Status.WARN: WARN, Status.FAIL: ERROR}


class SelfTestNode(GraphNode):
    """Feeds the library's SelfTest; tries again until it passes, and when it is asked to."""

    name = "self_test"
    parameters = (
        Parameter("camera", False, "whether this run acts on pictures"),
        Parameter("out", "", "folder of the run, which must have room"),
    )

    def configure(self) -> None:
        """Subscribes to everything that is judged."""
        self.names = JointNames(self.contract.robot)
        self.test: SelfTest | None = None
        self.checks: list[Check] = []
        self.passed = False
        self.again_s = 0.0
        self.out = self.advertise(DiagnosticArray, "self_test/result", LATCHED)
        self.listen(JointState, "joint_states", self._state, SENSOR)
        self.listen(WrenchStamped, "wrench", self._wrench, SENSOR)
        if self.values["camera"]:
            topic = f"{task_camera(self.contract).name}/observation"
            self.listen(Image, topic, self._picture, IMAGE)
        self.serve(Trigger, "self_test/run", self._run)
        self.every(LOOK_PERIOD_S, self._look)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """What was found."""
        figures = {check.name: check.fact for check in self.checks}
        if self.passed:
            return OK, "passed", figures
        failed = [check for check in self.checks if check.status is Status.FAIL]
        line = f"{failed[0].name}: {failed[0].fact}" if failed else "not done yet"
        return ERROR, line, figures

    def _state(self, message: JointState) -> None:
        if self.test is None:
            return
        try:
            state = self.names.read_state(message)
        except MessageError as error:
            self.test.on_bad_state(str(error))
            raise
        self.test.on_state(state, time.monotonic(), self.wall_now_s())

    def _wrench(self, _message: WrenchStamped) -> None:
        if self.test is not None:
            self.test.on_wrench()

    def _picture(self, _message: Image) -> None:
        if self.test is not None:
            self.test.on_picture()

    def _look(self) -> None:
        now_s = time.monotonic()
        if self.test is None:
            if not self.passed and now_s >= self.again_s:
                out = self.values["out"]
                folder = Path(out) if out else None
                needs_camera = self.values["camera"]
                self.test = SelfTest(self.contract, now_s, folder, needs_camera=needs_camera)
            return
        if not self.test.over(now_s):
            return
        topics = ("joint_states", COMMAND_TOPIC)
        self.test.on_publishers(
            {
                topic: sorted(info.node_name for info in self.get_publishers_info_by_topic(topic))
                for topic in topics
            }
        )
        self._judge(self.test.checks())
        self.test, self.again_s = None, now_s + AGAIN_S

    def _judge(self, checks: list[Check]) -> None:
        news = [c for c in checks if c.status is not Status.OK and c not in self.checks]
        self.checks, self.passed = checks, passed(checks)
        for check in news:
            alarm = check.status is Status.FAIL
            self.say(f"{check.name}: {check.fact}; {check.mend}", alarm=alarm)
        if self.passed:
            self.say("self-test passed: the arm may be armed")
        message = DiagnosticArray(
            status=[
                DiagnosticStatus(
                    level=LEVELS[check.status],
                    name=check.name,
                    message=f"{check.fact}; {check.mend}" if check.mend else check.fact,
                )
                for check in checks
            ]
        )
        message.header.stamp = to_time(self.wall_now_s())
        self.out.publish(message)

    def _run(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.passed, self.again_s = False, 0.0
        response.success, response.message = True, "under way: see self_test/result"
        return response


def main() -> None:
    """Entry point."""
    exit_process(run(SelfTestNode))
