"""A person at a terminal."""

from __future__ import annotations

from pathlib import Path

from robot_learning.teleoperation import KeyboardBindings, load_bindings
from robot_learning.teleoperation.device_file import Terminal, terminal_of_parents
from robot_learning.teleoperation.keyboard import Keyboard
from robot_learning_nodes.graph_node import Parameter, StartError
from robot_learning_nodes.node_process import exit_process, run
from robot_learning_nodes.teleop_node import OPERATOR, TeleopNode


class TeleopKeyboard(TeleopNode):
    """Reads a terminal's keys, one by one, and writes to it."""

    name = "teleop_keyboard"
    device_kind = "keyboard"
    parameters = (
        OPERATOR,
        Parameter("bindings", "keyboard", "a name in config/teleop or a path to YAML"),
        Parameter("tty", "", "the terminal, as `tty` names it; empty: where this was started"),
    )

    terminal: Terminal | None = None

    def configure(self) -> None:
        """Takes the terminal."""
        bindings = load_bindings(self.values["bindings"], KeyboardBindings)
        tty = self.values["tty"]
        path = Path(tty) if tty else terminal_of_parents()
        if path is None:
            raise StartError(
                "no terminal: this was not started from one; say which one, as `tty` names it "
                "there, with tty:=/dev/pts/NUMBER"
            )
        self.terminal = Terminal(path)
        self._made.append((lambda terminal: terminal.close(), self.terminal))
        self.keyboard = Keyboard(bindings)
        self.connect(self.keyboard, bindings)

    def poll_device(self, now_s: float) -> None:
        """Keys since the last call."""
        assert self.terminal is not None
        speed = self.keyboard.speed
        self.keyboard.feed(self.terminal.read(), now_s)
        if not self.terminal.connected and self.reading.connected:
            self.keyboard.unplug()
            self.get_logger().error(f"{self.terminal.path} was closed: start this node again")
        if self.keyboard.speed != speed:
            self.tell(f"speed: {self.keyboard.speed:.0%} of full")
        if self.keyboard.help_wanted:
            self.keyboard.help_wanted = False
            self.tell("\n".join(self.keyboard.bindings.lines()))

    def tell(self, text: str) -> None:
        """In the terminal that is typed in, and in the log."""
        self.say(text)
        if self.terminal is not None:
            self.terminal.write(f"{text}\n")


def main() -> None:
    """Entry point."""
    exit_process(run(TeleopKeyboard))
