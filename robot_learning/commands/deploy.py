"""`robot-learning deploy`: from a policy that was trained in simulation to a physical arm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from robot_learning.commands.doctor import report, table
from robot_learning.contract import load_contract
from robot_learning.diagnosis.check import Status

app = typer.Typer(help="Bring a policy to a physical arm.", no_args_is_help=True)


@app.command()
def check(
    policy: Annotated[Path, typer.Argument(help="Folder with policy.safetensors, policy.json.")],
    robot: Annotated[str, typer.Option(help="A name in config/robots, or a path to YAML.")],
    task: Annotated[str, typer.Option(help="A name in config/tasks, or a path.")] = "reach",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """May this policy be tried on this robot: contract, rates, latency, normaliser, figures.

    Nothing moves for it. Exits with 1 when something speaks against it.
    """
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.diagnosis.deployment import check_deployment

    checks = check_deployment(policy, load_contract(robot, task))
    if as_json:
        print(json.dumps(report(checks)))
    else:
        Console().print(table(checks))
    if any(found.status is Status.FAIL for found in checks):
        raise typer.Exit(1)
