"""Checks of the machine: disk, memory, compiler, limits, clock, GPU, cameras."""

from __future__ import annotations

import os
import re
import resource
import shutil
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

from robot_learning.diagnosis.check import Check, fail, ok, warn

GB = 1e9
DISK_NEEDED_GB = 1.0  # checkpoints with their replay, metrics and logs of a few runs
MEMORY_NEEDED_GB = 2.0  # the graph's processes and the learner's replay
FILES_NEEDED = 1024  # Fast DDS opens dozens a participant
CLOCK_STEP_S = 0.001


def check_disk(path: Path, free_bytes: int | None = None) -> Check:
    """Free space where runs are written."""
    free_gb = (shutil.disk_usage(path).free if free_bytes is None else free_bytes) / GB
    fact = f"{free_gb:.1f} GB free at {path}"
    if free_gb < DISK_NEEDED_GB:
        return fail("disk", fact, f"free at least {DISK_NEEDED_GB:.0f} GB, or use --out elsewhere")
    return ok("disk", fact)


def check_memory(meminfo: str | None = None) -> Check:
    """Memory that programs can get without swapping.

    Args:
        meminfo: text of /proc/meminfo; None reads it.
    """
    text = Path("/proc/meminfo").read_text(encoding="ascii") if meminfo is None else meminfo
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    if match is None:
        return warn("memory", "/proc/meminfo does not say what is available", "check with: free -h")
    available_gb = int(match[1]) * 1024 / GB
    fact = f"{available_gb:.1f} GB available"
    if available_gb < MEMORY_NEEDED_GB:
        return warn(
            "memory", fact, f"close programs: {MEMORY_NEEDED_GB:.0f} GB are needed to train"
        )
    return ok("memory", fact)


def check_compiler(env: Mapping[str, str], *, workspace_built: bool) -> Check:
    """A C++ compiler; without one, only an already built workspace can be used."""
    names = [env["CXX"].split()[0]] if env.get("CXX") else ["c++", "g++", "clang++"]
    for name in names:
        if path := shutil.which(name, path=env.get("PATH")):
            return ok("C++ compiler", path)
    finding = warn if workspace_built else fail
    return finding(
        "C++ compiler", f"none of {', '.join(names)} found", "sudo apt install build-essential"
    )


def check_headers(include: Path | None = None, *, workspace_built: bool) -> Check:
    """Python.h, which message types are compiled against."""
    folder = Path(sysconfig.get_paths()["include"]) if include is None else include
    if (folder / "Python.h").is_file():
        return ok("Python headers", str(folder))
    finding = warn if workspace_built else fail
    version = sysconfig.get_python_version()
    return finding(
        "Python headers", f"no Python.h in {folder}", f"sudo apt install python{version}-dev"
    )


def check_open_files(limit: int | None = None) -> Check:
    """How many files a process may open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    if soft != resource.RLIM_INFINITY and soft < FILES_NEEDED:
        return warn("open files", f"limit {soft}", f"ulimit -n {4 * FILES_NEEDED}")
    return ok("open files", "no limit" if soft == resource.RLIM_INFINITY else f"limit {soft}")


def check_clock(resolution_s: float | None = None, step_s: float | None = None) -> Check:
    """Resolution of the steady clock, and whether the wall clock is being set meanwhile.

    Args:
        resolution_s: of the steady clock; None asks.
        step_s: by how much the wall clock left the steady one; None measures for 0.2 s.
    """
    if resolution_s is None:
        resolution_s = time.get_clock_info("monotonic").resolution
    if step_s is None:
        before = time.time() - time.monotonic()
        time.sleep(0.2)
        step_s = time.time() - time.monotonic() - before
    fact = f"steady clock {resolution_s * 1e9:.0f} ns, wall clock stepped {step_s * 1e3:+.3f} ms"
    if resolution_s > CLOCK_STEP_S:
        return warn("clock", fact, "a steady clock this coarse cannot time 100 Hz: other hardware")
    if abs(step_s) > CLOCK_STEP_S:
        return warn("clock", fact, "slew the clock rather than set it (chrony), then try again")
    return ok("clock", fact)


def check_cameras(devices: Path = Path("/dev")) -> Check:
    """Video devices that this user may open; simulation needs none."""
    found = sorted(devices.glob("video[0-9]*"))
    if not found:
        return ok("camera", "none connected; simulation needs none")
    closed = [path.name for path in found if not os.access(path, os.R_OK | os.W_OK)]
    fact = ", ".join(path.name for path in found)
    if closed:
        return warn(
            "camera",
            f"{fact}; no access to {', '.join(closed)}",
            "sudo usermod -aG video $USER, then log in again",
        )
    return ok("camera", fact)
