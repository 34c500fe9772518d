"""`robot-learning operator`: what a person who stands beside the arm says to the graph."""

from __future__ import annotations

import json
import subprocess
from enum import StrEnum
from typing import Annotated, Any

import typer

from robot_learning.commands.fail import fail
from robot_learning.workspace import WorkspaceError, graph_environment, workspace_dir

_PROGRAM = ("install", "robot_learning_nodes", "lib", "robot_learning_nodes", "operator_call")
_MORE_S = 15.0


class Word(StrEnum):
    """What can be said."""

    STATE = "state"
    ARM = "arm"
    ESTOP = "estop"
    RESET = "reset"
    ARRANGED = "arranged"
    SELF_TEST = "self-test"


def operator(
    word: Annotated[
        Word,
        typer.Argument(
            help="state: how it is; arm: it may move; estop: stop now; reset: after a fault; "
            "arranged: the scene is in place; self-test: look at the wire again."
        ),
    ],
    domain: Annotated[
        int | None, typer.Option(min=0, max=101, help="ROS domain; as the environment says.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0.5, help="Seconds for an answer.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Arm, stop, reset, or look at a running graph. Exits with 1 when it is refused.

    Not a safety function: the emergency stop is the robot's own button.
    """
    answer = _call(word, domain, wait)
    if as_json:
        print(json.dumps(answer))
    else:
        print(_line(word, answer))
    if not answer["success"]:
        raise typer.Exit(1)


def _call(word: Word, domain: int | None, wait_s: float) -> dict[str, Any]:
    program = workspace_dir().joinpath(*_PROGRAM)
    try:
        environment = graph_environment(domain)
        done = subprocess.run(
            [str(program), word.value, "--wait", str(wait_s)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=wait_s + _MORE_S,
            check=False,
        )
    except (WorkspaceError, OSError) as error:
        fail(str(error), 1)
    except subprocess.TimeoutExpired:
        fail(f"no answer in {wait_s + _MORE_S:.0f} s", 1)
    lines = done.stdout.splitlines()
    if not lines:
        fail(done.stderr.strip() or f"ended with code {done.returncode}", 1)
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def _line(word: Word, answer: dict[str, Any]) -> str:
    if word is not Word.STATE or not answer["success"]:
        return ("" if answer["success"] else "refused: ") + (answer["message"] or "done")
    lines = [" ".join(part for part in (answer["state"], answer["reason"]) if part)]
    if answer["missing"]:
        lines.append("not heard: " + ", ".join(answer["missing"]))
    if answer["self_test"] is not None:
        lines += [f"self-test: {found}" for found in answer["self_test"]] or ["self-test: passed"]
    return "\n".join(lines)
