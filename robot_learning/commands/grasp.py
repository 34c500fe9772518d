"""`robot-learning grasp`: learn to grasp from the camera with QT-Opt."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.training.progress import ProgressView, rate_with_interval
from robot_learning.training.run_directory import RunDirectory, next_free

if TYPE_CHECKING:
    from robot_learning.grasping.settings import GraspHyperParameters
    from robot_learning.grasping.workers import Collectors, Labellers
    from robot_learning.grasping.world import World

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
        _fail("--resume needs --out, the folder of the run to go on with", 2)
    if not episodes and not offline:
        _fail("--episodes 0 learns from logs alone: give --offline FOLDER", 2)
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
        scale = _Scale(collectors, updaters, address, worker_cpus)
        run = _train(request, overrides or [], out, resume, scale)
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
        figures = _collect(out, robot, task, episodes, processes, part)
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
        _fail(f"--objects {objects}: known are train and unseen", 2)
    with foreign_output_to_stderr():
        figures = _evaluate(policy, robot, task, episodes, objects, pictures, videos)
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


@dataclass(frozen=True)
class _Scale:
    """How many work, and where."""

    collectors: int
    updaters: int
    address: str | None
    worker_cpus: float

    @property
    def by_ray(self) -> bool:
        return self.collectors > 1 or self.updaters > 0 or self.address is not None


def _workers(
    scale: _Scale, world: World, request: dict[str, Any], hyper: GraspHyperParameters
) -> tuple[Collectors, Labellers]:
    from robot_learning.grasping.workers import Exploration, LocalCollector, LocalLabeller

    if not scale.by_ray:
        return LocalCollector(world, Exploration()), LocalLabeller()
    try:
        from robot_learning.grasping.ray_workers import RayCollectors, RayLabellers, connect
    except ImportError:
        _fail("several workers need Ray: pip install 'robot-learning[scale]'", 2)
    try:
        connect(scale.address)
    except ConnectionError as error:
        _fail(f"--address {scale.address}: {error}; start one with: ray start --head", 2)
    task, robot, cpus = request["task"], request["robot"], scale.worker_cpus
    sha256 = world.spaces.sha256
    labellers: Labellers = LocalLabeller()
    if scale.updaters:
        labellers = RayLabellers(hyper, world.spaces, request["seed"], scale.updaters, cpus)
    return RayCollectors(task, robot, sha256, Exploration(), scale.collectors, cpus), labellers


def _train(
    request: dict[str, Any], overrides: list[str], out: Path, resume: bool, scale: _Scale
) -> Any:
    """Trains; the run."""
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.grasping.run import GraspPlan, GraspRun
    from robot_learning.grasping.settings import GraspHyperParameters
    from robot_learning.grasping.world import find_world
    from robot_learning.training.files import FileWriteError, explain
    from robot_learning.training.interrupt import Interrupted, StopRequest
    from robot_learning.training.settings import with_overrides

    directory = RunDirectory(out)
    try:
        world = find_world(request["task"], request["robot"])
        hyper = with_overrides("grasping", GraspHyperParameters, overrides)
        plan = GraspPlan(request["episodes"], request["scripted_episodes"], seed=request["seed"])
        offline = [Path(path) for path in request["offline"]]
        config = request | {
            "hyper_parameters": hyper.model_dump(mode="json"),
            **world.about(),
        }
        directory.begin(config, resume=resume)
        with ProgressView() as progress, StopRequest() as stop:

            def view(status: Mapping[str, Any], now: bool) -> None:
                progress.show(status, now=now)

            run = GraspRun(world, hyper, plan, directory, offline=offline, resume=resume)
            directory.write_config(config)
            collectors, labellers = _workers(scale, world, request, hyper)
            with closing(collectors), closing(labellers):
                run.run(collectors, labellers, view, stop)
            return run
    except ValueError as error:  # contract, settings, folder, checkpoint, log: each is one line
        _fail(str(error), 2)
    except LookupError as error:
        _fail(str(error.args[0] if error.args else error), 2)
    except Interrupted:
        _fail(f"stopped; the checkpoint is in {out}. Go on with the same command and --resume", 130)
    except FileWriteError as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(explain(Path(error.filename or out), error), 1)


def _collect(
    out: Path, robot: str, task: str, episodes: int, processes: int, part: str | None
) -> dict[str, Any] | None:
    from robot_learning.evaluation import wilson_interval
    from robot_learning.grasping.collect_log import (
        CollectError,
        collect_in_processes,
        collect_part,
    )
    from robot_learning.grasping.log import GraspLog
    from robot_learning.grasping.world import find_world
    from robot_learning.training.files import FileWriteError, explain
    from robot_learning.training.interrupt import Interrupted, StopRequest

    try:
        world = find_world(task, robot)
        if part is not None:
            index, _, parts = part.partition("/")
            collect_part(world, out, episodes, int(index), int(parts))
            return None
        log = GraspLog(out, world.spaces.sha256)
        command = [sys.executable, "-m", "robot_learning", "grasp", "collect", "--out", str(out)]
        command += ["--robot", robot, "--task", task, "--episodes", str(episodes)]
        began_s = time.monotonic()
        with ProgressView() as progress, StopRequest() as stop:

            def on_progress(missing: int) -> None:
                done = max(0, episodes - missing)
                elapsed_s = time.monotonic() - began_s
                status = {"phase": "collecting", "episodes": f"{done} of {episodes}"}
                progress.show(status | {"elapsed_s": elapsed_s}, now=False)

            collect_in_processes(log, episodes, command, processes, on_progress, stop)
        outcomes = [episode.success for episode in log.episodes()]
        for line in log.damaged:
            print(f"robot-learning: {line}", file=sys.stderr)
        n, successes = len(outcomes), sum(outcomes)
        return {
            "episodes": n,
            "success_rate": successes / n if n else None,
            "wilson95": list(wilson_interval(successes, n)),
            "seconds": round(time.monotonic() - began_s, 1),
            "bytes": sum(path.stat().st_size for path in out.glob("shard-*.npz")),
        }
    except CollectError as error:
        _fail(str(error), 1)
    except ValueError as error:
        _fail(str(error), 2)
    except Interrupted:
        _fail(f"stopped; {out} keeps what is whole. Go on with the same command", 130)
    except FileWriteError as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(explain(Path(error.filename or out), error), 1)


def _evaluate(
    policy: Path,
    robot: str,
    task: str,
    episodes: int,
    objects: str,
    pictures: Path | None,
    videos: int,
) -> dict[str, Any]:
    from robot_learning.grasping.evaluate import evaluate as measure
    from robot_learning.grasping.pictures import EvaluationPictures
    from robot_learning.grasping.policy import GraspPolicy, read_grasp_policy
    from robot_learning.grasping.script import Grasper
    from robot_learning.grasping.world import find_world
    from robot_learning.training.files import explain

    try:
        world = find_world(task, robot)
        grasper: Grasper
        watched: EvaluationPictures | None = None
        if str(policy) == "scripted":
            grasper = world.script()
        else:
            grasper = read_grasp_policy(policy)
            if grasper.spaces != world.spaces:
                _fail(
                    f"{policy}: was trained under contract {grasper.spaces.sha256[:12]}, this is "
                    f"{world.spaces.sha256[:12]}: give the robot and task it was trained with",
                    2,
                )
        with closing(world.open(objects)) as env, ProgressView() as progress:
            if pictures and isinstance(grasper, GraspPolicy):
                grasper = watched = EvaluationPictures(grasper, env, pictures, videos)
            successes = 0

            def on_episode(done: int, episode: Any) -> None:
                nonlocal successes
                successes += episode.success
                if watched:
                    watched.take(episode)
                progress.show(
                    {"phase": "evaluating", "episodes": f"{successes} lifted of {done}"}, now=False
                )

            result = measure(world, env, grasper, episodes, on_episode=on_episode)
            if watched:
                watched.finish(result.by_object)
            return result.as_json()
    except ValueError as error:  # contract and policy file: each is one line
        _fail(str(error), 2)
    except OSError as error:
        _fail(explain(Path(error.filename or pictures or policy), error), 1)


def _fail(message: str, code: int) -> NoReturn:
    print(f"robot-learning: {message}", file=sys.stderr)
    raise typer.Exit(code) from None
