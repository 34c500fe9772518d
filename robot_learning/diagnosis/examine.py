"""The whole examination, in the order in which a person would mend things."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from robot_learning.diagnosis import graph, machine, packages
from robot_learning.diagnosis.check import Check
from robot_learning.workspace import INTERFACES, workspace_dir


def examine() -> Iterator[Check]:
    """Yields each finding as soon as it is made (some take seconds)."""
    built = (workspace_dir() / "install" / INTERFACES).is_dir()
    yield packages.check_python()
    yield machine.check_compiler(os.environ, workspace_built=built)
    yield machine.check_headers(workspace_built=built)
    yield from graph.check_graph()
    yield graph.check_shared_memory()
    yield packages.check_pybullet()
    yield from packages.check_torch()
    yield machine.check_disk(Path.cwd())
    yield machine.check_memory()
    yield machine.check_open_files()
    yield machine.check_clock()
    yield machine.check_cameras()
