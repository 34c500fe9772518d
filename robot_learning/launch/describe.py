"""Shows what a launch file takes, and what it comes to, without running it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from robot_learning.launch.check import check_file
from robot_learning.launch.declarations import Declaration, declarations
from robot_learning.launch.errors import LaunchError
from robot_learning.launch.evaluate import evaluate
from robot_learning.launch.packages import repository_packages
from robot_learning.launch.plan import Message, Plan, Process, Shutdown, Step
from robot_learning.launch.scope import Scope
from robot_learning.launch.source import Element, absolute, read_launch_file
from robot_learning.launch.substitutions import parse_template


def arguments_of(file: Path, environment: Mapping[str, str]) -> list[Declaration]:
    """The arguments of a file and of the files it includes, each name once.

    An include whose path needs a variable is left out: its file is known only when launched.

    Raises:
        LaunchError: a file is not in the subset.
    """
    found: dict[str, Declaration] = {}
    _collect(absolute(file), environment, found, seen=set())
    return list(found.values())


def _collect(
    file: Path, environment: Mapping[str, str], found: dict[str, Declaration], seen: set[Path]
) -> None:
    if file in seen:
        return
    seen.add(file)
    root = read_launch_file(file)
    check_file(root)
    for declaration in declarations(root):
        found.setdefault(declaration.name, declaration)
    scope = Scope(environment, {}, repository_packages())
    scope.folder = scope.folder_of_last_include = file.parent
    for element in _elements(root):
        if element.tag != "include":
            continue
        try:
            included = absolute(Path(evaluate(parse_template(element.attributes["file"]), scope)))
        except LaunchError:
            continue
        if included.is_file():
            _collect(included, environment, found, seen)


def _elements(element: Element) -> Iterator[Element]:
    for child in element.children:
        yield child
        yield from _elements(child)


def arguments_text(file: Path, arguments: list[Declaration]) -> str:
    """The arguments for a person to read."""
    if not arguments:
        return f"{file} takes no arguments."
    lines = [f"Arguments of {file} (give them as name:=value):"]
    for argument in arguments:
        given = "must be given" if argument.default is None else f"default: {argument.default!r}"
        lines += ["", f"  {argument.name}  ({given})"]
        if argument.description:
            lines.append(f"      {argument.description}")
        if argument.choices:
            lines.append(f"      one of: {', '.join(argument.choices)}")
        if argument.conditional:
            lines.append("      used under a condition only")
    return "\n".join(lines)


def arguments_json(arguments: list[Declaration]) -> list[dict[str, Any]]:
    """The arguments as JSON."""
    return [
        {
            "name": argument.name,
            "default": argument.default,
            "required": argument.default is None and not argument.conditional,
            "description": argument.description,
            "choices": list(argument.choices),
        }
        for argument in arguments
    ]


def plan_text(plan: Plan, base: Mapping[str, str]) -> str:
    """A plan for a person to read; of the environment, what differs from a base."""
    blocks = [_step_text(step, base) for step in plan.steps]
    blocks += [f"warning: {warning}" for warning in plan.warnings]
    return "\n\n".join(blocks) or f"{plan.file} starts nothing."


def _step_text(step: Step, base: Mapping[str, str]) -> str:
    when = f"after {step.at_s:g} s: " if step.at_s else ""
    match step.action:
        case Message(text):
            return f"{when}log {text!r}"
        case Shutdown(reason):
            return f"{when}shut down: {reason}"
        case Process() as process:
            return when + "\n".join(_process_lines(process, base))


def _process_lines(process: Process, base: Mapping[str, str]) -> Iterator[str]:
    name = f"  node {process.node}" if process.node else ""
    yield f"{process.label}{name}  ({process.where})"
    yield f"  {shlex.join(process.command)}"
    for file, text in process.parameter_files.items():
        yield f"  {file.name}:"
        yield from (f"    {line}" for line in text.splitlines())
    for variable, value in environment_changes(process, base).items():
        yield f"  {variable}={value}"
    notes = [f"output {process.output}"]
    if process.cwd is not None:
        notes.append(f"in {process.cwd}")
    if process.respawn:
        limit = process.respawn_max_retries
        times = "" if limit < 0 else f", {limit} times at most"
        notes.append(f"respawned after {process.respawn_delay_s:g} s{times}")
    if process.required:
        notes.append("its end ends everything")
    yield "  " + "; ".join(notes)
    if process.missing:
        yield f"  MISSING: {process.missing}"


def plan_json(plan: Plan, base: Mapping[str, str]) -> dict[str, Any]:
    """A plan as JSON; of the environment, what differs from a base."""
    return {
        "file": str(plan.file),
        "variables": dict(plan.variables),
        "warnings": list(plan.warnings),
        "steps": [{"at_s": step.at_s, **_action_json(step, base)} for step in plan.steps],
    }


def _action_json(step: Step, base: Mapping[str, str]) -> dict[str, Any]:
    match step.action:
        case Message(text):
            return {"log": text}
        case Shutdown(reason):
            return {"shutdown": reason}
        case Process() as process:
            return {
                "process": process.label,
                "node": process.node,
                "namespace": process.namespace,
                "command": list(process.command),
                "environment": environment_changes(process, base),
                "parameter_files": {str(k): v for k, v in process.parameter_files.items()},
                "cwd": str(process.cwd) if process.cwd else None,
                "output": process.output,
                "respawn": process.respawn,
                "respawn_delay_s": process.respawn_delay_s,
                "respawn_max_retries": process.respawn_max_retries,
                "required": process.required,
                "where": process.where,
                "missing": process.missing,
            }


def environment_changes(process: Process, base: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process that a base does not have, or has with another value."""
    return {k: v for k, v in sorted(process.environment.items()) if base.get(k) != v}
