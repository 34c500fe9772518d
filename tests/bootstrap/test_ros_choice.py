from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from bootstrap.environment import command_environment
from bootstrap.errors import SetupError
from bootstrap.ros import RosSource, choose_ros, imports_rclpy, without_workspace
from bootstrap.workspace_build import build_command


def imports(_python: str, _env: Mapping[str, str]) -> bool:
    return True


def fails(_python: str, _env: Mapping[str, str]) -> bool:
    return False


JAZZY = {"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/home/me/ws/install/x:/opt/ros/jazzy"}


def test_a_bare_shell_takes_the_wheels() -> None:
    assert not choose_ros({}, "python3", fails).installed


def test_a_sourced_jazzy_is_used() -> None:
    assert choose_ros(JAZZY, "python3", imports) == RosSource("/opt/ros/jazzy")


def test_a_distribution_that_is_named_but_not_sourced_takes_the_wheels() -> None:
    assert not choose_ros({"ROS_DISTRO": "jazzy"}, "python3", imports).installed


def test_this_workspace_sourced_without_ros_takes_the_wheels() -> None:
    assert not choose_ros({"AMENT_PREFIX_PATH": "/repo/install/a"}, "python3", imports).installed


@pytest.mark.parametrize("distro", ["humble", "iron", "kilted", "rolling"])
def test_another_distribution_is_refused_saying_what_to_do(distro: str) -> None:
    env = {**JAZZY, "ROS_DISTRO": distro}
    with pytest.raises(SetupError, match=rf"{distro} is sourced.*jazzy.*without ROS"):
        choose_ros(env, "python3", imports)


def test_a_jazzy_whose_rclpy_does_not_import_is_refused() -> None:
    with pytest.raises(SetupError, match=r"python3 cannot import rclpy.*apt install"):
        choose_ros(JAZZY, "python3", fails)


def test_a_real_interpreter_is_asked_in_the_sourced_environment(tmp_path: Path) -> None:
    package = tmp_path / "opt" / "ros" / "jazzy" / "lib" / "rclpy"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    env = {"PYTHONPATH": str(package.parent), "PATH": "/usr/bin:/bin"}
    assert imports_rclpy("python3", env)
    (package / "__init__.py").write_text("raise ImportError('librcl.so')")
    assert not imports_rclpy("python3", env)
    assert not imports_rclpy(str(tmp_path / "no-python"), env)


def test_the_own_workspace_is_taken_out_of_every_path_variable(tmp_path: Path) -> None:
    install = tmp_path / "ros2_ws" / "install"
    env = {
        "AMENT_PREFIX_PATH": f"{install}/nodes:/opt/ros/jazzy",
        "PYTHONPATH": f"{install}/nodes/lib",
        "HOME": str(install),
    }
    cleaned = without_workspace(env, install)
    assert cleaned == {"AMENT_PREFIX_PATH": "/opt/ros/jazzy", "HOME": str(install)}


def test_with_the_wheels_no_other_workspace_is_mixed_in(tmp_path: Path) -> None:
    base = {"PYTHONPATH": "/elsewhere", "CMAKE_PREFIX_PATH": "/other", "MAKEFLAGS": "-j1 -l2"}
    venv = tmp_path / ".venv"
    env = command_environment(base, RosSource(None), venv, tmp_path / "ros2_ws")
    assert "PYTHONPATH" not in env
    assert env["AMENT_PREFIX_PATH"] == env["CMAKE_PREFIX_PATH"] == str(venv)
    assert "-l" not in env["MAKEFLAGS"]
    assert env["PATH"].startswith(f"{venv}/bin:")


def test_with_an_installation_what_is_sourced_stays(tmp_path: Path) -> None:
    base = {**JAZZY, "PYTHONPATH": "/opt/ros/jazzy/lib/python3.12/site-packages"}
    env = command_environment(base, RosSource("/opt/ros/jazzy"), tmp_path / ".venv", tmp_path)
    for variable in ("AMENT_PREFIX_PATH", "PYTHONPATH", "ROS_DISTRO"):
        assert env[variable] == base[variable]


def test_colcon_runs_under_the_environments_python_and_keeps_to_the_workspace() -> None:
    command = build_command(Path("/r/ros2_ws"), Path("/r/.venv/bin/python"), RosSource(None))
    assert command[:3] == ["/r/.venv/bin/python", "-m", "colcon"]
    for option, value in {
        "--base-paths": "/r/ros2_ws/src",
        "--build-base": "/r/ros2_ws/build",
        "--install-base": "/r/ros2_ws/install",
        "--log-base": "/r/ros2_ws/log",
    }.items():
        assert command[command.index(option) + 1] == value
    assert "-DPython3_EXECUTABLE=/r/.venv/bin/python" in command


def test_ninja_is_asked_for_only_where_the_wheels_bring_it() -> None:
    python = Path("/r/.venv/bin/python")
    assert "-GNinja" in build_command(Path("/r"), python, RosSource(None))
    assert "-GNinja" not in build_command(Path("/r"), python, RosSource("/opt/ros/jazzy"))
