"""Networks computed apart from the code under test, and the gradients that it found."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from robot_learning.algorithms import Algorithm
from robot_learning.networks import Mlp


def by_hand(network: Mlp, inputs: Any, member: int | None = None) -> Any:
    """A relu network in float64, from the same weights; of several networks one."""

    def one(parts: list[torch.Tensor]) -> list[Any]:
        arrays = [part.detach().numpy().astype(np.float64) for part in parts]
        return arrays if member is None else [array[member] for array in arrays]

    weights, biases = one(network.weights), one(network.biases)
    gains, shifts = one(network.gains), one(network.shifts)
    x = np.asarray(inputs, np.float64)
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = x @ weight + bias
        if index == len(weights) - 1:
            break
        if gains:
            centred = x - x.mean(-1, keepdims=True)
            deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
            x = centred / deviation * gains[index] + shifts[index]
        x = np.maximum(x, 0.0)
    return x


def members_by_hand(network: Mlp, inputs: Any) -> Any:
    """What each of several networks gives, (members, n, outputs)."""
    return np.stack([by_hand(network, inputs, i) for i in range(network.members or 0)])


def shake(*networks: Mlp) -> None:
    """Gives each weights of its own, so that one taken for another shows."""
    generator = torch.Generator().manual_seed(17)
    for network in networks:
        noise = torch.empty_like(network.flat).normal_(0.0, 0.3, generator=generator)
        network.flat.add_(noise)


def first_gradient(algorithm: Algorithm, optimiser: str) -> torch.Tensor:
    """What Adam was given in its first step: its first moment is a tenth of it."""
    return algorithm.state_dict()[0][f"{optimiser}.first"] / 0.1
