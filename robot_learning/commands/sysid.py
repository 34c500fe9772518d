"""`robot-learning sysid excite|parity`: motion of an arm, and what two recordings mean by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from robot_learning.commands.fail import FAILED, fail, refuse
from robot_learning.commands.standard_output import foreign_output_to_stderr

app = typer.Typer(
    help="From simulation to the arm, measured: excite, fit, see the gap, compare conventions.",
    no_args_is_help=True,
)

RobotOption = Annotated[str, typer.Option(help="Robot in config/robots, or a path to YAML.")]
TaskOption = Annotated[str, typer.Option(help="Task whose workspace holds.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
MOTION = "Motion file (.safetensors) or recorded episode (.mcap)."


@app.command()
def excite(
    out: Annotated[Path, typer.Option(help="File of recorded motion to write, .safetensors.")],
    robot: RobotOption = "panda",
    task: TaskOption = "reach",
    hardware: Annotated[str, typer.Option(help="Registered hardware to move.")] = "sim",
    seconds_per_joint: Annotated[float, typer.Option(help="How long each joint moves, s.")] = 6.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the motion's phases.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Moves one joint after the other within all limits, through the safety gate; records it."""
    from robot_learning.contract import load_contract
    from robot_learning.hardware import open_hardware
    from robot_learning.identification.excitation import excite as move
    from robot_learning.identification.excitation import plan_excitation
    from robot_learning.identification.recording import SUFFIX

    if out.suffix != SUFFIX:
        refuse(f"--out {out}: give it the ending {SUFFIX}")
    with refusals(), foreign_output_to_stderr():
        contract = load_contract(robot, task)
        plan = plan_excitation(contract, seconds_per_joint=seconds_per_joint, seed=seed)
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            closing(open_hardware(hardware, contract)) as opened,
            Progress(console=Console(stderr=True), transient=True) as progress,
        ):
            bar = progress.add_task("moving", total=len(plan.position_rad))
            recording = move(opened, plan, seed=seed, on_tick=partial(progress.advance, bar))
        recording.save(out)
    facts = {
        "file": str(out),
        "robot": recording.robot,
        "states": len(recording.stamp_s),
        "commands": len(recording.commands),
        "duration_s": float(recording.stamp_s[-1]),
    }
    if as_json:
        print(json.dumps(facts))
    else:
        print(
            f"{out}: {facts['states']} states, {facts['commands']} commands, "
            f"{facts['duration_s']:.1f} s of {recording.robot}"
        )


@app.command()
def parity(
    first: Annotated[Path, typer.Argument(help=MOTION)],
    second: Annotated[
        Path | None,
        typer.Argument(help="The same commands elsewhere; without, the first's own commands."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Do two recordings mean the same by their joints: order, sign, offset, unit, rate?

    Exits with 1 where they do not, naming the joint and what is wrong with it.
    """
    from robot_learning.diagnosis.parity import commanded, compare, measured
    from robot_learning.identification.from_episode import load_motion
    from robot_learning.identification.recording import MotionError

    with refusals():
        motions = [load_motion(path) for path in (first, second) if path is not None]
        for motion in motions:
            if not motion.commands:
                raise MotionError(f"{motion.origin}: holds no commands to begin from")
        if second is None:
            found = compare(commanded(motions[0]), measured(motions[0]))
        else:
            found = compare(measured(motions[0]), measured(motions[1]))
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        for mismatch in found.mismatches:
            print(mismatch.text)
        if found.untold:
            print(f"not told: {', '.join(found.untold)} moved too little")
        if not found.mismatches:
            print(f"the same, {found.lag_s:.2f} s apart")
    if found.mismatches:
        raise typer.Exit(FAILED)


@contextmanager
def refusals() -> Iterator[None]:
    """One line for what can go wrong."""
    from robot_learning.contract import ContractError
    from robot_learning.files import FileWriteError, explain
    from robot_learning.identification.recording import MotionError
    from robot_learning.safety.state_machine import SafetyError

    try:
        yield
    except (MotionError, ContractError) as error:
        refuse(str(error))
    except SafetyError as error:
        fail(str(error), FAILED)
    except LookupError as error:
        refuse(str(error.args[0]))
    except FileNotFoundError as error:
        refuse(f"{error.filename}: no such file")
    except FileWriteError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(explain(Path(error.filename or "."), error), FAILED)
