"""Builds the ROS 2 workspace with colcon."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bootstrap.errors import SetupError
from bootstrap.ros import RosSource


def check_compiler(env: Mapping[str, str]) -> None:
    """Checks that C and C++ compilers are there: message types are compiled.

    Raises:
        SetupError: one is missing.
    """
    for language, variable, names in (
        ("C", "CC", ("cc", "gcc", "clang")),
        ("C++", "CXX", ("c++", "g++", "clang++")),
    ):
        wanted = (env[variable],) if env.get(variable) else names
        if not any(shutil.which(name.split()[0], path=env.get("PATH")) for name in wanted):
            raise SetupError(
                f"no {language} compiler found (looked for {', '.join(wanted)}): "
                "sudo apt install build-essential"
            )


def source_folders(workspace: Path, ros: RosSource) -> list[Path]:
    """Where packages are: an installed ROS 2 has by itself what the wheels lack."""
    names = ("src",) if ros.installed else ("src", "beside_wheels")
    return [workspace / name for name in names]


def build_command(workspace: Path, python: Path, ros: RosSource) -> list[str]:
    """The colcon command line.

    colcon runs as a module of `python`, because the programs of Python packages get the
    interpreter that runs colcon.

    Args:
        workspace: the folder `ros2_ws`.
        python: the virtual environment's interpreter.
        ros: the chosen ROS 2.
    """
    command = [str(python), "-m", "colcon", "--log-base", str(workspace / "log"), "build"]
    command += ["--base-paths", *map(str, source_folders(workspace, ros))]
    for option, folder in (
        ("--build-base", "build"),
        ("--install-base", "install"),
    ):
        command += [option, str(workspace / folder)]
    command += ["--event-handlers", "console_direct+", "--cmake-args"]
    if not ros.installed:
        command.append("-GNinja")  # comes with the wheels
    return [
        *command,
        f"-DPython3_EXECUTABLE={python}",
        "-DCMAKE_BUILD_TYPE=Release",
        "-DBUILD_TESTING=OFF",
    ]


@contextmanager
def prepare_build(workspace: Path, base_key: str) -> Iterator[None]:
    """Leaves for colcon only a build folder that it can go on from.

    The build folder is cleared when it belongs to another ROS 2 or Python (CMake keeps their
    paths), or when the last build was killed: a half-written CMake cache makes every later build
    fail. A build that merely failed is gone on from.

    Args:
        workspace: the folder `ros2_ws`.
        base_key: identifies Python and ROS 2.
    """
    build = workspace / "build"
    marker, owner = build / ".running", build / ".owner"
    belongs = owner.is_file() and owner.read_text(encoding="ascii") == base_key
    if build.exists() and (marker.exists() or not belongs):
        for folder in ("build", "install", "log"):
            shutil.rmtree(workspace / folder, ignore_errors=True)
    build.mkdir(parents=True, exist_ok=True)
    owner.write_text(base_key, encoding="ascii")
    marker.touch()
    try:
        yield
    except SetupError:
        marker.unlink(missing_ok=True)
        raise
    marker.unlink(missing_ok=True)
