"""Seeing pictures, states and motions as they are: the whole picture, and the base's axes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from robot_learning.networks.image_encoder import Photometric, distort, shifted


class Variation(NamedTuple):
    """How n pictures differ from what was seen, to learn with.

    Attributes:
        shift_px: to the left and up, shape (n, 2).
        mirror: -1 or 1 for the x and the y axis of a hand's frame, shape (n, 2).
    """

    shift_px: Tensor
    mirror: Tensor


class WholePicture(nn.Module):
    """Changes nothing but the range of a state's numbers.

    A few centimetres of height or width would be next to nothing beside actions of 1.

    Attributes:
        channels: of the pictures.
        has_first: there is nothing but the present one.
        size_px: side of the pictures.
        state_features: numbers of a state.

    Args:
        size_px: side of the pictures.
        state_low: where each number of a state is at its lowest, shape (s,).
        state_high: where it is at its highest.
    """

    channels = 3
    has_first = False

    _middle: Tensor
    _half: Tensor

    def __init__(self, size_px: int, state_low: Tensor, state_high: Tensor) -> None:
        super().__init__()
        self.size_px, self.state_features = size_px, len(state_low)
        self.register_buffer("_middle", (state_low + state_high) / 2.0, persistent=False)
        self.register_buffer("_half", (state_high - state_low) / 2.0, persistent=False)

    def variation(self, n: int, shift_px: int, generator: torch.Generator) -> Variation:
        """Random shifts by whole pixels; what was mirrored would be seen by a camera elsewhere."""
        shifts = torch.randint(-shift_px, shift_px + 1, (n, 2), generator=generator)
        return Variation(shifts, torch.ones(n, 2))

    def pictures(self, planes: Tensor, states: Tensor, varied: Variation | None = None) -> Tensor:
        """Pictures (n, channels, size, size) as they are, or shifted."""
        del states
        return planes if varied is None else shifted(planes, varied.shift_px)

    def relit(self, planes: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures in other light (the paper's appendix)."""
        return distort(planes, Photometric(), generator)

    def states(self, states: Tensor, varied: Variation | None = None) -> Tensor:
        """States (n, s), each number in [-1, 1] between the ends of its range."""
        del varied
        return (states - self._middle) / self._half

    def motions(self, features: Tensor, states: Tensor, varied: Variation | None = None) -> Tensor:
        """Features (n, k, f) of actions as they are."""
        del states, varied
        return features
