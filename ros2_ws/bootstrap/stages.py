"""The stages of the set-up: what each needs, what it makes, and in which order they run.

    virtual environment ─┬─ ROS wheels ─┬─ workspace (colcon)
                         │              │
                         └─ PyTorch ────┴─ library wheels ── project ── first import ── test tools

Two lanes run at the same time, one a row: the compiler is busy in the upper while pip unpacks in
the lower. Packages that both locks name are pinned alike, and only one lane installs at a time.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap import disk, pip_commands
from bootstrap.cmake_exports import repair
from bootstrap.commands import Console, Runner, forward_termination
from bootstrap.environment import command_environment
from bootstrap.errors import SetupError
from bootstrap.lock_file import locked
from bootstrap.ros import RosSource, choose_ros
from bootstrap.stamps import Stamps, digest
from bootstrap.venv import Venv, prepare_venv
from bootstrap.workspace_build import (
    build_command,
    check_compiler,
    prepare_build,
    source_folders,
)


@dataclass(frozen=True)
class Stage:
    """One step of the set-up.

    Attributes:
        name: of its stamp and its log.
        title: for a person.
        key: digest of all it depends on.
        run: does it.
    """

    name: str
    title: str
    key: str
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Lanes:
    """Stages in the order in which they may run.

    Attributes:
        ros: the lane of ROS: wheels (none where an installation is used), then the workspace.
        torch: runs beside the first of `ros`; shares no package with it.
        python: after `torch` and the ROS wheels; runs beside the workspace.
    """

    ros_wheels: tuple[Stage, ...]
    workspace: Stage
    torch: Stage
    python: tuple[Stage, ...]

    @property
    def all(self) -> tuple[Stage, ...]:
        """Every stage."""
        return (*self.ros_wheels, self.workspace, self.torch, *self.python)


async def setup(root: Path, *, dev: bool, python: str | None) -> None:
    """Brings the checkout to where its programs run; what is already done is not done again.

    Args:
        root: the checkout.
        dev: also install what the tests need.
        python: interpreter for the virtual environment; None chooses one.

    Raises:
        SetupError: it cannot go on; the message says what to do.
    """
    if sys.platform != "linux":
        raise SetupError(f"Linux is needed, and this is {sys.platform}; use Docker")
    task = asyncio.current_task()
    assert task is not None
    forward_termination(task)
    console = Console()
    with locked(root / ".cache" / "setup.lock", console.say) as descriptor:
        ros = choose_ros(os.environ, python or shutil.which("python3") or sys.executable)
        stamps = Stamps(root / ".venv" / ".setup")
        venv = prepare_venv(root, ros, python, console.say, (descriptor,))
        env = command_environment(os.environ, ros, venv.path, root / "ros2_ws")
        runner = Runner(env, root, root / ".cache" / "setup", console, (descriptor,))
        lanes = plan(root, ros, venv, runner, stamps, dev=dev)
        due = [stage for stage in lanes.all if not _done(root, stage, stamps)]
        if not due:
            console.say(f"set-up is up to date (ROS 2 from {ros})")
            return
        if lanes.workspace in due:
            check_compiler(env)
        console.say(f"setting up with Python {venv.version}, ROS 2 from {ros}")
        if too_small := disk.warning(disk.free_mb_at(root), [stage.name for stage in due]):
            console.say(too_small)
        removed = pip_commands.mend_interrupted(venv.site_packages)
        if removed:
            console.say(f"mended after an interruption: {', '.join(removed)}")
        await _run_lanes(lanes, due, stamps, console)
        console.say("set-up is done")


def plan(
    root: Path, ros: RosSource, venv: Venv, runner: Runner, stamps: Stamps, *, dev: bool
) -> Lanes:
    """Every stage with its key; a key holds the keys of the stages before it."""
    mode = runner.env.get("ROBOT_LEARNING_TORCH", "cpu")
    base = f"{venv.version} {venv.path} {ros}"
    sources = [*source_folders(root / "ros2_ws", ros), root / "launch", root / "config"]

    def key(*facts: str, files: tuple[str, ...] = ()) -> str:
        return digest((base, *facts), [root / name for name in files], root)

    def pip(name: str, title: str, lock: str, *facts: str) -> Stage:
        command = pip_commands.install_lock(venv.python, root / lock)
        return Stage(name, title, key(*facts, files=(lock,)), lambda: runner.run(name, command))

    async def install_ros_wheels() -> None:
        lock = root / "requirements-ros.lock"
        await runner.run("ros-wheels", pip_commands.install_lock(venv.python, lock))
        repair(venv.path, venv.include, venv.site_packages)

    async def build_workspace() -> None:
        with prepare_build(root / "ros2_ws", wheels_key):
            await runner.run("workspace", build_command(root / "ros2_ws", venv.python, ros))

    async def install_torch() -> None:
        lock = root / "requirements-torch.lock"
        commands = pip_commands.install_torch(venv.python, lock, mode)
        await runner.run_first("torch", commands)

    wheels_key = key(files=() if ros.installed else ("requirements-ros.lock",))
    ros_wheels = Stage("ros-wheels", "ROS 2 wheels", wheels_key, install_ros_wheels)
    workspace = Stage(
        "workspace",
        "ROS 2 workspace (colcon)",
        digest([wheels_key], sources, root),
        build_workspace,
    )
    torch = Stage(
        "torch", f"PyTorch ({mode})", key(mode, files=("requirements-torch.lock",)), install_torch
    )
    library = pip("wheels", "library wheels", "requirements.lock", wheels_key, torch.key)
    project = Stage(
        "project",
        "this project",
        key(library.key, files=("pyproject.toml",)),
        lambda: runner.run("project", pip_commands.install_project(venv.python, root)),
    )
    imports = Stage(
        "first-import",
        "first import",
        key(library.key),
        lambda: runner.run("first-import", pip_commands.first_import(venv.python)),
    )
    tools = pip("dev", "test tools", "requirements-dev.lock", library.key)
    return Lanes(
        ros_wheels=() if ros.installed else (ros_wheels,),
        workspace=workspace,
        torch=torch,
        python=(library, project, imports, *((tools,) if dev else ())),
    )


async def _run_lanes(lanes: Lanes, due: list[Stage], stamps: Stamps, console: Console) -> None:
    async def run(*stages: Stage) -> None:
        for stage in stages:
            if stage not in due:
                continue
            began_s = asyncio.get_running_loop().time()
            console.say(f"{stage.title} ...")
            stamps.begin(stage.name)
            await stage.run()
            stamps.finish(stage.name, stage.key)
            console.say(f"{stage.title}: {asyncio.get_running_loop().time() - began_s:.1f} s")

    try:
        async with asyncio.TaskGroup() as first:
            first.create_task(run(*lanes.ros_wheels))
            first.create_task(run(lanes.torch))
        async with asyncio.TaskGroup() as second:
            second.create_task(run(lanes.workspace))
            second.create_task(run(*lanes.python))
    except ExceptionGroup as group:
        # Not `except*`: what is raised in it comes out in a group again.
        for error in group.exceptions:
            if isinstance(error, SetupError):
                raise error from None
        raise


def _done(root: Path, stage: Stage, stamps: Stamps) -> bool:
    if not stamps.matches(stage.name, stage.key):
        return False
    # Someone may have deleted the build folders, which lie outside the virtual environment.
    setup_file = root / "ros2_ws" / "install" / "setup.bash"
    return stage.name != "workspace" or setup_file.is_file()
