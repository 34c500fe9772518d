"""Gives substitutions their text."""

from __future__ import annotations

import difflib
import math
import shutil

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.scope import Scope
from robot_learning.launch.substitutions import Call, Template
from robot_learning.launch.values import parse_boolean


def evaluate(template: Template, scope: Scope) -> str:
    """The text of a template.

    Raises:
        LaunchError: a variable, package or executable is missing, or a value is no boolean; names
            neither file nor line.
    """
    return "".join(_call(part, scope) if isinstance(part, Call) else part for part in template)


def _call(call: Call, scope: Scope) -> str:
    if call.name == "if":
        condition, *values = call.arguments
        chosen = values[0] if _boolean(evaluate(condition, scope)) else (*values, ())[1]
        return evaluate(chosen, scope)
    if call.name in ("var", "env"):
        return _look_up(call, scope)
    arguments = [evaluate(argument, scope) for argument in call.arguments]
    match call.name, arguments:
        case "dirname", []:
            return _dirname(scope)
        case "find-pkg-share", [package]:
            return str(scope.packages.share(package))
        case "find-exec", [name]:
            return _find_executable(name, scope)
        case "not", [value]:
            return _text(not _boolean(value))
        case "and", [left, right]:
            return _text(_boolean(left) & _boolean(right))
        case "or", [left, right]:
            return _text(_boolean(left) | _boolean(right))
        case "equals", [left, right]:
            return _text(_equal(left, right))
        case "not-equals", [left, right]:
            return _text(not _equal(left, right))
    raise LaunchError(f"substitution $({call.name} ...) is not supported with these arguments")


def _look_up(call: Call, scope: Scope) -> str:
    name = evaluate(call.arguments[0], scope)
    known = scope.variables if call.name == "var" else scope.environment
    if name in known:
        return known[name]
    if len(call.arguments) == 2:
        return evaluate(call.arguments[1], scope)
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    if call.name == "env":
        raise LaunchError(f"environment variable {name!r} is not set{hint}")
    raise LaunchError(
        f"variable {name!r} is not defined here{hint or f'; known: {_listing(known)}'}"
    )


def _listing(known: dict[str, str]) -> str:
    return ", ".join(sorted(known)) or "none"


def _dirname(scope: Scope) -> str:
    if scope.folder != scope.folder_of_last_include:
        raise LaunchError(
            "$(dirname) after (or in the arguments of) an <include> from another folder: ros2 "
            f"launch of Jazzy gives {scope.folder_of_last_include} instead of {scope.folder}; "
            "store it before with <let>, or use $(find-pkg-share)"
        )
    return str(scope.folder)


def _find_executable(name: str, scope: Scope) -> str:
    found = shutil.which(name, path=scope.environment.get("PATH"))
    if found is None:
        raise LaunchError(f"executable {name!r} is not on the PATH")
    return found


def _boolean(text: str) -> bool:
    try:
        return parse_boolean(text)
    except ValueError as error:
        raise LaunchError(str(error)) from None


def _text(value: bool) -> str:
    return "true" if value else "false"


def _equal(left: str, right: str) -> bool:
    """Booleans as booleans, numbers within rounding, the rest letter by letter."""
    truth = {"true": True, "1": True, "false": False, "0": False}
    if left.lower() in truth and right.lower() in truth:
        return truth[left.lower()] == truth[right.lower()]
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return left == right
