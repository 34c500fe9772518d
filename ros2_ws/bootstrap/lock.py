"""`make lock`: writes the lock files from pyproject.toml (for maintainers; needs the network).

One resolution covers everything, so that the locks agree wherever they name the same package.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_LOCKS = {
    "requirements.lock": ("sim",),
    "requirements-dev.lock": ("dev", "sim"),
    "requirements-ros.lock": ("ros",),
}
_HEADER = """\
# Written by `make lock`; do not edit.
# {purpose}
# Install with: pip install --no-deps --require-hashes -r {name}
"""
_PURPOSE = {
    "requirements.lock": "The library and the simulator. PyTorch: requirements-torch.lock.",
    "requirements-dev.lock": "What the tests need beside requirements.lock.",
    "requirements-ros.lock": "ROS 2 Jazzy from wheels, and what builds the workspace with them.",
}


def compile_command(root: Path, uv: str, *, output: Path, extras: Sequence[str]) -> list[str]:
    """uv's command line for one resolution."""
    command = [uv, "pip", "compile", str(root / "pyproject.toml"), "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--fork-strategy", "fewest", "--no-header"]
    command += ["--index-strategy", "unsafe-best-match"]
    for extra in extras:
        command += ["--extra", extra]
    return [*command, "--output-file", str(output)]


def packages(lock: str) -> dict[str, str]:
    """The entries of a lock by package: each its requirement line and its hashes."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if line.strip() and not line.startswith((" ", "#")):
            name = line.split("==")[0].strip()
            found[name] = ""
        if name:
            found[name] += line
    return found


def main(root: Path, uv: str) -> None:
    """Writes the three locks.

    Args:
        root: the checkout.
        uv: the program `uv`.
    """
    scratch = root / ".cache" / "lock"
    scratch.mkdir(parents=True, exist_ok=True)
    # The CPU build asks for no CUDA package.
    override = scratch / "torch.txt"
    override.write_text("torch==2.13.0+cpu\n", encoding="utf-8")
    torch = ["--overrides", str(override)]
    everything = scratch / "all.txt"
    extras = ("ros", "sim", "dev")
    _run([*compile_command(root, uv, output=everything, extras=extras), "--upgrade", *torch])
    texts: dict[str, str] = {}
    for name, chosen in _LOCKS.items():
        output = scratch / name
        output.unlink(missing_ok=True)
        command = compile_command(root, uv, output=output, extras=chosen)
        command += ["--constraints", str(everything), "--no-emit-package", "torch"]
        if name == "requirements-ros.lock":
            # uv has no way to leave the project's own dependencies out but another input.
            command[3] = str(_only_extra(root, "ros", scratch))
            command = [part for part in command if part not in ("--extra", "ros")]
        _run([*command, *torch, "--generate-hashes", "--no-annotate"])
        texts[name] = output.read_text(encoding="utf-8")
    base = packages(texts["requirements.lock"])
    dev = packages(texts["requirements-dev.lock"])
    beside = "".join(entry for name, entry in dev.items() if name not in base)
    texts["requirements-dev.lock"] = beside
    for name, text in texts.items():
        header = _HEADER.format(name=name, purpose=_PURPOSE[name])
        (root / name).write_text(header + text, encoding="utf-8")
        print(f"{name}: {len(packages(text))} packages")


def _only_extra(root: Path, extra: str, scratch: Path) -> Path:
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    path = scratch / f"{extra}.in"
    path.write_text("\n".join(project["optional-dependencies"][extra]) + "\n", encoding="utf-8")
    return path


def _run(command: Sequence[str]) -> None:
    answer = subprocess.run(command)
    if answer.returncode != 0:
        sys.exit(f"lock: failed: {' '.join(command)}")


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[2], sys.argv[1])
