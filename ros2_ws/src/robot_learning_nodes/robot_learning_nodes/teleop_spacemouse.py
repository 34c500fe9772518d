"""A person with a SpaceMouse, read by its HID reports."""

from __future__ import annotations

from pathlib import Path

from robot_learning.teleoperation import DeviceError, SpaceMouseBindings, load_bindings
from robot_learning.teleoperation.device_file import DeviceFile
from robot_learning.teleoperation.spacemouse import SpaceMouse, find_hidraw
from robot_learning_nodes.graph_node import Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.teleop_node import OPERATOR, TeleopNode


class TeleopSpaceMouse(TeleopNode):
    """Feeds a SpaceMouse's reports."""

    name = "teleop_spacemouse"
    device_kind = "spacemouse"
    parameters = (
        OPERATOR,
        Parameter("bindings", "spacemouse", "a name in config/teleop or a path to YAML"),
        Parameter("hidraw", "", "such as /dev/hidraw3; empty: the first one of these makers"),
    )

    def configure(self) -> None:
        """Finds the device."""
        bindings = load_bindings(self.values["bindings"], SpaceMouseBindings)
        path = self.values["hidraw"] or find_hidraw(bindings.vendors)
        if path is None:
            raise StartError(
                "no SpaceMouse is plugged in (no /dev/hidraw* of the vendors "
                f"{', '.join(bindings.vendors)}); plug it in, or name it with hidraw:=/dev/hidrawN"
            )
        self.mouse = SpaceMouse(bindings)
        self.file = DeviceFile(Path(path))
        self._made.append((lambda file: file.close(), self.file))
        self.was_there = False
        self.connect(self.mouse, bindings)

    def poll_device(self, now_s: float) -> None:
        """Reports since the last call."""
        for report in self.file.read(now_s):
            try:
                self.mouse.feed(report, now_s)
            except DeviceError as error:
                self.reject(str(self.file.path), str(error))
        if self.file.connected and not self.was_there:
            self.mouse.plug()
            self.tell(f"{self.file.path} is there")
        elif self.was_there and not self.file.connected:
            self.mouse.unplug(self.file.problem)
            self.get_logger().error(self.file.problem)
        self.was_there = self.file.connected


def main() -> None:
    """Entry point."""
    exit_process(run(TeleopSpaceMouse))
