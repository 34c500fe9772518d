"""Launch files, run to their end as `robot-learning launch` does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from domains import claimed_domain

from robot_learning.launch import LaunchSession
from robot_learning.workspace import graph_environment

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


class Launched(NamedTuple):
    """How a launch ended.

    Attributes:
        code: exit code.
        lines: what its nodes said, each with the node's label before it.
    """

    code: int
    lines: list[str]

    @property
    def said(self) -> str:
        """The last of it, for a failed test to show."""
        return "\n".join(self.lines[-80:])


def run_launch(
    file: str,
    log_dir: Path,
    arguments: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    limit_s: float = 220.0,
) -> Launched:
    """Runs a launch file to its end.

    Args:
        file: name in `launch/`, without `.launch.xml`.
        log_dir: where the nodes' logs go.
        arguments: of the launch file.
        environment: more variables; with ROS_DOMAIN_ID, that domain instead of one of its own.
        limit_s: time after which it has failed.
    """
    lines: list[str] = []
    with ExitStack() as stack:
        variables = dict(environment or {})
        if "ROS_DOMAIN_ID" not in variables:
            variables = graph_environment(stack.enter_context(claimed_domain())) | variables
        session = LaunchSession(
            LAUNCH / f"{file}.launch.xml",
            dict(arguments),
            environment=variables,
            log_dir=log_dir,
            on_line=lambda label, line: lines.append(f"[{label}] {line}"),
            quiet=True,
        )
        stack.enter_context(session)
        session.start()
        end = time.monotonic() + limit_s
        while (code := session.poll(0.2)) is None:
            assert time.monotonic() < end, "not in time:\n" + "\n".join(lines[-60:])
    return Launched(code, lines)
