"""`robot-learning grasp`: learn to grasp from the camera with QT-Opt."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.commands.fail import fail
from robot_learning.commands.grasp_collect import collect_attempts
from robot_learning.commands.grasp_evaluate import evaluate_grasping
from robot_learning.commands.grasp_train import Scale, train_grasping
from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.training.progress import rate_with_interval
from robot_learning.training.run_directory import next_free

app = typer.Typer(help="Grasping from the camera with QT-Opt.", no_args_is_help=True)

_Robot = Annotated[str, typer.Option(help="Robot in config/robots, or a path.")]
_Task = Annotated[str, typer.Option(help="Task in config/tasks, a path to YAML, or kuka_diverse.")]


@app.command()
def train(
    robot: _Robot = "panda",
    task: _Task = "bin_grasp",
    episodes: Annotated[
        int, typer.Option(min=0, help="Episodes to collect; 0: learn from --offline alone.")
    ] = 5_000,
    scripted_episodes: Annotated[
        int, typer.Option(min=0, help="The first of them, before the policy acts.")
    ] = 1_000,
    offline: Annotated[
        list[Path] | None, typer.Option(help="Folder of a log to learn from too; repeat.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run; by default a new one under runs/.")
    ] = None,
    collectors: Annotated[
        int, typer.Option(min=1, help="Robots that collect at a time; from 2 on by Ray.")
    ] = 1,
    updaters: Annotated[
        int, typer.Option(min=0, help="Bellman updaters beside the trainer, by Ray; 0: it labels.")
    ] = 0,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to use (host:port, or auto).")
    ] = None,
    worker_cpus: Annotated[
        float, typer.Option(min=0.0, help="CPUs of a collector or updater, as Ray counts them.")
    ] = 1.0,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key=value for a hyper-parameter; repeat.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
) -> None:
    """Collects attempts, first scripted, then the policy's own, and learns from all of them."""
    if resume and out is None:
        fail("--resume needs --out, the folder of the run to go on with", 2)
    if not episodes and not offline:
        fail("--episodes 0 learns from logs alone: give --offline FOLDER", 2)
    out = out or next_free(Path("runs"), f"{Path(task).stem}-qt_opt-seed{seed}")
    with foreign_output_to_stderr():
        request = {
            "robot": robot,
            "task": task,
            "episodes": episodes,
            "scripted_episodes": scripted_episodes,
            "offline": [str(path) for path in offline or []],
            "seed": seed,
        }
        scale = Scale(collectors, updaters, address, worker_cpus)
        run = train_grasping(request, overrides or [], out, resume, scale)
    counts = run.learner.counts
    for line in run.warnings:
        print(f"robot-learning: {line}", file=sys.stderr)
    table = Table(title="trained", show_header=False, title_justify="left")
    table.add_row("episodes collected", f"{run.collected}")
    table.add_row("steps learned from", f"{counts.steps} of {counts.episodes} episodes")
    table.add_row("labels", f"{counts.labelled}")
    table.add_row("gradient updates", f"{counts.updates}, from {counts.trained} labels")
    table.add_row("policy", str(out / "grasp_policy.safetensors"))
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"next: robot-learning grasp evaluate {out} --robot {robot}", highlight=False)


@app.command()
def collect(
    out: Annotated[Path, typer.Option(help="Folder of the log; goes on where one is.")],
    robot: _Robot = "panda",
    task: _Task = "bin_grasp",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes in the log at the end.")] = 1_000,
    processes: Annotated[int, typer.Option(min=1, help="Processes that collect.")] = 1,
    part: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Collects scripted attempts into a log, for `grasp train --offline`."""
    with foreign_output_to_stderr():
        figures = collect_attempts(out, robot, task, episodes, processes, part)
    if figures:
        print(json.dumps(figures))


@app.command()
def evaluate(
    policy: Annotated[Path, typer.Argument(help="Folder of a run; or `scripted`.")],
    robot: _Robot = "panda",
    task: _Task = "bin_grasp",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes.")] = 100,
    objects: Annotated[
        str, typer.Option(help="`unseen`: objects never seen in training; or `train`.")
    ] = "unseen",
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder for videos, a sheet of failures and a chart of objects."),
    ] = None,
    videos: Annotated[
        int, typer.Option(min=0, help="With --pictures: of so many successes, and failures.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Counts how often a policy lifts something, without exploration."""
    if objects not in ("train", "unseen"):
        fail(f"--objects {objects}: known are train and unseen", 2)
    with foreign_output_to_stderr():
        figures = evaluate_grasping(policy, robot, task, episodes, objects, pictures, videos)
    if as_json:
        print(json.dumps(figures))
        return
    low, high = figures["wilson95"]
    success = rate_with_interval(figures["success_rate"], figures["n"], (low, high))
    table = Table(title=f"{policy}, {objects} objects", show_header=False, title_justify="left")
    table.add_row("success", success)
    if figures["lifted_rate"] is not None:
        table.add_row("lifted, as the simulator knows", f"{figures['lifted_rate']:.2f}")
        table.add_row("both agree", f"{figures['agreement']:.3f}")
        table.add_row("safety faults", f"{figures['faults']}")
    table.add_row("steps, mean", f"{figures['mean_steps']:.1f}")
    console = Console(soft_wrap=True)
    console.print(table)
    if pictures:
        console.print(f"pictures: {pictures}", highlight=False)
