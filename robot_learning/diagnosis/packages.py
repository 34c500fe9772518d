"""Checks of Python and its packages: version, PyTorch, GPU, PyBullet."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from robot_learning.diagnosis.check import Check, fail, ok, warn

PYBULLET_VERSION = "3.2.7"
_SETUP = "run: make setup"

# In a process of its own: the library does not import the simulator's engine.
_PYBULLET = "import pybullet; print(pybullet.getAPIVersion())"

_TORCH = """
import json, torch
gpu = torch.cuda.is_available()
print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(),
                  "gpu": torch.cuda.get_device_name(0) if gpu else None}))
"""


def check_python(found: tuple[int, int, int] | None = None) -> Check:
    """The interpreter's version."""
    major, minor, micro = sys.version_info[:3] if found is None else found
    fact = f"{major}.{minor}.{micro} ({sys.executable})"
    if (3, 11) <= (major, minor) <= (3, 12):
        return ok("Python", fact)
    return fail("Python", fact, "use Python 3.11 or 3.12: make clean setup PYTHON=/path/to/python")


def check_torch(answer: str | None = None) -> list[Check]:
    """PyTorch with its threads, and the GPU that it sees.

    Args:
        answer: JSON with version, threads, gpu; None asks PyTorch.
    """
    if answer is None:
        run = subprocess.run([sys.executable, "-c", _TORCH], capture_output=True, text=True)
        if run.returncode != 0:
            reason = _last_line(run.stderr)
            return [fail("PyTorch", f"does not import: {reason}", _SETUP)]
        answer = run.stdout
    facts = json.loads(answer)
    torch = ok("PyTorch", f"{facts['version']}, {facts['threads']} threads")
    if facts["gpu"]:
        return [torch, ok("GPU", str(facts["gpu"]))]
    if _has_nvidia_device():
        mend = "ROBOT_LEARNING_TORCH=default make clean setup"
        return [torch, warn("GPU", "there is one, and this PyTorch is for the CPU", mend)]
    return [torch, ok("GPU", "none; the main job needs none")]


def check_pybullet() -> Check:
    """The simulator's engine."""
    try:
        found = version("pybullet")
    except PackageNotFoundError:
        return fail("PyBullet", "is not installed", _SETUP)
    run = subprocess.run([sys.executable, "-c", _PYBULLET], capture_output=True, text=True)
    if run.returncode != 0:
        return fail("PyBullet", f"{found} does not import: {_last_line(run.stderr)}", _SETUP)
    if found != PYBULLET_VERSION:
        mend = f"use {PYBULLET_VERSION}, which results were made with; {_SETUP}"
        return warn("PyBullet", found, mend)
    return ok("PyBullet", found)


def _has_nvidia_device() -> bool:
    return Path("/dev/nvidia0").exists()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"
