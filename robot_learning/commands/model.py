"""`robot-learning model`: how far the model of a run can be believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.commands.fail import fail, refuse
from robot_learning.training.run_directory import RunDirectory

if TYPE_CHECKING:
    from robot_learning.training.model_report import ModelReport


def model(
    directory: Annotated[
        Path, typer.Argument(help="Folder of a model-based run, or of a planner's policy.")
    ],
    episodes: Annotated[
        Path | None,
        typer.Option(
            help="Judge it on these instead of the run's held-out episodes: a journal of steps "
            "(of `demonstrate`, or checkpoint/steps.journal of another run), or a store."
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(min=1, help="Longest, in steps; by default twice what the run looks ahead."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="PNG to write; by default model.png in the folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Plays a learned model on episodes that it was not fitted to, and says how far it is honest.

    Errors after k steps, calibration of the predicted variance, disagreement beside error, and
    the model's error beside the return.
    """
    from robot_learning.demonstrations import DemonstrationsError
    from robot_learning.dynamics import DynamicsError
    from robot_learning.files import explain
    from robot_learning.training.checkpoint import CheckpointError
    from robot_learning.training.model_plot import plot_model
    from robot_learning.training.model_report import ModelReportError, judge_model
    from robot_learning.training.policy_file import PolicyFileError

    path = picture or RunDirectory(directory).model
    try:
        report = judge_model(directory, episodes=episodes, horizon=horizon)
        plot_model(report, path, title=f"{directory.resolve().name}, {report.algorithm}")
    except (ModelReportError, PolicyFileError, CheckpointError, DemonstrationsError) as error:
        refuse(str(error))
    except DynamicsError as error:
        fail(f"{directory}: {error}", 1)
    except LookupError as error:
        refuse(str(error.args[0]))
    except OSError as error:
        fail(explain(path, error), 1)
    if as_json:
        print(json.dumps(report.as_json() | {"picture": str(path)}))
        return
    console = Console(soft_wrap=True)
    console.print(_table(report))
    console.print(_facts(report))
    if report.warning:
        console.print(f"warning: {report.warning}", style="yellow", highlight=False)
    console.print(f"picture: {path}", highlight=False)


def _table(report: ModelReport) -> Table:
    found = report.honesty
    table = Table(title="error after so many steps", title_justify="left")
    for header in ("steps", "error", "saying nothing changes", "from states"):
        table.add_column(header, justify="right")
    last, ahead = found.horizons[-1], report.ahead.steps
    shown = {1, 2, 3, 5, 10, 15, 20, 30, 50, 100, found.honest_horizon(), ahead, last}
    for steps, *figures, starts in zip(
        found.horizons, found.error, found.still, found.starts, strict=True
    ):
        if steps in shown:
            mark = " <" if steps == ahead else ""
            table.add_row(f"{steps}{mark}", *(f"{value:.3f}" for value in figures), f"{starts}")
    return table


def _facts(report: ModelReport) -> Table:
    table = Table(show_header=False)
    what = "that no fit saw" if report.held_out else "given"
    table.add_row(
        "judged on", f"{report.transitions} transitions, {report.episodes} episodes {what}"
    )
    honest, last = report.honesty.honest_horizon(), report.honesty.horizons[-1]
    more = " or more" if honest == last else ""
    table.add_row("honest for", f"{honest}{more} steps")
    table.add_row(f"looks ahead ({report.ahead.setting})", f"{report.ahead.steps} steps")
    coverage = report.honesty.coverage
    within = ", ".join(f"{share:.0%}: {coverage[share]:.0%}" for share in (0.5, 0.8, 0.95))
    table.add_row("found within intervals of", within)
    of = "disagreement and error" if report.members > 1 else "deviation and error"
    table.add_row(f"rank correlation of {of}", f"{report.doubt.correlation:.2f}")
    return table
