"""What every method is, as plain values: for the command line and the reference page."""

from __future__ import annotations

from typing import Any

from robot_learning.algorithms import ALGORITHMS, Algorithm
from robot_learning.contract.base import StrictModel
from robot_learning.grasping.settings import GraspHyperParameters


def describe(method: type[Algorithm]) -> dict[str, Any]:
    """Name, source, first line of its documentation, kind of actions and of observations."""
    return {
        "name": method.name,
        "what": (method.__doc__ or "").strip().splitlines()[0],
        "source": method.source,
        "actions": method.actions,
        "observations": "states" if method.needs_states else "vectors",
    }


def describe_hyper_parameters(model: type[StrictModel]) -> list[dict[str, Any]]:
    """Name, default and description, with unit and source, of each hyper-parameter."""
    defaults = model.model_validate({}).model_dump(mode="json")
    return [
        {"name": name, "default": defaults[name], "description": field.description}
        for name, field in model.model_fields.items()
    ]


def reference_page() -> str:
    """`docs/reference/algorithms.md`."""
    methods = [describe(method) for method in ALGORITHMS.values()]
    lines = [
        "# Learning methods",
        "",
        "Written from the code by `python -m robot_learning.algorithms.describe`; "
        "`robot-learning algorithms` prints the same.",
        "",
        "| method | what | actions | source |",
        "| --- | --- | --- | --- |",
        *(_line(method) for method in methods),
    ]
    for name, method in ALGORITHMS.items():
        lines += ["", f"## {name}", "", f"{describe(method)['source']}", ""]
        lines += _table(method.hyper_parameters)
    lines += ["", "## grasping", "", "QT-Opt on pictures: `robot-learning grasp train --set`.", ""]
    return "\n".join(lines + _table(GraspHyperParameters)) + "\n"


def _table(model: type[StrictModel]) -> list[str]:
    return ["| hyper-parameter | default | what |", "| --- | --- | --- |"] + [
        f"| `{row['name']}` | {row['default']} | {_cell(row['description'])} |"
        for row in describe_hyper_parameters(model)
    ]


def _line(m: dict[str, Any]) -> str:
    states = ", from states" if m["observations"] == "states" else ""
    name, what = m["name"], _cell(m["what"])
    return f"| [{name}](#{name}) | {what} | {m['actions']}{states} | {_cell(m['source'])} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(reference_page(), end="")
