"""What `robot-learning grasp train` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_learning.commands.fail import fail
from robot_learning.contract import ContractError
from robot_learning.training.progress import ProgressView
from robot_learning.training.run_directory import RunDirectory, RunDirectoryError

if TYPE_CHECKING:
    from robot_learning.grasping.settings import GraspHyperParameters
    from robot_learning.grasping.workers import Collectors, Labellers
    from robot_learning.grasping.world import World


@dataclass(frozen=True)
class Scale:
    """How many work, and where."""

    collectors: int
    updaters: int
    address: str | None
    worker_cpus: float

    @property
    def by_ray(self) -> bool:
        """Whether Ray is needed for it."""
        return self.collectors > 1 or self.updaters > 0 or self.address is not None


def _workers(
    scale: Scale, world: World, request: dict[str, Any], hyper: GraspHyperParameters
) -> tuple[Collectors, Labellers]:
    from robot_learning.grasping.workers import Exploration, LocalCollector, LocalLabeller

    if not scale.by_ray:
        return LocalCollector(world, Exploration()), LocalLabeller()
    try:
        from robot_learning.grasping.ray_workers import (
            RayCollectors,
            RayLabellers,
            cluster_cpus,
            connect,
        )
    except ImportError:
        fail("several workers need Ray: pip install 'robot-learning[scale]'", 2)
    try:
        connect(scale.address)
    except ConnectionError as error:
        fail(f"--address {scale.address}: {error}; start one with: ray start --head", 2)
    wanted, there = (scale.collectors + scale.updaters) * scale.worker_cpus, cluster_cpus()
    if wanted > there:
        print(
            f"robot-learning: the workers want {wanted:g} CPUs of the {there:g} that the cluster "
            "has; who finds no room waits: lower --worker-cpus, or add nodes",
            file=sys.stderr,
        )
    task, robot, cpus = request["task"], request["robot"], scale.worker_cpus
    sha256 = world.spaces.sha256
    labellers: Labellers = LocalLabeller()
    if scale.updaters:
        labellers = RayLabellers(hyper, world.spaces, request["seed"], scale.updaters, cpus)
    return RayCollectors(task, robot, sha256, Exploration(), scale.collectors, cpus), labellers


def train_grasping(
    request: dict[str, Any], overrides: list[str], out: Path, resume: bool, scale: Scale
) -> Any:
    """Trains; the run."""
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.files import FileWriteError, explain
    from robot_learning.grasping.log import LogError
    from robot_learning.grasping.run import GraspPlan, GraspRun
    from robot_learning.grasping.settings import GraspHyperParameters
    from robot_learning.grasping.world import WorldError, find_world
    from robot_learning.networks.grasp_critic import PictureSizeError
    from robot_learning.training.checkpoint import CheckpointError
    from robot_learning.training.interrupt import Interrupted, StopRequest
    from robot_learning.training.settings import SettingsError, with_overrides

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
    except (ContractError, WorldError, SettingsError, PictureSizeError) as error:
        fail(str(error), 2)
    except (RunDirectoryError, CheckpointError, LogError) as error:
        fail(str(error), 2)
    except LookupError as error:
        fail(str(error.args[0] if error.args else error), 2)
    except Interrupted:
        fail(f"stopped; the checkpoint is in {out}. Go on with the same command and --resume", 130)
    except FileWriteError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(explain(Path(error.filename or out), error), 1)
