"""pip's command lines, and the mending of an environment in which pip was interrupted."""

from __future__ import annotations

import shutil
from pathlib import Path

from bootstrap.errors import SetupError

TORCH_VERSION = "2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH_MODES = ("cpu", "default")


def install_lock(python: Path, lock: Path) -> list[str]:
    """Installs a lock file. It is complete, so pip resolves nothing, and every hash is checked."""
    return [*_install(python), "--no-deps", "--require-hashes", "-r", str(lock)]


def install_project(python: Path, root: Path) -> list[str]:
    """Installs this checkout so that an edit needs no new installation."""
    return [*_install(python), "--no-deps", "--no-build-isolation", "-e", str(root)]


def install_torch(python: Path, lock: Path, mode: str) -> list[list[str]]:
    """Commands to try in turn until one succeeds.

    PyTorch's CPU build is not on PyPI, and what is there brings gigabytes of CUDA along. So the
    CPU build is asked for by its own version: of what pip is configured with (a mirror, a folder
    of wheels), then of PyTorch's own index.

    Args:
        python: the environment's interpreter.
        lock: the hashes of the CPU wheels.
        mode: "cpu", or "default" for the build that PyPI has (for CUDA).

    Raises:
        SetupError: an unknown mode.
    """
    if mode not in TORCH_MODES:
        raise SetupError(
            f"ROBOT_LEARNING_TORCH={mode}: expected one of {', '.join(TORCH_MODES)}; unset it"
        )
    if mode == "default":
        return [[*_install(python), f"torch=={TORCH_VERSION}"]]
    own = install_lock(python, lock)
    return [own, [*own, "--extra-index-url", TORCH_CPU_INDEX]]


# What the graph's processes import, and with that most of all that is used.
_USED = (
    "cv2",
    "gymnasium",
    "numpy",
    "pinocchio",
    "pybullet",
    "pydantic",
    "rclpy",
    "rich.progress",
    "ruckig",
    "safetensors.torch",
    "sensor_msgs.msg",
    "tensorboard.compat.proto.event_pb2",
    "torch",
    "trajectory_msgs.msg",
    "typer",
    "yaml",
)


def first_import(python: Path) -> list[str]:
    """Imports what was installed: shows that it works, and leaves its bytecode behind."""
    return [str(python), "-c", f"import {', '.join(_USED)}"]


def _install(python: Path) -> list[str]:
    # pip would write the bytecode of ten thousand files; one in ten is ever run (first_import).
    return [str(python), "-m", "pip", "install", "--no-compile", "--progress-bar", "off"]


def mend_interrupted(site_packages: Path) -> list[str]:
    """Removes what an interrupted pip leaves and a later pip stumbles over.

    pip writes a package's RECORD last. A dist-info folder without it counts as installed though
    files may be missing, and cannot be uninstalled. Folders whose name begins with `~` are
    packages that pip had set aside during an upgrade.

    Returns:
        The names of what was removed; pip installs those packages anew.
    """
    broken = [
        path
        for path in site_packages.glob("*.dist-info")
        if path.is_dir() and not (path / "RECORD").is_file()
    ]
    broken += [path for path in site_packages.glob("~*") if path.is_dir()]
    for path in broken:
        shutil.rmtree(path)
    return sorted(path.name for path in broken)


def explain(output: str, *, room: bool = True) -> str:
    """What to do about a failed command, in one line, from what it printed.

    Args:
        output: what it printed.
        room: the disk has place for what it was to install.
    """
    for signs, advice in _ADVICE:
        if any(sign in output for sign in signs):
            return advice
    if not room:
        return _DISK_FULL
    return "see the log; then run it again: it goes on where it stopped"


_DISK_FULL = (
    "the disk is full, or nearly: some 3.5 GB are needed here, and 1 GB in $TMPDIR (/tmp) "
    "while it runs; free some and run it again: it goes on where it stopped"
)
_ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("DO NOT MATCH THE HASHES",),
        "a downloaded file is not the one that the lock names: do not use it; clear pip's cache "
        "(pip cache purge), try again, and report it if it stays",
    ),
    (
        ("No space left on device", "Disk quota exceeded"),
        _DISK_FULL,
    ),
    (
        (
            "Temporary failure in name resolution",
            "Name or service not known",
            "Network is unreachable",
            "Failed to establish a new connection",
            "NewConnectionError",
            "Read timed out",
            "ConnectTimeoutError",
            "ProxyError",
        ),
        "no package index was reached: check the network or pip's proxy, then run it again: "
        "it goes on where it stopped",
    ),
    (
        ("Python.h: No such file", "Could NOT find Python3"),
        "the Python headers are missing: sudo apt install python3-dev (or python3.11-dev)",
    ),
    (
        ("Killed signal terminated program", "virtual memory exhausted", "out of memory"),
        "the compiler ran out of memory: close other programs and run it again",
    ),
    (
        ("No matching distribution found", "is not a supported wheel on this platform"),
        "no wheel fits this machine and Python: x86-64 or ARM Linux with Python 3.11 or 3.12 is "
        "needed; otherwise use ROS 2 Jazzy from apt, pixi or Docker",
    ),
)
