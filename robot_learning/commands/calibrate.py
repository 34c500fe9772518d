"""`robot-learning calibrate board|intrinsics|hand-eye`: cameras, with a ChArUco board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from robot_learning.commands.fail import FAILED, fail, refuse

app = typer.Typer(
    help="Calibrate cameras with a ChArUco board: print it, then the lens, then the place.",
    no_args_is_help=True,
)

_Folder = Annotated[Path, typer.Argument(help="Folder of pictures of the board.")]
_Robot = Annotated[str, typer.Option(help="Robot in config/robots, or a path to YAML.")]
_Camera = Annotated[str | None, typer.Option(help="Camera of the robot; by default its first.")]
_Board = Annotated[str, typer.Option(help="Board in config/boards, or a path to YAML.")]
_Watch = Annotated[
    bool, typer.Option(help="Go on as pictures come into the folder, until there are enough.")
]
_Write = Annotated[bool, typer.Option("--write", help="Put the result into the robot's YAML.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def board(
    name: Annotated[str, typer.Argument(help="Board in config/boards, or a path to YAML.")] = "a4",
    out: Annotated[Path, typer.Option(help="File to write, .pdf or .png.")] = Path("board.pdf"),
    as_json: _Json = False,
) -> None:
    """Writes a board to print at 100 %, with a ruler to check the print by."""
    from robot_learning.perception.calibration.board import load_board
    from robot_learning.perception.calibration.printed_board import write_board

    with _refusals():
        found = load_board(name)
        write_board(found, out)
    facts = {"file": str(out), **found.model_dump(mode="json"), "size_mm": list(found.size_mm)}
    if as_json:
        print(json.dumps(facts))
        return
    width, height = found.size_mm
    print(
        f"{out}: {found.columns} x {found.rows} squares, {width:g} x {height:g} mm. Print at "
        "100 %, glue it on something flat, measure the ruler; where a square is not "
        f"{found.square_mm:g} mm, correct a copy of the board's YAML and give it as --board"
    )


@app.command()
def intrinsics(
    folder: _Folder,
    robot: _Robot = "panda",
    camera: _Camera = None,
    board: _Board = "a4",
    device: Annotated[
        str | None,
        typer.Option(help="Take the pictures now: 0, /dev/video0, address or video file."),
    ] = None,
    watch: _Watch = False,
    write: _Write = False,
    as_json: _Json = False,
) -> None:
    """Finds focal lengths, principal point and distortion from pictures of the board.

    Move the board by hand: over all of the image, tilted to every side, near and far, at rest in
    each picture. Exits with 1 when twice the standard errors are above 0.5 %.
    """
    from robot_learning.commands.calibrate_lens import run_lens
    from robot_learning.commands.calibrate_run import CalibrationRun

    with _refusals():
        run = CalibrationRun.open(folder, robot, camera, board, as_json)
        accepted = run_lens(run, device=device, watch=watch, write=write)
    if not accepted:
        raise typer.Exit(FAILED)


@app.command(name="hand-eye")
def hand_eye(
    folder: _Folder,
    robot: _Robot = "panda",
    camera: _Camera = None,
    board: _Board = "a4",
    watch: _Watch = False,
    write: _Write = False,
    as_json: _Json = False,
) -> None:
    """Finds where a fixed camera is, from pictures of the board in the arm's hand.

    Beside the pictures belongs joints.jsonl or joints.csv; the node `calibration_views` fills such
    a folder. Exits with 1 when twice the standard errors are above 2 mm or 0.2 degrees.
    """
    from robot_learning.commands.calibrate_hand_eye import run_hand_eye
    from robot_learning.commands.calibrate_run import CalibrationRun

    with _refusals():
        run = CalibrationRun.open(folder, robot, camera, board, as_json)
        accepted = run_hand_eye(run, watch=watch, write=write)
    if not accepted:
        raise typer.Exit(FAILED)


@contextmanager
def _refusals() -> Iterator[None]:
    """One line for what can go wrong."""
    from robot_learning.commands.calibrate_run import UsageError
    from robot_learning.contract import ContractError
    from robot_learning.files import FileWriteError
    from robot_learning.perception.calibration.detection import CalibrationError

    try:
        yield
    except (ContractError, UsageError) as error:
        refuse(str(error))
    except CalibrationError as error:
        fail(str(error), FAILED)
    except FileWriteError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"{error.filename or 'file'}: {error.strerror or error}", FAILED)
