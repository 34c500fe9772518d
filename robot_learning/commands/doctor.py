"""`robot-learning doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from robot_learning.diagnosis.check import Check, Status
from robot_learning.diagnosis.examine import examine

_STYLE = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}


def doctor(
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Check this machine: Python, ROS 2, shared memory, compiler, GPU, camera, clock."""
    progress = Console(stderr=True)
    with progress.status("examining ..."):
        checks = list(examine())
    failed = [check for check in checks if check.status is Status.FAIL]
    if json_output:
        print(json.dumps(report(checks)))
    else:
        Console().print(table(checks))
        warned = sum(check.status is Status.WARN for check in checks)
        Console().print(
            f"{len(checks) - len(failed) - warned} ok, {warned} warnings, {len(failed)} failed"
        )
    if failed:
        raise typer.Exit(1)


def report(checks: list[Check]) -> dict[str, object]:
    """The findings as one JSON object; `ok` is whether the main job can run."""
    return {
        "ok": all(check.status is not Status.FAIL for check in checks),
        "checks": [
            {"name": c.name, "status": c.status.value, "fact": c.fact, "mend": c.mend or None}
            for c in checks
        ],
    }


def table(checks: list[Check]) -> Table:
    """The findings for a person; what to do stands under what was found."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("", "check", "found"):
        shown.add_column(heading, overflow="fold")
    for check in checks:
        found = escape(check.fact)
        if check.mend:
            found += f"\n[bold]-> {escape(check.mend)}[/bold]"
        style = _STYLE[check.status]
        shown.add_row(f"[{style}]{check.status.value}[/{style}]", check.name, found)
    return shown
