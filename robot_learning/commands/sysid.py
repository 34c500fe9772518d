"""`robot-learning sysid`: measure how an arm follows, and make its simulator follow alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from robot_learning.commands.fail import FAILED, fail, refuse
from robot_learning.commands.standard_output import foreign_output_to_stderr

app = typer.Typer(
    help="From simulation to the arm, measured: excite, fit, see the gap, compare conventions.",
    no_args_is_help=True,
)
REPORT_FILE, PICTURE_FILE = "replay_gap.json", "replay_gap.png"

_Robot = Annotated[str, typer.Option(help="Robot in config/robots, or a path to YAML.")]
_Task = Annotated[str, typer.Option(help="Task whose workspace holds.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_Out = Annotated[Path | None, typer.Option(help="Folder for report and picture.")]
_MOTION = "Motion file (.safetensors) or recorded episode (.mcap)."


@app.command()
def excite(
    out: Annotated[Path, typer.Option(help="File of recorded motion to write, .safetensors.")],
    robot: _Robot = "panda",
    task: _Task = "reach",
    hardware: Annotated[str, typer.Option(help="Registered hardware to move.")] = "sim",
    seconds_per_joint: Annotated[float, typer.Option(help="How long each joint moves, s.")] = 6.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the motion's phases.")] = 0,
    as_json: _Json = False,
) -> None:
    """Moves one joint after the other within all limits, through the safety gate; records it."""
    from robot_learning.contract import load_contract
    from robot_learning.hardware import open_hardware
    from robot_learning.identification.excitation import excite as move
    from robot_learning.identification.excitation import plan_excitation
    from robot_learning.identification.recording import SUFFIX

    if out.suffix != SUFFIX:
        refuse(f"--out {out}: give it the ending {SUFFIX}")
    with _refusals(), foreign_output_to_stderr():
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
def fit(
    recordings: Annotated[list[Path], typer.Argument(help=_MOTION)],
    robot: _Robot = "panda",
    task: _Task = "reach",
    out: _Out = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write what was found into the robot's YAML.")
    ] = False,
    randomise: Annotated[
        bool, typer.Option("--randomise", help="With --write: the suggested ranges too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    as_json: _Json = False,
) -> None:
    """Fits delay, gain, damping and friction, with intervals; shows the gap before and after.

    Without --write it says what would be written. Exits with 1 where the motion does not
    determine a joint.
    """
    from robot_learning.contract.edit import set_keys
    from robot_learning.contract.load import load_contract, robot_file
    from robot_learning.identification.fit import identify
    from robot_learning.identification.from_episode import load_motion
    from robot_learning.identification.gap import measure_gap
    from robot_learning.identification.replay import with_simulation
    from robot_learning.identification.settle import suggested_randomisation, values_of

    if randomise and not write:
        refuse("--randomise says what --write also writes; give both")
    with _refusals(), foreign_output_to_stderr():
        contract = load_contract(robot, task)
        motions = [load_motion(path) for path in recordings]
        with Console(stderr=True).status("identifying") as status:
            found = identify(motions, contract, seed=seed, say=status.update)
            values = values_of(found, recordings[0])
            settings = {key.removeprefix("simulation."): item for key, item in values.items()}
            after = with_simulation(contract, randomisation=None, **settings)
            gaps = {}
            for name, described in (("before", contract), ("after", after)):
                status.update(f"replaying the commands, {name}")
                gaps[name] = measure_gap(motions[0], described, _simulator)
        ranges = suggested_randomisation(found)
        report: dict[str, Any] = {
            "robot": contract.robot.name,
            "recordings": [str(path) for path in recordings],
            "values": values,
            "unsure": list(found.unsure),
            "residual_rad": dict(
                zip(motions[0].joint_names, found.residual_rad.tolist(), strict=True)
            ),
            "gap": {name: gap.plain() for name, gap in gaps.items()},
            "randomisation": ranges,
            "written": None,
        }
        if write and not found.unsure:
            file = robot_file(robot)
            extra = {"simulation.randomisation": ranges} if randomise else {}
            set_keys(file, values | extra)
            report["written"] = str(file)
        if out is not None:
            _leave(report, motions[0], gaps, out)
    if as_json:
        print(json.dumps(report))
    else:
        _show_fit(found, report, motions[0].joint_names, out)
    if found.unsure:
        fail(
            f"{recordings[0]}: the motion does not determine {', '.join(found.unsure)}; nothing "
            "was written; record longer or faster motion of them: robot-learning sysid excite",
            FAILED,
        )


@app.command()
def gap(
    recording: Annotated[Path, typer.Argument(help=_MOTION)],
    robot: _Robot = "panda",
    task: _Task = "reach",
    out: _Out = None,
    tool_max_mm: Annotated[
        float | None, typer.Option(help="Exit with 1 where the tool is further off, mm rms.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Gives a recording's commands to the simulator, and says how far it goes elsewhere."""
    from robot_learning.contract import load_contract
    from robot_learning.identification.from_episode import load_motion
    from robot_learning.identification.gap import measure_gap

    with _refusals(), foreign_output_to_stderr():
        contract = load_contract(robot, task)
        motion = load_motion(recording)
        with Console(stderr=True).status("replaying the commands"):
            found = measure_gap(motion, contract, _simulator)
        report = {"robot": contract.robot.name, "recording": str(recording), **found.plain()}
        if out is not None:
            _leave(report, motion, {robot: found}, out)
    if as_json:
        print(json.dumps(report))
    else:
        _show_gaps({"now": report})
        if out is not None:
            print(f"look at: {out / PICTURE_FILE}")
    if tool_max_mm is not None and report["tool_rmse_mm"] > tool_max_mm:
        fail(f"the tool is {report['tool_rmse_mm']:.2f} mm off, {tool_max_mm} allowed", FAILED)


@app.command()
def parity(
    first: Annotated[Path, typer.Argument(help=_MOTION)],
    second: Annotated[
        Path | None,
        typer.Argument(help="The same commands elsewhere; without, the first's own commands."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Do two recordings mean the same by their joints: order, sign, offset, unit, rate?

    Exits with 1 where they do not, naming the joint and what is wrong with it.
    """
    from robot_learning.diagnosis.parity import commanded, compare, measured
    from robot_learning.identification.from_episode import load_motion
    from robot_learning.identification.recording import MotionError

    with _refusals():
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


@app.command()
def prove(
    robot: _Robot = "panda",
    task: _Task = "reach",
    draws: Annotated[int, typer.Option(min=1, help="Hidden arms.")] = 10,
    seconds_per_joint: Annotated[float, typer.Option(help="How long each joint moves, s.")] = 6.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first; the rest count up.")] = 0,
    as_json: _Json = False,
) -> None:
    """Hides delay and response in the simulator, identifies them, and compares.

    Passed is a draw whose delay is found within one control period and whose gains, each
    joint's stiffness and damping, are found within 10 %. Exits with 1 where one is not.
    """
    from robot_learning.contract import load_contract
    from robot_learning.identification.proof import prove as prove_draw

    results = []
    with _refusals(), foreign_output_to_stderr():
        contract = load_contract(robot, task)
        with Console(stderr=True).status("") as status:
            for number in range(seed, seed + draws):
                title = f"hidden arm {number}"
                status.update(title)
                results.append(
                    prove_draw(
                        contract,
                        _simulator,
                        number,
                        seconds_per_joint=seconds_per_joint,
                        say=lambda text, title=title: status.update(f"{title}: {text}"),  # type: ignore[misc]
                    )
                )
    passed = sum(result.passed for result in results)
    if as_json:
        rows = [{"seed": r.seed, "passed": r.passed, **r.figures} for r in results]
        print(json.dumps({"n": draws, "passed": passed, "draws": rows}))
    else:
        table = Table(title=f"{passed} of {draws} hidden arms found", title_justify="left")
        for header in ("seed", "delay, ms", "its error, ms", "worst gain error", "in intervals"):
            table.add_column(header, justify="right")
        for result in results:
            figures = result.figures
            table.add_row(
                str(result.seed),
                f"{1e3 * figures['control_delay_s']:.1f}",
                f"{1e3 * figures['control_delay_error_s']:+.2f}",
                f"{figures['worst_gain_error']:.1%}",
                f"{figures['in_interval']} of {figures['intervals']}",
            )
        Console(soft_wrap=True).print(table)
    if passed < draws:
        raise typer.Exit(FAILED)


def _simulator(contract: Any) -> Any:
    from robot_learning.hardware import open_hardware

    return open_hardware("sim", contract)


def _leave(report: dict[str, Any], motion: Any, gaps: dict[str, Any], out: Path) -> None:
    from robot_learning.files import write_atomic
    from robot_learning.identification.picture import draw_gap

    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / REPORT_FILE, json.dumps(report, indent=1).encode())
    draw_gap(motion, gaps, out / PICTURE_FILE)


def _show_fit(found: Any, report: dict[str, Any], names: tuple[str, ...], out: Path | None) -> None:
    console = Console(soft_wrap=True)
    table = Table(title=f"{report['robot']}, with 95 % intervals", title_justify="left")
    headers = ("joint", "stiffness, 1/s²", "damping, 1/s", "viscous, 1/s", "coulomb, rad/s²")
    for header in headers:
        table.add_column(header)
    rows = zip(
        names,
        found.stiffness_1_s2,
        found.damping_1_s,
        found.viscous_friction_1_s,
        found.coulomb_friction_rad_s2,
        strict=True,
    )
    for name, *estimates in rows:
        table.add_row(name, *(f"{e.value:.3g} ({e.low:.3g} to {e.high:.3g})" for e in estimates))
    console.print(table)
    delay = found.control_delay_s
    texts = [f"command to motion {1e3 * delay.value:.1f} ms"]
    texts[0] += f" ({1e3 * delay.low:.1f} to {1e3 * delay.high:.1f})"
    if found.state_latency_s is not None:
        texts.append(f"state latency {1e3 * found.state_latency_s.value:.1f} ms")
    else:
        texts.append("state latency unknown: stamps and receipt are on different clocks")
    console.print("; ".join(texts), highlight=False)
    _show_gaps(report["gap"])
    if report["written"]:
        console.print(f"written: {report['written']}", highlight=False)
    else:
        console.print("nothing written; --write puts it under `simulation`", highlight=False)
    if out is not None:
        console.print(f"look at: {out / PICTURE_FILE}", highlight=False)


def _show_gaps(gaps: dict[str, dict[str, Any]]) -> None:
    table = Table(title="replay gap, rms (at most), mrad", title_justify="left")
    table.add_column("")
    for name in gaps:
        table.add_column(name, justify="right")
    first = next(iter(gaps.values()))
    for joint in first["rmse_rad"]:
        cells = [
            f"{1e3 * g['rmse_rad'][joint]:.2f} ({1e3 * g['max_rad'][joint]:.2f})"
            for g in gaps.values()
        ]
        table.add_row(joint, *cells)
    tool = [f"{g['tool_rmse_mm']:.2f} ({g['tool_max_mm']:.2f}) mm" for g in gaps.values()]
    table.add_row("tool", *tool)
    Console(soft_wrap=True).print(table)


@contextmanager
def _refusals() -> Iterator[None]:
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
