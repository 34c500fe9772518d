"""Reads an element's attributes with their substitutions done."""

from __future__ import annotations

from robot_learning.launch.errors import located
from robot_learning.launch.evaluate import evaluate
from robot_learning.launch.scope import Scope
from robot_learning.launch.source import Element
from robot_learning.launch.substitutions import parse_template


def text(element: Element, attribute: str, scope: Scope) -> str | None:
    """The text of an attribute, None where it is not given.

    Raises:
        LaunchError: a substitution cannot be done.
    """
    if attribute not in element.attributes:
        return None
    with located(element.where):
        return evaluate(parse_template(element.attributes[attribute]), scope)


def required(element: Element, attribute: str, scope: Scope) -> str:
    """The text of an attribute that the grammar makes sure of."""
    value = text(element, attribute, scope)
    assert value is not None, f"the grammar requires {attribute}= in <{element.tag}>"
    return value
