"""Tensors of several things in one file: each thing's names begin with its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor


class Stored(Protocol):
    """What can be written down as tensors."""

    def state_dict(self) -> dict[str, Tensor]:
        """By name."""

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """The reverse."""


def state_of(parts: Mapping[str, Stored | None]) -> dict[str, Tensor]:
    """Tensors of all parts that there are, as `part.tensor`."""
    return {
        f"{name}.{key}": tensor
        for name, part in parts.items()
        if part is not None
        for key, tensor in part.state_dict().items()
    }


def part_of(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Those of one part, by the part's own names."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def load_state(parts: Mapping[str, Stored | None], tensors: Mapping[str, Tensor]) -> None:
    """Goes on from a `state_of` the same parts; raises as theirs do."""
    for name, part in parts.items():
        if part is not None:
            part.load_state_dict(part_of(tensors, name))
