"""A person with a gamepad: as sensor_msgs/Joy, or read directly where no joy node runs."""

from __future__ import annotations

import time
from pathlib import Path

from sensor_msgs.msg import Joy

from robot_learning.teleoperation import DeviceError, GamepadBindings, load_bindings
from robot_learning.teleoperation.device_file import DeviceFile
from robot_learning.teleoperation.gamepad import Gamepad
from robot_learning.teleoperation.input_event import InputEvents
from robot_learning_nodes.convert import MessageError
from robot_learning_nodes.graph_node import Parameter
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.teleop_node import DEVICE, OPERATOR, TeleopNode


class TeleopGamepad(TeleopNode):
    """Feeds a gamepad's axes and buttons."""

    name = "teleop_gamepad"
    device_kind = "gamepad"
    parameters = (
        OPERATOR,
        Parameter("bindings", "gamepad", "a name in config/teleop or a path to YAML"),
        Parameter("event_device", "", "such as /dev/input/event5; empty: listen to the topic joy"),
    )

    def configure(self) -> None:
        """Listens to the topic, or opens the device."""
        bindings = load_bindings(self.values["bindings"], GamepadBindings)
        self.pad = Gamepad(bindings)
        self.file: DeviceFile | None = None
        if self.values["event_device"]:
            self.events = InputEvents(bindings.evdev)
            self.file = DeviceFile(Path(self.values["event_device"]))
            self._made.append((lambda file: file.close(), self.file))
        else:
            self.listen(Joy, "joy", self._joy, DEVICE)
        self.was_there = False
        self.connect(self.pad, bindings)

    def poll_device(self, now_s: float) -> None:
        """Events since the last call, where the pad is read directly."""
        if self.file is None:
            return
        for data in self.file.read(now_s):
            for snapshot in self.events.feed(data):
                if snapshot is None:
                    self.pad.unplug("events of the pad were lost: let the dead-man go, press again")
                else:
                    self.pad.feed(snapshot.axes, snapshot.buttons, now_s)
        if self.file.connected and not self.was_there:
            # The kernel says only what changes: at first everything is let go.
            self.events.forget()
            layout = self.pad.bindings.evdev
            self.pad.feed([0.0] * len(layout.axes), [0] * len(layout.buttons), now_s)
            self.tell(f"{self.file.path} is there")
        elif self.was_there and not self.file.connected:
            self.pad.unplug(self.file.problem)
            self.get_logger().error(self.file.problem)
        self.was_there = self.file.connected

    def _joy(self, message: Joy) -> None:
        try:
            self.pad.feed(message.axes, message.buttons, time.monotonic())
        except DeviceError as error:
            raise MessageError(str(error)) from None


def main() -> None:
    """Entry point."""
    exit_process(run(TeleopGamepad))
