"""The subset of launch XML that is run here, as tables.

The subset is small on purpose: everything in it means the same to the real `ros2 launch` and to
this runner. What is outside is refused before anything starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from robot_learning.launch.values import parse_boolean, parse_condition

_CONDITIONS = ("if", "unless")
_PROCESS = (
    "cwd",
    "launch-prefix",
    "output",
    "respawn",
    "respawn_delay",
    "respawn_max_retries",
    "sigterm_timeout",
    "sigkill_timeout",
    "on_exit",
)
OUTPUTS = ("log", "screen", "both", "own_log", "full")
PARAMETER_TYPES = (
    "str",
    "bool",
    "float",
    "int",
    "list_of_str",
    "list_of_bool",
    "list_of_float",
    "list_of_int",
    "yaml",
)

# Substitution -> fewest and most arguments.
SUBSTITUTIONS: dict[str, tuple[int, int]] = {
    "var": (1, 2),
    "env": (1, 2),
    "dirname": (0, 0),
    "find-pkg-share": (1, 1),
    "find-exec": (1, 1),
    "not": (1, 1),
    "and": (2, 2),
    "or": (2, 2),
    "equals": (2, 2),
    "not-equals": (2, 2),
    "if": (2, 3),
}


@dataclass(frozen=True)
class Rule:
    """What one tag may hold: attributes, and child tags."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    actions: bool = False  # its children are actions

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every attribute, required ones first."""
        return self.required + self.optional


ACTIONS: dict[str, Rule] = {
    "arg": Rule(("name",), ("default", "description", *_CONDITIONS), ("choice",)),
    "let": Rule(("name", "value"), _CONDITIONS),
    "group": Rule((), ("scoped", "forwarding", *_CONDITIONS), actions=True),
    "include": Rule(("file",), _CONDITIONS, ("arg",)),
    "node": Rule(
        ("exec",),
        ("pkg", "name", "namespace", "exec_name", "args", "ros_args", *_PROCESS, *_CONDITIONS),
        ("param", "remap", "env"),
    ),
    "executable": Rule(("cmd",), ("name", *_PROCESS, *_CONDITIONS), ("env",)),
    "push_ros_namespace": Rule(("namespace",), _CONDITIONS),
    "set_env": Rule(("name", "value"), _CONDITIONS),
    "log": Rule(("message",), _CONDITIONS),
    "shutdown": Rule((), ("reason", *_CONDITIONS)),
    "timer": Rule(("period",), ("cancel_on_shutdown", *_CONDITIONS), actions=True),
}
ROOT = Rule((), ("deprecated",), actions=True)
# Tags that mean something only inside another one: parent -> child -> rule.
PARTS: dict[str, dict[str, Rule]] = {
    "arg": {"choice": Rule(("value",))},
    "include": {"arg": Rule(("name", "value"))},
    "node": {
        "param": Rule((), ("name", "value", "type", "from"), ("param",)),
        "remap": Rule(("from", "to")),
        "env": Rule(("name", "value")),
    },
    "executable": {"env": Rule(("name", "value"))},
    "param": {"param": Rule(("name",), ("value", "type"), ("param",))},
}

# Text for people, read by nothing.
FREE_TEXT = {("launch", "deprecated"), ("arg", "description")}


def parse_seconds(text: str) -> float:
    """A finite time of zero or more, in s.

    Raises:
        ValueError: it is something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0.0:
        raise ValueError(f"expected zero or more seconds, found {text!r}")
    return value


def parse_count(text: str) -> int:
    """A whole number; negative stands for no limit.

    Raises:
        ValueError: it is something else.
    """
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, found {text!r}") from None


def parse_output(text: str) -> str:
    """One of the ways to show a process's output.

    Raises:
        ValueError: it is none of them.
    """
    if text not in OUTPUTS:
        raise ValueError(f"expected one of {', '.join(OUTPUTS)}, found {text!r}")
    return text


def _on_exit(text: str) -> str:
    if text != "shutdown":
        raise ValueError(f'expected "shutdown", found {text!r}')
    return text


# Attributes that the real front end takes as they are written, and how each is read.
LITERAL: dict[tuple[str, str], Callable[[str], object] | None] = {
    ("group", "scoped"): parse_boolean,
    ("group", "forwarding"): parse_boolean,
    ("param", "type"): None,
}
for _tag in ("node", "executable"):
    LITERAL[_tag, "respawn_delay"] = parse_seconds
    LITERAL[_tag, "respawn_max_retries"] = parse_count
    LITERAL[_tag, "sigterm_timeout"] = parse_seconds
    LITERAL[_tag, "sigkill_timeout"] = parse_seconds
    LITERAL[_tag, "on_exit"] = _on_exit

# Attributes that may hold substitutions, and how the outcome is read: checked at once where they
# hold none.
EVALUATED: dict[str, Callable[[str], object]] = {
    "if": parse_condition,
    "unless": parse_condition,
    "output": parse_output,
    "respawn": parse_boolean,
    "period": parse_seconds,
    "cancel_on_shutdown": parse_boolean,
}
