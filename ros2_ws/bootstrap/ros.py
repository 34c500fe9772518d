"""Which ROS 2 this set-up builds on: a sourced Jazzy installation, or the wheels."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.errors import SetupError

DISTRO = "jazzy"

# What sourcing a workspace changes. The wheels are found without any of it, and another
# workspace in these variables would be mixed into the build.
PATH_VARIABLES = (
    "AMENT_PREFIX_PATH",
    "CMAKE_PREFIX_PATH",
    "COLCON_PREFIX_PATH",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
)


@dataclass(frozen=True)
class RosSource:
    """Where ROS 2 comes from.

    Attributes:
        prefix: prefix of the sourced installation; None means the wheels.
    """

    prefix: str | None

    @property
    def installed(self) -> bool:
        """Whether an installation is used, and so no ROS wheel."""
        return self.prefix is not None

    def __str__(self) -> str:
        return f"the installation {self.prefix}" if self.prefix else "the wheels"


def imports_rclpy(python: str, env: Mapping[str, str]) -> bool:
    """Whether `python` imports rclpy in this environment."""
    try:
        answer = subprocess.run(
            [python, "-c", "import rclpy"], env=dict(env), capture_output=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0


def choose_ros(
    env: Mapping[str, str],
    python: str,
    imports: Callable[[str, Mapping[str, str]], bool] = imports_rclpy,
) -> RosSource:
    """Decides from what is sourced.

    Args:
        env: the environment that set-up was started in.
        python: the interpreter that a sourced ROS 2 belongs to.
        imports: says whether an interpreter imports rclpy.

    Raises:
        SetupError: another distribution is sourced, or a Jazzy that does not work.
    """
    distro = env.get("ROS_DISTRO", "")
    prefixes = [p for p in env.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    if not distro or not prefixes:  # images set ROS_DISTRO alone: that is not yet sourced
        return RosSource(None)
    if distro != DISTRO:
        raise SetupError(
            f"ROS 2 {distro} is sourced in this shell, and this project needs {DISTRO}: source "
            f"{DISTRO} instead, or open a shell without ROS to use the wheels"
        )
    if not imports(python, env):
        raise SetupError(
            f"ROS 2 {DISTRO} is sourced ({prefixes[-1]}), but {python} cannot import rclpy: "
            f"sudo apt install ros-{DISTRO}-ros-base, or open a shell without ROS to use the wheels"
        )
    return RosSource(prefixes[-1])


def without_workspace(env: Mapping[str, str], install: Path) -> dict[str, str]:
    """The environment less every path of this checkout's own workspace.

    Building a workspace in a shell that has sourced it would chain the workspace to itself.
    """
    cleaned = dict(env)
    for variable in PATH_VARIABLES:
        kept = [
            part
            for part in env.get(variable, "").split(os.pathsep)
            if part and not Path(part).is_relative_to(install)
        ]
        cleaned.pop(variable, None)
        if kept:
            cleaned[variable] = os.pathsep.join(kept)
    return cleaned
