"""`robot-learning security`: who may say what in the graph of a physical robot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from robot_learning.commands.fail import fail
from robot_learning.contract import load_robot
from robot_learning.files import FileWriteError, write_atomic
from robot_learning.security import load_access, policy_xml

app = typer.Typer(help="Access control by SROS2.", no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """Keeps `policy` a word of its own."""


@app.command()
def policy(
    robot: Annotated[
        str, typer.Option(help="A name in config/robots, or a path: its cameras count.")
    ] = "panda",
    namespace: Annotated[str, typer.Option(help="That the graph runs in.")] = "/",
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="What this graph has besides; see config/security. Repeatable."
        ),
    ] = None,
    table: Annotated[
        str, typer.Option(help="A name in config/security, or a path to YAML.")
    ] = "physical_robot",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Makes the SROS2 policy of a robot's graph, for `ros2 security generate_artifacts`.

    Only arm_driver, behind the safety gate, may publish the arm's trajectories.
    """
    cameras = [camera.name for camera in load_robot(robot).cameras]
    chosen = sorted(set(options or ()))
    profiles = load_access(table).profiles(cameras, namespace=namespace, options=chosen)
    text = policy_xml(profiles)
    if out is not None:
        try:
            write_atomic(out, text.encode())
        except FileWriteError as error:
            fail(str(error), 1)
    enclaves = sorted({profile.enclave for profile in profiles})
    if as_json:
        made = {"enclaves": enclaves, "out": str(out) if out else None}
        print(json.dumps(made if out else {**made, "policy": text}))
    elif out is None:
        print(text, end="")
    else:
        print(f"{out}: {len(enclaves)} enclaves")
