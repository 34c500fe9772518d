"""From text to typed values, by the rules of the launch front end (YAML 1.1 underneath)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import yaml

from robot_learning.launch.substitutions import Call, Template, parse_template

Scalar: TypeAlias = "int | float | bool | str"
Value: TypeAlias = "Scalar | list[Scalar]"

_TYPES: dict[str, type] = {"str": str, "bool": bool, "float": float, "int": int}


def has_call(template: Template) -> bool:
    """Whether a template holds a substitution at its top level."""
    return any(isinstance(part, Call) for part in template)


def parse_condition(text: str) -> bool:
    """The value of if= and unless=: true, 1, false or 0, in any case, and nothing else.

    Raises:
        ValueError: any other text; also yes, on and the empty text.
    """
    word = text.strip().lower()
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    raise ValueError(f"a condition must be true, 1, false or 0, found {text!r}")


def parse_boolean(text: str) -> bool:
    """A boolean by YAML 1.1 (true, yes, on, ...), or 1 or 0.

    Raises:
        ValueError: it is something else.
    """
    value = _yaml({"1": "true", "0": "false"}.get(text, text))
    if not isinstance(value, bool):
        raise ValueError(f"expected a boolean, found {text!r}")
    return value


def resolve(text: str, kind: str | None, evaluate: Callable[[Template], str]) -> Value:
    """The value of a parameter: read as YAML, substituted, and read again where it changed.

    Args:
        text: the attribute as written.
        kind: the `type=` of the parameter, None for YAML's own rules.
        evaluate: gives a template's text.

    Raises:
        ValueError: the text or its substitution does not give the type, or a list is mixed.
    """
    value = coerce(text, kind, partial=True)
    if isinstance(value, list):
        return _resolve_list(value, kind, evaluate)
    if not isinstance(value, str):
        return value
    template = parse_template(value)
    if has_call(template):
        return coerce(evaluate(template), kind, partial=False)
    return _plain("".join(str(part) for part in template), kind)


def coerce(text: str, kind: str | None, *, partial: bool) -> Value:
    """Reads one text as a type.

    Args:
        text: what to read.
        kind: str, bool, float, int, list_of_..., yaml, or None (as yaml).
        partial: text that may still hold substitutions, so that a string may stand for a value
            that is not known yet.

    Raises:
        ValueError: it is not of that type.
    """
    if kind == "str":
        return text
    if kind in ("int", "float"):
        try:
            return int(text) if kind == "int" else float(text)
        except ValueError:
            if partial and has_call(parse_template(text)):
                return text
            raise ValueError(f"expected {kind}, found {text!r}") from None
    if kind == "bool":
        if partial and has_call(parse_template(text)):
            return text
        return parse_boolean(text)
    if kind is not None and kind.startswith("list_of_"):
        return _coerce_list(text, kind, partial=partial)
    try:
        value = _yaml(text)
    except ValueError:
        if partial:
            return text
        raise
    return _checked(value, text, partial=partial)


def _coerce_list(text: str, kind: str, *, partial: bool) -> Value:
    value = _yaml(text)
    item = _TYPES[kind.removeprefix("list_of_")]
    allowed = (str, item) if partial else (item,)
    if not isinstance(value, list) or not all(isinstance(entry, allowed) for entry in value):
        raise ValueError(f"expected {kind} in square brackets, found {text!r}")
    return value


def _resolve_list(
    items: list[Scalar], kind: str | None, evaluate: Callable[[Template], str]
) -> Value:
    item_kind = kind.removeprefix("list_of_") if kind and kind != "yaml" else None
    resolved: list[Scalar] = []
    known: set[type] = set()
    for item in items:
        template = parse_template(item) if isinstance(item, str) else ()
        if has_call(template):
            value = coerce(evaluate(template), item_kind, partial=False)
            if isinstance(value, list):
                raise ValueError("a list inside a list is no parameter value")
            resolved.append(value)
            continue
        plain = item if not isinstance(item, str) else "".join(str(part) for part in template)
        known.add(type(plain))
        resolved.append(plain)
    if item_kind is not None and not items:
        raise ValueError("an empty list has no type for ROS 2 to read")
    if len(known) > 1:
        raise ValueError(f"a list must hold one type only, found {items!r}")
    if item_kind is not None and known - {_TYPES[item_kind]}:
        raise ValueError(f"expected {kind}, found {items!r}")
    if not _uniform(resolved):
        raise ValueError(f"a list must hold one type only, found {resolved!r}")
    return resolved


def _plain(text: str, kind: str | None) -> str:
    if kind not in (None, "yaml", "str"):
        raise ValueError(f"expected {kind}, found {text!r}")
    return text


def _yaml(text: str) -> object:
    if not text:
        return text
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
        problem = getattr(error, "problem", None) or error
        raise ValueError(f"not a value by YAML's rules ({problem}): {text!r}") from None


def _checked(value: object, text: str, *, partial: bool) -> Value:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list) and _uniform(value, partial=partial):
        return value
    raise ValueError(
        f"expected a boolean, number, text or a list of one of them, found {text!r}; "
        "quote it if it is text: \"'...'\""
    )


def _uniform(items: list[Scalar], *, partial: bool = False) -> bool:
    member = next((type(item) for item in items if not isinstance(item, str)), str)
    if member not in (bool, int, float, str):
        return False
    allowed = (member, str) if partial else (member,)
    return all(isinstance(item, allowed) for item in items)
