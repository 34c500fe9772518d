"""Imports point one way: nodes -> robot_learning <- sim, and within the library downwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "robot_learning"

# What each of the lower parts may import of the library; `base` is what stands in no folder.
BASE = {"files", "hardware"}
LAYERS = {
    "contract": BASE,
    "kinematics": BASE | {"contract"},
    "control": BASE | {"contract", "kinematics", "safety"},
    "safety": BASE | {"contract", "kinematics", "control", "demonstrations", "diagnosis"},
}
# Who decides, learns or speaks to people: nothing below may know of it.
ABOVE = {"algorithms", "benchmark", "commands", "cli", "evaluation", "training", "verification"}


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports, at its head and within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def parts(path: Path) -> set[str]:
    """Parts of the library that a file imports."""
    names = (name.split(".") for name in imported(path))
    return {name[1] for name in names if name[0] == "robot_learning" and len(name) > 1}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_lower_part_imports_only_what_it_stands_on(layer: str) -> None:
    assert not LAYERS[layer] & ABOVE
    for path in (LIBRARY / layer).rglob("*.py"):
        wrong = parts(path) - LAYERS[layer] - {layer}
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(sorted(wrong))}"


def test_what_stands_in_no_folder_imports_at_most_the_contract() -> None:
    for name in BASE:
        assert parts(LIBRARY / f"{name}.py") <= {"contract"}, name


@pytest.mark.parametrize(
    ("folder", "foreign"),
    [
        ("robot_learning", {"rclpy", "pybullet", "sim", "robot_learning_nodes"}),
        ("sim", {"rclpy", "robot_learning_nodes"}),
        ("ros2_ws/src/robot_learning_nodes", {"pybullet", "sim"}),
    ],
)
def test_middleware_and_simulator_stay_where_they_belong(folder: str, foreign: set[str]) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        wrong = {name.split(".")[0] for name in imported(path)} & foreign
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(sorted(wrong))}"
