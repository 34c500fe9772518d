"""`robot-learning contract show|diff`: what robot and task agree on, and where two differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.contract import Contract, ContractError, differences, load_contract
from robot_learning.contract.contract import flatten

app = typer.Typer(help="Show or compare contracts of robot and task.", no_args_is_help=True)

Robot = Annotated[str, typer.Option(help="Name in config/robots, or a path to YAML.")]
Task = Annotated[str, typer.Option(help="Name in config/tasks, or a path to YAML.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def show(robot: Robot = "panda", task: Task = "reach", as_json: Json = False) -> None:
    """Prints a contract, every key with its value, and its SHA-256."""
    contract = load_contract(robot, task)
    data = contract.model_dump(mode="json")
    if as_json:
        print(json.dumps({"sha256": contract.sha256, **data}))
        return
    table = _table("key", "value", title=f"{contract.robot.name} / {contract.task.name}")
    for key, value in flatten(data):
        table.add_row(key, _text(value))
    console = Console()
    console.print(table)
    console.print(f"sha256 {contract.sha256}", highlight=False)


@app.command()
def diff(
    left: Annotated[str, typer.Argument(help="ROBOT or ROBOT:TASK, or a policy folder.")],
    right: Annotated[str, typer.Argument(help="ROBOT or ROBOT:TASK, or a policy folder.")],
    as_json: Json = False,
) -> None:
    """Lists the keys on which two contracts differ; exits with 1 when they do."""
    rows = differences(_named(left), _named(right))
    if as_json:
        print(json.dumps({"differences": [{"key": k, "left": a, "right": b} for k, a, b in rows]}))
    elif not rows:
        print("the contracts are the same")
    else:
        table = _table("key", left, right)
        for key, a, b in rows:
            table.add_row(key, _text(a), _text(b))
        Console().print(table)
    if rows:
        raise typer.Exit(1)


def _named(text: str) -> Contract:
    policy = Path(text) / "policy.json"
    if policy.is_file():
        data: Any = json.loads(policy.read_text(encoding="utf-8")).get("contract")
        if data is None:
            raise ContractError(f"{policy}: the policy was trained without a contract")
        return Contract.model_validate_json(json.dumps(data))
    robot, _, task = text.partition(":")
    return load_contract(robot, task or "reach")


def _table(*headers: str, title: str | None = None) -> Table:
    """Nothing is cut short: a key that cannot be read cannot be compared."""
    table = Table(title=title)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
