"""`robot-learning launch`: runs a ROS 2 launch file where only the wheels are installed."""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from robot_learning.contract import ContractError, load_contract
from robot_learning.launch.describe import (
    arguments_json,
    arguments_of,
    arguments_text,
    plan_json,
    plan_text,
)
from robot_learning.launch.errors import LaunchError
from robot_learning.launch.expand import expand
from robot_learning.launch.packages import repository_packages
from robot_learning.launch.processes import SHOW_OVERRIDE
from robot_learning.launch.request import Request, parse_request
from robot_learning.launch.session import LaunchSession
from robot_learning.workspace import WorkspaceError, graph_environment

_USED_WRONGLY = 2


def launch(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[PACKAGE] FILE [NAME:=VALUE]...",
            help="The launch file, by path or by package and name, and its arguments.",
        ),
    ],
    show_args: Annotated[
        bool, typer.Option("-s", "--show-args", help="Show the file's arguments, run nothing.")
    ] = False,
    print_plan: Annotated[
        bool, typer.Option("-p", "--print", help="Show what would be started, run nothing.")
    ] = False,
    show_all: Annotated[
        bool, typer.Option("-a", "--show-all", help="Show the output of every process.")
    ] = False,
    domain: Annotated[
        int | None, typer.Option("--domain", help="ROS domain, 0 to 101. [default: the user's]")
    ] = None,
    log_dir: Annotated[
        Path | None, typer.Option("--log-dir", help="Log files. [default: runs/log/TIME]")
    ] = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object last; the rest to stderr.")
    ] = False,
) -> None:
    """Run a ROS 2 XML launch file: start, watch, respawn and stop its processes."""
    try:
        environment = _environment(domain, may_be_unbuilt=show_args or print_plan)
        if show_all:
            environment[SHOW_OVERRIDE] = "both"
        request = parse_request(words, environment)
        if show_args:
            _show_arguments(request, environment, as_json=json_output)
        elif print_plan:
            planned = log_dir or _log_dir_now()
            _show_plan(request, environment, planned, as_json=json_output)
        else:
            _check_contract(request, environment)
            folder = log_dir or _new_log_dir()
            exit_code = _run(request, environment, folder, as_json=json_output)
            raise typer.Exit(exit_code)
    except (LaunchError, WorkspaceError, ContractError) as error:
        print(f"robot-learning launch: {error}", file=sys.stderr)
        raise typer.Exit(_USED_WRONGLY) from None


def _environment(domain: int | None, *, may_be_unbuilt: bool) -> dict[str, str]:
    try:
        environment = graph_environment(domain)
    except WorkspaceError:
        if not may_be_unbuilt:
            raise
    except ValueError as error:
        raise LaunchError(f"--domain: {error}") from None
    else:
        return environment
    return dict(os.environ)


def _check_contract(request: Request, environment: dict[str, str]) -> None:
    """Refuses a robot or task that every node would refuse, before any of them is started."""
    values = {
        declared.name: request.arguments.get(declared.name, declared.default or "")
        for declared in arguments_of(request.file, environment)
        if declared.name in ("robot", "task")
    }
    if len(values) == 2 and all(text and "$(" not in text for text in values.values()):
        load_contract(values["robot"], values["task"])


def _log_dir_now() -> Path:
    """A folder below the present one that is named by the time."""
    return Path("runs") / "log" / time.strftime("%Y%m%d-%H%M%S")


def _new_log_dir() -> Path:
    """Makes such a folder, with a number behind the time where there is one already.

    Of two launches that start in the same second (a robot's drivers and what uses them, from a
    script) each has its own parameter files.
    """
    folder = named = _log_dir_now()
    for number in count(2):
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            folder = named.with_name(f"{named.name}-{number}")
        except OSError as error:
            raise LaunchError(
                f"cannot make {folder}: {error.strerror}; choose another by --log-dir"
            ) from None
        else:
            break
    return folder


def _show_arguments(request: Request, environment: dict[str, str], *, as_json: bool) -> None:
    arguments = arguments_of(request.file, environment)
    if as_json:
        content = {"file": str(request.file), "arguments": arguments_json(arguments)}
        print(json.dumps(content))
    else:
        print(arguments_text(request.file, arguments))


def _show_plan(
    request: Request, environment: dict[str, str], folder: Path, *, as_json: bool
) -> None:
    plan = expand(
        request.file,
        request.arguments,
        environment=environment,
        parameters_dir=folder / "params",
        source_tree=repository_packages(),
        allow_missing=True,
    )
    if as_json:
        print(json.dumps(plan_json(plan, environment)))
    else:
        print(plan_text(plan, environment))


def _run(request: Request, environment: dict[str, str], folder: Path, *, as_json: bool) -> int:
    stream = sys.stderr if as_json else sys.stdout
    with LaunchSession(
        request.file, request.arguments, environment=environment, log_dir=folder, stream=stream
    ) as session:
        session.start()
        exit_code = session.poll()
    assert exit_code is not None
    if as_json:
        failed = session.failure[0] if session.failure is not None else None
        processes = [
            {"name": p.label, "exit_code": p.exit_code, "respawns": p.respawns}
            for p in session.processes
        ]
        content = {
            "exit_code": exit_code,
            "failed": failed,
            "duration_s": round(session.duration_s, 3),
            "processes": processes,
            "log_dir": str(session.log_dir),
        }
        print(json.dumps(content))
    return exit_code
