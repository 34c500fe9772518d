"""`robot-learning sysid fit|gap|prove`: how an arm follows, and how far its simulator is off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from robot_learning.commands.fail import FAILED, fail, refuse
from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.commands.sysid import (
    MOTION,
    JsonOption,
    RobotOption,
    TaskOption,
    app,
    refusals,
)

__all__ = ["app"]

_Out = Annotated[Path | None, typer.Option(help="Folder for report and picture.")]


@app.command()
def fit(
    recordings: Annotated[list[Path], typer.Argument(help=MOTION)],
    robot: RobotOption = "panda",
    task: TaskOption = "reach",
    out: _Out = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write what was found into the robot's YAML.")
    ] = False,
    randomise: Annotated[
        bool, typer.Option("--randomise", help="With --write: the suggested ranges too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Fits delay, gain, damping and friction, with intervals; shows the gap before and after.

    Without --write it says what would be written. Exits with 1 where the motion does not
    determine a joint.
    """
    from robot_learning.commands.sysid_report import leave_report, show_fit
    from robot_learning.contract.edit import set_keys
    from robot_learning.contract.load import load_contract, robot_file
    from robot_learning.identification.fit import identify
    from robot_learning.identification.from_episode import load_motion
    from robot_learning.identification.gap import measure_gap
    from robot_learning.identification.replay import with_simulation
    from robot_learning.identification.settle import suggested_randomisation, values_of

    if randomise and not write:
        refuse("--randomise says what --write also writes; give both")
    with refusals(), foreign_output_to_stderr():
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
            leave_report(report, motions[0], gaps, out)
    if as_json:
        print(json.dumps(report))
    else:
        show_fit(found, report, motions[0].joint_names, out)
    if found.unsure:
        fail(
            f"{recordings[0]}: the motion does not determine {', '.join(found.unsure)}; nothing "
            "was written; record longer or faster motion of them: robot-learning sysid excite",
            FAILED,
        )


@app.command()
def gap(
    recording: Annotated[Path, typer.Argument(help=MOTION)],
    robot: RobotOption = "panda",
    task: TaskOption = "reach",
    out: _Out = None,
    tool_max_mm: Annotated[
        float | None, typer.Option(help="Exit with 1 where the tool is further off, mm rms.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Gives a recording's commands to the simulator, and says how far it goes elsewhere."""
    from robot_learning.commands.sysid_report import PICTURE_FILE, leave_report, show_gaps
    from robot_learning.contract import load_contract
    from robot_learning.identification.from_episode import load_motion
    from robot_learning.identification.gap import measure_gap

    with refusals(), foreign_output_to_stderr():
        contract = load_contract(robot, task)
        motion = load_motion(recording)
        with Console(stderr=True).status("replaying the commands"):
            found = measure_gap(motion, contract, _simulator)
        report = {"robot": contract.robot.name, "recording": str(recording), **found.plain()}
        if out is not None:
            leave_report(report, motion, {robot: found}, out)
    if as_json:
        print(json.dumps(report))
    else:
        show_gaps({"now": report})
        if out is not None:
            print(f"look at: {out / PICTURE_FILE}")
    if tool_max_mm is not None and report["tool_rmse_mm"] > tool_max_mm:
        fail(f"the tool is {report['tool_rmse_mm']:.2f} mm off, {tool_max_mm} allowed", FAILED)


@app.command()
def prove(
    robot: RobotOption = "panda",
    task: TaskOption = "reach",
    draws: Annotated[int, typer.Option(min=1, help="Hidden arms.")] = 10,
    seconds_per_joint: Annotated[float, typer.Option(help="How long each joint moves, s.")] = 6.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first; the rest count up.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Hides delay and response in the simulator, identifies them, and compares.

    Passed is a draw whose delay is found within one control period and whose gains, each
    joint's stiffness and damping, are found within 10 %. Exits with 1 where one is not.
    """
    from robot_learning.commands.sysid_report import show_proof
    from robot_learning.contract import load_contract
    from robot_learning.identification.proof import prove as prove_draw

    results = []
    with refusals(), foreign_output_to_stderr():
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
        show_proof(results)
    if passed < draws:
        raise typer.Exit(FAILED)


def _simulator(contract: Any) -> Any:
    from robot_learning.hardware import open_hardware

    return open_hardware("sim", contract)
