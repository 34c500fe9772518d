"""Which key, stick or button means what: strict YAML files, and what they say on the screen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from robot_learning.contract.base import StrictModel
from robot_learning.contract.load import load_strict

Direction = Literal["x+", "x-", "y+", "y-", "z+", "z-", "turn+", "turn-"]
GripName = Literal["open", "close"]
EventName = Literal["success", "failure", "discard", "end", "estop"]
Index = Annotated[int, Field(ge=0)]
Deadzone = Annotated[float, Field(ge=0.0, lt=1.0)]
Sign = Annotated[float, Field(ge=-1.0, le=1.0)]

# What axes and names mean, for people.
AXES = {
    "x": "forwards, backwards",
    "y": "left, right",
    "z": "up, down",
    "turn": "turn left, right",
}
WORDS: dict[str, str] = {
    "x+": "forwards",
    "x-": "backwards",
    "y+": "left",
    "y-": "right",
    "z+": "up",
    "z-": "down",
    "turn+": "turn left",
    "turn-": "turn right",
    "open": "open the gripper",
    "close": "close the gripper",
    "success": "end the episode: success",
    "failure": "end the episode: failure",
    "discard": "discard the episode and begin its scene again",
    "end": "end the episode, the task says how it went",
    "estop": "EMERGENCY STOP",
}


class Bindings(StrictModel, ABC):
    """What every device's file has."""

    title: str

    def lines(self) -> list[str]:
        """For the screen: what does what, one line each."""
        return [self.title, *(f"  {left:<18} {right}" for left, right in self.table())]

    @abstractmethod
    def table(self) -> list[tuple[str, str]]:
        """Control and meaning."""


B = TypeVar("B", bound=Bindings)


def load_bindings(name_or_path: str | Path, model: type[B]) -> B:
    """Loads `config/teleop/NAME.yaml`, or the file at a path that ends in .yaml.

    Raises:
        ContractError: it is missing or malformed; names file, line, key and what was expected.
    """
    return load_strict(name_or_path, "teleop", model)
