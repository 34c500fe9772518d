"""The environments that set-up's own commands run in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bootstrap.ros import PATH_VARIABLES, RosSource, without_workspace

# Variables that would change what pip, make and Python do here.
_DISTURBING = (
    "MAKEFLAGS",  # set-up runs under make; its job server would throttle the build
    "MFLAGS",
    "MAKELEVEL",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",  # else each of the graph's processes compiles every module again
    "VIRTUAL_ENV",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "_ROS_WHEELS_BOOTSTRAP_COMPLETE",  # set by a ROS wheel of another environment
)


def command_environment(
    base: Mapping[str, str], ros: RosSource, venv: Path, workspace: Path
) -> dict[str, str]:
    """What pip and colcon run in.

    Args:
        base: the environment that set-up was started in.
        ros: the chosen ROS 2.
        venv: the virtual environment.
        workspace: the folder `ros2_ws`.

    Returns:
        The base environment, with the virtual environment's programs first, and ROS 2 found
        either where it is sourced or in the virtual environment.
    """
    env = {key: value for key, value in base.items() if key not in _DISTURBING}
    env = without_workspace(env, workspace / "install")
    if not ros.installed:
        for variable in (*PATH_VARIABLES, "ROS_DISTRO"):
            env.pop(variable, None)
        env["AMENT_PREFIX_PATH"] = env["CMAKE_PREFIX_PATH"] = str(venv)
    env["PATH"] = os.pathsep.join([str(venv / "bin"), base.get("PATH", os.defpath)])
    env["VIRTUAL_ENV"] = str(venv)
    # Without this colcon also limits the build by the machine's load, to a crawl on a busy one.
    env["MAKEFLAGS"] = f"-j{len(os.sched_getaffinity(0))}"
    env["PYTHONNOUSERSITE"] = "1"
    env["PYTHONUNBUFFERED"] = "1"
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    env["PIP_NO_INPUT"] = "1"
    env["PIP_REQUIRE_VIRTUALENV"] = "1"
    return env
