"""The virtual environment `.venv`: made once, checked on every run, made anew when broken."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.errors import SetupError
from bootstrap.interpreter import CANDIDATES, Interpreter, choose
from bootstrap.ros import RosSource

_PROBE = """
import json, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.prefix,
                  "include": paths["include"], "site_packages": paths["purelib"]}))
"""
_ORIGIN = "origin.json"  # beside the stamps: what the environment was made for


@dataclass(frozen=True)
class Venv:
    """A working virtual environment.

    Attributes:
        path: its folder.
        version: of its Python, as "3.11.7".
        include: the folder of its Python.h.
        site_packages: where its packages are.
    """

    path: Path
    version: str
    include: Path
    site_packages: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"


def inspect(path: Path) -> Venv | None:
    """The environment at a path, or None when it does not run or was moved there."""
    try:
        answer = subprocess.run(
            [str(path / "bin" / "python"), "-I", "-c", _PROBE],
            env={"_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"},  # or the ROS wheels start Python twice
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    # The programs in bin/ name their interpreter by its full path.
    if Path(facts["prefix"]) != path or not (path / "bin" / "pip").exists():
        return None
    return Venv(path, facts["version"], Path(facts["include"]), Path(facts["site_packages"]))


def prepare_venv(
    root: Path,
    ros: RosSource,
    python: str | None,
    say: Callable[[str], None],
    inherit: tuple[int, ...] = (),
) -> Venv:
    """Returns the checkout's environment, made if need be.

    Args:
        root: the checkout.
        ros: the ROS 2 that it is for.
        python: the interpreter that a person asked for; None takes any that fits.
        say: prints a progress line.
        inherit: file descriptors that children keep open: the set-up's lock.

    Raises:
        SetupError: no interpreter fits, or the environment was made for another ROS 2.
    """
    path = root / ".venv"
    origin_file = path / ".setup" / _ORIGIN
    origin = {"ros": ros.prefix, "python": python}
    if path.exists():
        made_for = _read(origin_file)
        if made_for is not None and made_for.get("ros") != ros.prefix:
            raise SetupError(_other_ros(path, RosSource(made_for.get("ros")), ros))
        venv = inspect(path)
        asked_for_another = python is not None and (made_for or {}).get("python") != python
        if venv is not None and made_for is not None and not asked_for_another:
            return venv
        reason = "is for another Python" if venv and made_for else "is broken or half made"
        say(f"{path} {reason}: making it anew")
        _remove(path)
    base = _base_interpreter(ros, python)
    say(f"virtual environment from {base.executable} ...")
    command = [base.executable, "-m", "venv", str(path)]
    if ros.installed:
        command.append("--system-site-packages")  # rclpy and colcon lie in ROS's own Python
    answer = subprocess.run(command, capture_output=True, text=True, pass_fds=inherit)
    venv = inspect(path)
    if answer.returncode != 0 or venv is None:
        detail = (answer.stderr or answer.stdout).strip().splitlines()
        raise SetupError(
            f"cannot make {path}: {detail[-1] if detail else 'its Python does not run'}; "
            f"check the disk and {base.executable}"
        )
    origin_file.parent.mkdir(exist_ok=True)
    origin_file.write_text(json.dumps(origin), encoding="utf-8")
    return venv


def _base_interpreter(ros: RosSource, python: str | None) -> Interpreter:
    if python is not None:
        return choose([python])
    return choose(["python3"] if ros.installed else CANDIDATES)


def _other_ros(path: Path, made_for: RosSource, now: RosSource) -> str:
    if made_for.installed:
        return (
            f"{path} was made for ROS 2 at {made_for.prefix}, and this shell has {now}: "
            f"source {made_for.prefix}/setup.bash, or change over with: make clean"
        )
    return (
        f"{path} was made with the ROS wheels, and this shell has ROS 2 at {now.prefix} sourced: "
        "open a shell without ROS, or change over with: make clean"
    )


def _read(path: Path) -> dict[str, str | None] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        shutil.rmtree(path)
