"""`robot-learning algorithms`: every learning method, and what can be set in one."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def algorithms(
    name: Annotated[
        str | None, typer.Argument(help="A method, to list its hyper-parameters.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Lists the learning methods with paper and section, or the hyper-parameters of one."""
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.algorithms import ALGORITHMS, named_algorithm
    from robot_learning.algorithms.describe import describe, describe_hyper_parameters

    if name is None:
        methods = [describe(method) for method in ALGORITHMS.values()]
        if as_json:
            print(json.dumps({"algorithms": methods}))
        else:
            _print("learning methods", ("name", "actions", "observations", "source"), methods)
        return
    try:
        method = named_algorithm(name)
    except LookupError as error:
        print(f"robot-learning: {error.args[0]}", file=sys.stderr)
        raise typer.Exit(2) from None
    rows = describe_hyper_parameters(method.hyper_parameters)
    if as_json:
        print(json.dumps(describe(method) | {"hyper_parameters": rows}))
    else:
        _print(f"{name}: {method.source}", ("name", "default", "description"), rows)


def _print(title: str, columns: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    Console().print(table)
