"""Declared parameters: every one with a type, a range or choices, and a description.

ROS 2 ignores a misspelt parameter in silence and lets `.nan` into a double without a range; here
an unknown name and a number outside its range stop the node at start.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node


class ParameterError(ValueError):
    """A parameter of a node is unknown, of the wrong type or out of range."""


@dataclass(frozen=True)
class Parameter:
    """One parameter. Numbers need `minimum` and `maximum`; text may have `choices`."""

    name: str
    default: Any
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def descriptor(self) -> ParameterDescriptor:
        """The ROS descriptor: read-only, ranged, described."""
        descriptor = ParameterDescriptor(
            name=self.name, description=self.description, read_only=True
        )
        if self.choices:
            descriptor.additional_constraints = "one of: " + ", ".join(self.choices)
        if isinstance(self.default, bool | str | list):
            return descriptor
        if self.minimum is None or self.maximum is None:
            raise TypeError(f"parameter {self.name} is a number and needs a range")
        if isinstance(self.default, int):
            descriptor.integer_range = [
                IntegerRange(from_value=int(self.minimum), to_value=int(self.maximum))
            ]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(self.minimum), to_value=float(self.maximum))
            ]
        return descriptor


# What every node takes.
COMMON = (
    Parameter("robot", "panda", "robot contract: a name in config/robots or a path to YAML"),
    Parameter("task", "reach", "task contract: a name in config/tasks or a path to YAML"),
    Parameter(
        "mode",
        "real_time",
        "real_time: everything at its contract rate; lockstep: time passes when an action arrives",
        choices=("real_time", "lockstep"),
    ),
    Parameter(
        "executor",
        "events",
        "how callbacks are run; single_threaded where rclpy has no events executor",
        choices=("events", "single_threaded"),
    ),
)

# Node parameters that rclpy itself declares.
_BUILT_IN = frozenset({"use_sim_time", "start_type_description_service"})


def declare(node: Node, table: Sequence[Parameter]) -> dict[str, Any]:
    """Declares the table on a node and returns name -> value.

    Raises:
        ParameterError: an override is unknown, of another type, out of range or not a choice.
    """
    known = {parameter.name for parameter in table}
    for name in node._parameter_overrides:  # rclpy offers no public way to list them
        if name not in known and name not in _BUILT_IN and not name.startswith("qos_overrides."):
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(sorted(known))
            raise ParameterError(f"{node.get_name()}: unknown parameter {name!r}; {hint}")
    values = {}
    for parameter in table:
        try:
            value = node.declare_parameter(
                parameter.name, parameter.default, parameter.descriptor()
            ).value
        except InvalidParameterTypeException as error:
            raise ParameterError(f"{node.get_name()}: {error}") from None
        except InvalidParameterValueException as error:
            raise ParameterError(
                f"{node.get_name()}: parameter {parameter.name}: {error}; allowed: "
                f"{parameter.minimum} to {parameter.maximum}"
            ) from None
        if parameter.choices and value not in parameter.choices:
            raise ParameterError(
                f"{node.get_name()}: parameter {parameter.name} is {value!r}; choose one of "
                + ", ".join(parameter.choices)
            )
        values[parameter.name] = value
    return values
