"""`make lock`: writes the lock files from pyproject.toml (for maintainers; needs the network).

One resolution covers everything, and each lock is cut from it: wherever two locks name the same
package, they name the same version. PyTorch's wheels are locked by hand, beside.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

# Of each lock: the extras that it covers ("" is the project's own dependencies), and its purpose.
LOCKS = {
    "requirements.lock": (("", "sim"), "The library and the simulator."),
    "requirements-dev.lock": (("dev",), "What the tests need beside requirements.lock."),
    "requirements-ros.lock": (("ros",), "ROS 2 Jazzy as wheels, and what builds the workspace."),
}

# What PyTorch's CPU build requires. Resolving PyTorch itself would need PyTorch's own index for
# the CPU build, or lock the gigabytes of CUDA packages that PyPI's build requires.
TORCH_REQUIRES = (
    "filelock",
    "fsspec>=0.8.5",
    "jinja2",
    "networkx>=2.5.1",
    "setuptools>=77.0.3,<80",  # below 80 as everywhere here, for colcon
    "sympy>=1.13.3",
    "typing-extensions>=4.10.0",
)
# Others that need PyTorch would bring that build back in; a marker that never holds leaves it out.
WITHOUT_TORCH = "torch ; sys_platform == 'never'"


def requirements(root: Path, extras: Iterable[str]) -> list[str]:
    """What pyproject.toml asks for under some extras, with PyTorch's own needs in its place."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    lines = [str(line) for extra in extras for line in groups[extra]]
    kept = [line for line in lines if not line.startswith("torch==")]
    return kept if len(kept) == len(lines) else [*kept, *TORCH_REQUIRES]


def write_locks(root: Path, uv: str) -> None:
    """Resolves anew and writes the three locks.

    Args:
        root: the checkout.
        uv: the program `uv`.
    """
    scratch = root / ".cache" / "lock"
    scratch.mkdir(parents=True, exist_ok=True)
    everything = scratch / "everything.txt"
    extras = [extra for covered, _ in LOCKS.values() for extra in covered]
    _resolve(uv, scratch, requirements(root, extras), everything)
    for name, (covered, purpose) in LOCKS.items():
        output = scratch / name
        _resolve(
            uv,
            scratch,
            requirements(root, covered),
            output,
            *("--constraints", str(everything), "--generate-hashes"),
        )
        header = (
            f"# Written by `make lock`; do not edit.\n# {purpose}\n"
            f"# By hand: pip install --no-deps --require-hashes -r {name}\n"
        )
        (root / name).write_text(header + output.read_text(encoding="utf-8"), encoding="utf-8")
        print(f"{name} is written")


def _resolve(uv: str, scratch: Path, wanted: Sequence[str], output: Path, *options: str) -> None:
    source = scratch / f"{output.stem}.in"
    source.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    overrides = scratch / "overrides.txt"
    overrides.write_text(WITHOUT_TORCH + "\n", encoding="utf-8")
    output.unlink(missing_ok=True)  # uv keeps the versions of an output that is there
    command = [uv, "pip", "compile", str(source), "--output-file", str(output), "--quiet"]
    command += ["--no-header", "--no-annotate", "--universal", "--python-version", "3.11"]
    command += ["--fork-strategy", "fewest"]  # one version for 3.11 and 3.12
    command += ["--overrides", str(overrides), "--no-emit-package", "torch"]
    answer = subprocess.run([*command, *options])
    if answer.returncode != 0:
        sys.exit(f"lock: uv failed (exit status {answer.returncode}); nothing was written")
