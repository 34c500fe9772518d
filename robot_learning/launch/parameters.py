"""Turns the `<param>` tags of a node into parameter files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from robot_learning.launch.attributes import required
from robot_learning.launch.errors import LaunchError, located
from robot_learning.launch.evaluate import evaluate
from robot_learning.launch.scope import Scope
from robot_learning.launch.source import Element
from robot_learning.launch.substitutions import Template
from robot_learning.launch.values import Value, resolve


def existing_file(parameter: Element, scope: Scope) -> Path:
    """The file of `<param from=...>`.

    Raises:
        LaunchError: it does not exist (the real launch warns, and starts the node without it).
    """
    file = Path(required(parameter, "from", scope))
    if not file.is_file():
        raise LaunchError(f"parameter file {file} does not exist", parameter.where)
    return file


def parameter_yaml(parameter: Element, scope: Scope, node: str | None) -> str:
    """The parameter file of one inline `<param>`: nested names joined by dots.

    Args:
        parameter: the tag.
        scope: what its substitutions see.
        node: the node's full name, None for any node of the process.
    """
    values = dict(_flatten(parameter, scope, prefix=""))
    return yaml.dump({node or "/**": {"ros__parameters": values}}, default_flow_style=False)


def _flatten(parameter: Element, scope: Scope, prefix: str) -> Iterator[tuple[str, Value]]:
    name = prefix + required(parameter, "name", scope)
    if parameter.children:
        for child in parameter.children:
            yield from _flatten(child, scope, prefix=f"{name}.")
        return

    def done(template: Template) -> str:
        return evaluate(template, scope)

    with located(parameter.where):
        attributes = parameter.attributes
        yield name, resolve(attributes["value"], attributes.get("type"), done)
