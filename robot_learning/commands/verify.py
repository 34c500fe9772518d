"""`robot-learning verify`: every method against published figures, over seeds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.commands.fail import fail
from robot_learning.training.run_directory import next_free


def verify(
    rows: Annotated[
        list[str] | None,
        typer.Argument(
            help="Rows of the table, as td3-pendulum; tabletop for those of the arm's own tasks, "
            "an hour; models for learning with models, hours; grasp for those of grasping, many "
            "hours; default all others."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Short forms of a few rows: 5 minutes on 2 cores.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds a row; by default what the row says.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Cores to keep busy; by default all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder; finished seeds in it are not run again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Trains methods over seeds, judges them against their bars, and writes a report.

    Exits with 1 when a bar is missed.
    """
    from robot_learning.evaluation.provenance import provenance
    from robot_learning.files import FileWriteError, explain
    from robot_learning.training.interrupt import Interrupted
    from robot_learning.verification import (
        GRASP_ROWS,
        MODEL_ROWS,
        ROWS,
        TABLETOP_ROWS,
        VerificationError,
        chosen_rows,
    )
    from robot_learning.verification.report import MARKDOWN, all_met, write_report
    from robot_learning.verification.report import as_json as report_as_json
    from robot_learning.verification.runner import run_rows

    try:
        groups = {"grasp": GRASP_ROWS, "models": MODEL_ROWS, "tabletop": TABLETOP_ROWS}
        names = [
            name
            for asked in rows or ()
            for name in ([row.name for row in groups[asked]] if asked in groups else [asked])
        ]
        table = (*ROWS, *(row for group in groups.values() for row in group)) if names else ROWS
        chosen = chosen_rows(table, names, quick=quick)
        out = out or next_free(Path("runs"), "verify-quick" if quick else "verify")
        outcomes = run_rows(chosen, out, seeds=seeds, processes=processes or os.cpu_count() or 1)
        about = provenance()
        write_report(out, outcomes, about)
    except LookupError as error:
        fail(str(error.args[0]), 2)
    except VerificationError as error:
        fail(str(error), 2)
    except FileWriteError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(explain(Path(error.filename or out or "runs"), error), 1)
    except Interrupted:
        fail(f"stopped; go on with the same command and --out {out}", 130)
    if as_json:
        print(json.dumps(report_as_json(outcomes, about)))
    else:
        Console().print(_table(outcomes))
        print(f"report: {out / MARKDOWN}")
    if not all_met(outcomes):
        raise typer.Exit(1)


def _table(outcomes: list[Any]) -> Table:
    from robot_learning.verification.report import figures

    table = Table(title="verification", title_justify="left")
    for header in ("row", "mean", "95 % interval", "seeds", "n", "bar", ""):
        table.add_column(header, overflow="fold")
    for outcome in outcomes:
        shown = figures(outcome)
        verdict = shown["verdict"].replace("**missed**", "MISSED")
        cells = [shown[key] for key in ("mean", "interval", "seeds", "n", "bar")]
        table.add_row(outcome.row.name, *cells, verdict)
    return table
