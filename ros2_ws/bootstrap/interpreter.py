"""Which Python the virtual environment is made from, and whether that Python is complete."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bootstrap.errors import SetupError

# 3.11 and 3.12 are what both the ROS wheels and ROS 2 Jazzy's packages exist for.
OLDEST, NEWEST = (3, 11), (3, 12)
CANDIDATES = ("python3.11", "python3.12", "python3")

_PROBE = """
import importlib.util, json, os, sys, sysconfig
print(json.dumps({
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "headers": os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")),
    "venv": all(importlib.util.find_spec(m) is not None for m in ("venv", "ensurepip")),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """What an interpreter says of itself.

    Attributes:
        executable: absolute path.
        version: major, minor, micro.
        headers: Python.h is there (message types are compiled against it).
        venv: the modules `venv` and `ensurepip` are there (Debian splits them off).
    """

    executable: str
    version: tuple[int, int, int]
    headers: bool
    venv: bool

    @property
    def supported(self) -> bool:
        """Whether the version is one that this project runs on."""
        return OLDEST <= self.version[:2] <= NEWEST

    @property
    def lacks(self) -> str | None:
        """What is missing and how to get it, or None when the interpreter is complete."""
        name = f"python{self.version[0]}.{self.version[1]}"
        if not self.headers:
            return (
                f"{self.executable}: the Python headers (Python.h) are missing; "
                f"install them: sudo apt install {name}-dev"
            )
        if not self.venv:
            return (
                f"{self.executable}: the modules venv and ensurepip are missing; "
                f"install them: sudo apt install {name}-venv"
            )
        return None


def probe(command: str) -> Interpreter | None:
    """Asks an interpreter about itself; None when there is no such command or it does not run."""
    path = shutil.which(command)
    if path is None:
        return None
    try:
        answer = subprocess.run(
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=30, check=True
        )
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # a version manager's shim of a version that is not active, or a broken one
    major, minor, micro = facts["version"]
    return Interpreter(facts["executable"], (major, minor, micro), facts["headers"], facts["venv"])


def choose(
    candidates: Iterable[str] = CANDIDATES,
    ask: Callable[[str], Interpreter | None] = probe,
) -> Interpreter:
    """The first complete interpreter of a supported version.

    Raises:
        SetupError: there is none; the message names the nearest miss.
    """
    names = list(candidates)
    found = [(name, ask(name)) for name in names]
    supported = [answer for _, answer in found if answer is not None and answer.supported]
    for answer in supported:
        if answer.lacks is None:
            return answer
    if supported:
        raise SetupError(str(supported[0].lacks))
    seen = ", ".join(
        f"{name} is {'.'.join(map(str, answer.version))}" if answer else f"no {name}"
        for name, answer in found
    )
    raise SetupError(
        f"Python 3.11 or 3.12 is needed ({seen}); install one "
        "(sudo apt install python3.11-dev python3.11-venv) or name it: make setup PYTHON=/path"
    )
