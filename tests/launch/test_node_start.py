"""What a node does before it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "ros2_ws" / "src" / "robot_learning_nodes"


@pytest.mark.parametrize(
    ("program", "handler"),
    [("/ws/lib/robot_learning_nodes/arbiter", "SIG_DFL"), ("/usr/bin/pytest", "default_int")],
)
def test_ctrl_c_while_a_node_imports_prints_no_traceback(program: str, handler: str) -> None:
    lines = [
        "import signal, sys",
        f"sys.path.insert(0, {str(SOURCE)!r})",
        f"sys.argv = [{program!r}]",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",
        "import robot_learning_nodes",
        "print(repr(signal.getsignal(signal.SIGINT)))",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert handler in done.stdout, done.stderr
