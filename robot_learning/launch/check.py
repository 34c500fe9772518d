"""Checks that a launch file stays inside the subset, before anything of it is run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.grammar import (
    ACTIONS,
    EVALUATED,
    FREE_TEXT,
    LITERAL,
    PARAMETER_TYPES,
    PARTS,
    ROOT,
    SUBSTITUTIONS,
    Rule,
)
from robot_learning.launch.source import Element
from robot_learning.launch.substitutions import Call, Template, parse_template, unescape
from robot_learning.launch.values import coerce, has_call


def check_file(root: Element) -> None:
    """Checks a whole file against the subset, taken branches or not.

    Raises:
        LaunchError: the first thing outside it, with file and line, what is allowed there, and the
            nearest name where there is one.
    """
    if root.tag != "launch":
        raise LaunchError(f"the root tag is <{root.tag}>; expected <launch>", root.where)
    _check(root, ROOT)


def _check(element: Element, rule: Rule) -> None:
    _check_attributes(element, rule)
    _check_extra(element)
    parts = PARTS.get(element.tag, {})
    for child in element.children:
        if rule.actions:
            child_rule = ACTIONS.get(child.tag)
            allowed: Iterable[str] = ACTIONS
        else:
            child_rule = parts.get(child.tag) if child.tag in rule.children else None
            allowed = rule.children
        if child_rule is None:
            raise LaunchError(
                f"tag <{child.tag}> is not supported in <{element.tag}>; "
                f"{_hint(child.tag, allowed)}",
                child.where,
            )
        _check(child, child_rule)


def _check_attributes(element: Element, rule: Rule) -> None:
    for name, value in element.attributes.items():
        if name not in rule.attributes:
            raise LaunchError(
                f"attribute {name}= is not supported in <{element.tag}>; "
                f"{_hint(name, rule.attributes)}",
                element.where,
            )
        _check_value(element, name, value)
    for name in rule.required:
        if name not in element.attributes:
            raise LaunchError(f"<{element.tag}> needs the attribute {name}=", element.where)
    if "if" in element.attributes and "unless" in element.attributes:
        raise LaunchError(f"<{element.tag}> has both if= and unless=; keep one", element.where)


def _check_value(element: Element, name: str, value: str) -> None:
    if (element.tag, name) in FREE_TEXT:
        return
    template = _parse(element, name, value)
    declared_name = element.tag == "arg" and name == "name" and _declares(element)
    literal = (element.tag, name) in LITERAL or element.tag == "choice" or declared_name
    if literal and has_call(template):
        raise LaunchError(
            f"{name}= of <{element.tag}> takes no substitution, found {value!r}", element.where
        )
    _check_calls(element, name, template)
    check = LITERAL.get((element.tag, name)) or EVALUATED.get(name)
    if check is None or has_call(template):
        return
    try:
        check(value)
    except ValueError as error:
        raise LaunchError(f"{name}= of <{element.tag}>: {error}", element.where) from None


def _parse(element: Element, name: str, value: str) -> Template:
    try:
        return parse_template(value)
    except LaunchError as error:
        raise LaunchError(f"{name}= of <{element.tag}>: {error}", element.where) from None


def _check_calls(element: Element, attribute: str, template: Template) -> None:
    for part in template:
        if not isinstance(part, Call):
            continue
        if part.name not in SUBSTITUTIONS:
            raise LaunchError(
                f"substitution $({part.name} ...) in {attribute}= of <{element.tag}> is not "
                f"supported; {_hint(part.name, SUBSTITUTIONS)}",
                element.where,
            )
        fewest, most = SUBSTITUTIONS[part.name]
        if not fewest <= len(part.arguments) <= most:
            expected = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise LaunchError(
                f"$({part.name} ...) in {attribute}= of <{element.tag}> takes {expected} "
                f"argument(s), found {len(part.arguments)}",
                element.where,
            )
        if part.name in ("equals", "not-equals") and () in part.arguments:
            # The real one compares with the text "[]" then: never what is meant.
            raise LaunchError(
                f"$({part.name} ...) in {attribute}= of <{element.tag}>: an empty argument '' "
                'does not compare as empty in ros2 launch; use another word for "nothing"',
                element.where,
            )
        for argument in part.arguments:
            _check_calls(element, attribute, argument)


def _check_extra(element: Element) -> None:
    """Rules between attributes, or between an attribute and the children."""
    if element.tag == "arg" and _declares(element):
        _check_default(element)
    if element.tag == "param":
        _check_param(element)


def _check_default(element: Element) -> None:
    choices = [unescape(choice.attributes.get("value", "")) for choice in element.named("choice")]
    default = element.attributes.get("default")
    if not choices or default is None or has_call(_parse(element, "default", default)):
        return
    if unescape(default) not in choices:
        raise LaunchError(
            f"default {default!r} of argument {element.attributes.get('name')} is not among its "
            f"choices: {', '.join(choices)}",
            element.where,
        )


def _declares(element: Element) -> bool:
    """Whether an <arg> declares an argument (inside <include> it gives one)."""
    return "value" not in element.attributes


def _check_param(element: Element) -> None:
    attributes = element.attributes
    if "from" in attributes:
        if len(attributes) > 1 or element.children:
            raise LaunchError(
                "<param from=> stands alone: no name, value or nested <param>", element.where
            )
        return
    if "name" not in attributes:
        raise LaunchError(
            "<param> needs name= (with value= or nested <param>) or from=", element.where
        )
    if ("value" in attributes) == bool(element.children):
        raise LaunchError(
            f"<param name={attributes['name']!r}> needs either value= or nested <param> tags",
            element.where,
        )
    kind = attributes.get("type")
    if kind is not None and element.children:
        raise LaunchError("<param> with nested <param> tags has no type=", element.where)
    if kind is not None and kind not in PARAMETER_TYPES:
        raise LaunchError(
            f"type={kind!r} of <param> is not known; {_hint(kind, PARAMETER_TYPES)}", element.where
        )
    if "value" in attributes:
        try:
            coerce(attributes["value"], kind, partial=True)
        except ValueError as error:
            raise LaunchError(
                f"<param name={attributes['name']!r}>: {error}", element.where
            ) from None


def _hint(name: str, allowed: Iterable[str]) -> str:
    known = list(allowed)
    near = difflib.get_close_matches(name.replace("-", "_"), known, n=1, cutoff=0.6)
    near = near or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not near and name == "ns" and "namespace" in known:
        near = ["namespace"]
    listing = f"allowed: {', '.join(known)}" if known else "nothing is allowed there"
    return f"did you mean {near[0]}? {listing}" if near else listing
