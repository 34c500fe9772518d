"""`robot-learning bench`: speed as ratios against a bare limit or a peer in the same run."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.commands.fail import fail
from robot_learning.training.revision import git_revision

app = typer.Typer(help="Measure speed, as ratios within one run.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Domain = Annotated[int, typer.Option(min=0, max=101, help="ROS domain to measure in.")]


@app.command()
def graph(
    as_json: Json = False,
    domain: Domain = 97,
    seconds: Annotated[float, typer.Option(min=3.0, help="Length of each measurement.")] = 15.0,
    rounds: Annotated[int, typer.Option(min=1, help="Repeats; medians are reported.")] = 1,
) -> None:
    """The ROS 2 graph on `reach` against bare rclpy processes with the same hops.

    Bars: lockstep 0.35 of a bare ring before the learner updates and 0.15 while it does; in real
    time the median age of an observation at its command within 1.5 times a bare line. Exits with 1
    when one is missed.
    """
    from robot_learning.benchmark.graph import measure_graph

    _report("graph", measure_graph(domain, seconds, rounds, _say), as_json)


@app.command(name="plan-graph")
def plan_graph(
    as_json: Json = False,
    domain: Domain = 95,
    policy: Annotated[
        Path | None, typer.Option(help="Folder of a planner for reach; by default one is learned.")
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0.0, help="Seconds for a plan; 0: what the policy node gives it.")
    ] = 0.0,
    episodes: Annotated[int, typer.Option(min=2, help="Episodes, each way.")] = 10,
) -> None:
    """A planner on `reach` over the graph at 20 Hz on two cores, against itself without a limit.

    Bar: from a state to the request that answers it 50 ms at most in 99 of 100. Exits with 1 when
    it is missed.
    """
    from robot_learning.benchmark.graph import BenchmarkError
    from robot_learning.benchmark.plan_graph import measure_plan_graph
    from robot_learning.training.policy_file import PolicyFileError
    from robot_learning.workspace import WorkspaceError

    try:
        results = measure_plan_graph(domain, policy, budget, episodes, _say)
    except (BenchmarkError, PolicyFileError, WorkspaceError, ValueError) as error:
        print(f"robot-learning: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    _report("plan-graph", results, as_json)


@app.command()
def record(
    as_json: Json = False,
    domain: Domain = 96,
    seconds: Annotated[float, typer.Option(min=5.0, help="Length of the episode.")] = 600.0,
    kills: Annotated[int, typer.Option(min=0, help="Kill the recorder so often instead.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the moments of the kills.")] = 0,
) -> None:
    """The recorder on pictures of 640x480 at 30 Hz and states at 100 Hz, against what was sent.

    Bars: no message lost, stamps true to 1 ms. With --kills: SIGKILL at random moments; every file
    verifies, and no running episode loses more than its last second. Exits with 1 when one is
    missed.
    """
    from robot_learning.benchmark.recording import measure_kills, measure_recording

    if kills:
        _report("record", measure_kills(domain, kills, seed, _say), as_json)
    else:
        _report("record", measure_recording(domain, seconds, _say), as_json)


@app.command()
def learner(
    as_json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Windows; medians are reported.")] = 9,
) -> None:
    """TD3, DDPG and SAC against Stable-Baselines3 on one thread. Bars: updates 1.3, loop 1.5."""
    from robot_learning.benchmark.learner import measure_learner

    _report("learner", _measured(lambda: measure_learner(rounds, _say)), as_json)


@app.command()
def replay(
    as_json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Windows; medians are reported.")] = 15,
) -> None:
    """Prioritised replay against cpprb, images against the memory's speed. Bars: 1.0, 1.3."""
    from robot_learning.benchmark.replay import measure_replay

    _report("replay", _measured(lambda: measure_replay(rounds, _say)), as_json)


@app.command()
def planner(
    as_json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Turns; medians are reported.")] = 15,
) -> None:
    """Planning: the ensemble against its members one by one, pytorch-mppi, bfloat16; CPU time.

    Bars: 3 times the loop for one row a member; bfloat16 ranks plans as float32 does.
    """
    from robot_learning.benchmark.planner import measure_planner

    _report("planner", _measured(lambda: measure_planner(rounds, _say)), as_json)


@app.command()
def camera(as_json: Json = False) -> None:
    """64x64 images of the scene: decimated against stock meshes, in the same run. Bar: 6 times."""
    from robot_learning.benchmark.camera import measure_camera

    _report("camera", measure_camera(), as_json)


@app.command()
def calibration(
    as_json: Json = False,
    robot: Annotated[str, typer.Option(help="Robot in config/robots, or a path.")] = "panda",
    board: Annotated[str, typer.Option(help="Board in config/boards, or a path.")] = "a4",
    setups: Annotated[int, typer.Option(min=1, help="Random cameras.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
) -> None:
    """Lens and hand-eye calibration on rendered boards against the truth.

    Bars, of every setup: focal lengths and principal point 0.5 %, place 2 mm and 0.2 degrees. Exits
    with 1 when one is missed.
    """
    from robot_learning.benchmark.calibration import measure_calibration
    from robot_learning.contract import load_robot
    from robot_learning.perception.calibration.board import load_board
    from robot_learning.perception.calibration.detection import CalibrationError

    contract, sheet = load_robot(robot), load_board(board)
    try:
        results = measure_calibration(contract, sheet, setups, seed, _say)
    except CalibrationError as error:
        print(f"robot-learning: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    _report("calibration", results, as_json)


@app.command()
def grasp(
    as_json: Json = False,
    decisions: Annotated[int, typer.Option(min=100, help="Decisions to measure.")] = 1_000,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes of each process.")] = 60,
) -> None:
    """Grasping: decisions and simulated attempts. Bars: p99 50 ms on one core, 15 episodes/s."""
    from robot_learning.benchmark.grasp import measure_grasp

    _report("grasp", measure_grasp(decisions, episodes, _say), as_json)


@app.command()
def gate(
    as_json: Json = False,
    commands: Annotated[int, typer.Option(min=100, help="Of all robots together.")] = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Of what is sent.")] = 0,
    smoke: Annotated[bool, typer.Option("--smoke", help="3,000 commands: does it work?")] = False,
) -> None:
    """The safety gate under random, extreme and malformed commands, on every shipped robot.

    Bars: no limit of the contract exceeded by what is sent, by finite differences and exact
    distances; 100 us a step in the mean. Exits with 1 when one is missed.
    """
    from robot_learning.benchmark.gate import measure_gate

    _report("gate", measure_gate(3_000 if smoke else commands, seed, _say), as_json)


@app.command()
def cluster(
    as_json: Json = False,
    episodes: Annotated[int, typer.Option(min=1, help="Of each robot in a round.")] = 15,
    rounds: Annotated[int, typer.Option(min=1, help="Of one robot, then two.")] = 3,
) -> None:
    """Grasping on a Ray cluster of two nodes: 2 robots against 1. Bar: 1.7 times."""
    from robot_learning.benchmark.cluster import measure_cluster

    _report("cluster", _measured(lambda: measure_cluster(episodes, rounds, _say)), as_json)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measured(measure: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    try:
        return measure()
    except ImportError as error:
        print(
            f"robot-learning: {error.name} is not installed: run make test once, or "
            "pip install 'robot-learning[dev]'",
            file=sys.stderr,
        )
        raise typer.Exit(2) from None


@app.command()
def faults(
    as_json: Json = False,
    domain: Domain = 94,
    rounds: Annotated[int, typer.Option(min=1, help="How often each fault is injected.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the order and the moments.")] = 0,
    only: Annotated[str, typer.Option(help="Only faults whose name has this in it.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the nodes' logs and incidents.")
    ] = None,
) -> None:
    """Faults beside a moving arm: the graph of a physical robot, on a stand-in for one.

    Bars: the arm at rest, on its wire, within 100 ms and the contract's stop time, the stop latched
    and its cause named, no limit exceeded; where a fault needs no stop, none. 4 s an injection;
    it wants a quiet machine. Exits with 1 when one is missed.
    """
    from robot_learning.benchmark.faults import measure_faults
    from robot_learning.benchmark.graph import BenchmarkError
    from robot_learning.workspace import WorkspaceError

    try:
        results = measure_faults(domain, rounds, seed, only, out, _say)
    except (BenchmarkError, WorkspaceError) as error:
        fail(str(error), 1)
    _report("faults", results, as_json)


def _report(name: str, results: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    met = all(row["met"] is not False for row in results)
    if as_json:
        print(json.dumps({"bench": name, "met": met, **_machine(), "results": results}))
    else:
        table = Table(title=f"bench {name}", title_justify="left")
        for header in ("what", "value", "against", "ratio", "spread", "bar", ""):
            table.add_column(header, overflow="fold")
        for row in results:
            ratio = row.get("ratio")
            table.add_row(
                row["what"],
                row["value"],
                row.get("against", ""),
                "" if ratio is None else f"{ratio:.2f}",
                row.get("spread", ""),
                row.get("bar", ""),
                {True: "met", False: "MISSED", None: ""}[row["met"]],
            )
        console = Console(soft_wrap=False)
        console.print(table)
        machine = _machine()
        console.print(", ".join(f"{k}: {v}" for k, v in machine.items()), highlight=False)
    if not met:
        raise typer.Exit(1)


def _machine() -> dict[str, Any]:
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "revision": git_revision() or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
    }
