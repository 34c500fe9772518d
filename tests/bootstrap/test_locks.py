from __future__ import annotations

import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from bootstrap.lock import LOCKS, TORCH_REQUIRES, requirements
from bootstrap.pip_commands import TORCH_VERSION
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def entries(name: str) -> dict[str, str]:
    """Version of each package in a lock."""
    text = (ROOT / name).read_text()
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {canonicalize_name(package): found for package, found in pins}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_every_package_that_the_project_asks_for(name: str) -> None:
    locked = entries(name)
    for line in requirements(ROOT, LOCKS[name][0]):
        wanted = Requirement(line)
        found = locked.get(canonicalize_name(wanted.name))
        assert found is not None, f"{wanted.name} is not in {name}; run: make lock"
        assert wanted.specifier.contains(found), f"{name}: {line}; run: make lock"


@pytest.mark.parametrize("name", [*LOCKS, "requirements-torch.lock"])
def test_every_entry_of_a_lock_has_a_hash_and_no_index_is_named(name: str) -> None:
    text = (ROOT / name).read_text()
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for entry in re.split(r"\n(?=\S)", body.strip()):
        assert "--hash=sha256:" in entry, entry
    assert "://" not in body


def test_two_locks_never_name_two_versions_of_a_package() -> None:
    seen: dict[str, str] = {}
    for name in LOCKS:
        for package, found in entries(name).items():
            assert seen.setdefault(package, found) == found, package


def test_torch_is_locked_at_the_version_that_the_project_asks_for() -> None:
    assert entries("requirements-torch.lock") == {"torch": f"{TORCH_VERSION}+cpu"}
    text = (ROOT / "pyproject.toml").read_text()
    assert f'"torch=={TORCH_VERSION}"' in text


@pytest.mark.skipif(not version("torch").endswith("+cpu"), reason="locks are for the CPU build")
def test_the_lock_covers_what_the_installed_torch_requires() -> None:
    required = [Requirement(line) for line in requires("torch") or ()]
    always = {canonicalize_name(r.name) for r in required if "extra" not in str(r.marker)}
    listed = {canonicalize_name(Requirement(line).name) for line in TORCH_REQUIRES}
    assert always == listed
