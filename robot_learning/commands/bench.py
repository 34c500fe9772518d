"""`robot-learning bench`: speed as ratios against a bare limit or a peer in the same run."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.training.revision import git_revision

app = typer.Typer(help="Measure speed, as ratios within one run.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Domain = Annotated[int, typer.Option(min=0, max=101, help="ROS domain to measure in.")]


@app.command()
def graph(
    as_json: Json = False,
    domain: Domain = 97,
    seconds: Annotated[float, typer.Option(min=3.0, help="Length of each measurement.")] = 15.0,
    rounds: Annotated[int, typer.Option(min=1, help="Repeats; medians are reported.")] = 1,
) -> None:
    """The ROS 2 graph on `reach` against bare rclpy processes with the same hops.

    Bars: lockstep 0.35 of a bare ring before the learner updates and 0.15 while it does; in real
    time the median age of an observation at its command within 1.5 times a bare line. Exits with 1
    when one is missed.
    """
    from robot_learning.benchmark.graph import measure_graph

    results = measure_graph(
        domain, seconds, rounds, say=lambda text: print(text, file=sys.stderr, flush=True)
    )
    _report("graph", results, as_json)


@app.command()
def camera(as_json: Json = False) -> None:
    """64x64 images of the scene: decimated against stock meshes, in the same run. Bar: 6 times."""
    from robot_learning.benchmark.camera import measure_camera

    _report("camera", measure_camera(), as_json)


def _report(name: str, results: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    met = all(row["met"] is not False for row in results)
    if as_json:
        print(json.dumps({"bench": name, "met": met, **_machine(), "results": results}))
    else:
        table = Table(title=f"bench {name}", title_justify="left")
        for header in ("what", "value", "against", "ratio", "bar", ""):
            table.add_column(header, overflow="fold")
        for row in results:
            ratio = row.get("ratio")
            table.add_row(
                row["what"],
                row["value"],
                row.get("against", ""),
                "" if ratio is None else f"{ratio:.2f}",
                row.get("bar", ""),
                {True: "met", False: "MISSED", None: ""}[row["met"]],
            )
        console = Console(soft_wrap=False)
        console.print(table)
        machine = _machine()
        console.print(", ".join(f"{k}: {v}" for k, v in machine.items()), highlight=False)
    if not met:
        raise typer.Exit(1)


def _machine() -> dict[str, Any]:
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "revision": git_revision() or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
    }
