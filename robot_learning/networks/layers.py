"""Dense layers in NumPy, as policies carry them: computing, naming, checking."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Layers = tuple[tuple[Float32, ...], tuple[Float32, ...]]

ACTIVATIONS: dict[str, Callable[[Float32], Float32]] = {
    "relu": lambda x: np.maximum(x, np.float32(0.0)),
    "tanh": np.tanh,
}


def dense(x: Float32, layers: Layers, activation: str) -> Float32:
    """(…, fan_in) through all layers, `activation` between them and nothing behind the last."""
    weights, biases = layers
    between, last = ACTIVATIONS[activation], len(weights) - 1
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = x @ weight + bias
        if index < last:
            x = between(x)
    return x


def name_layers(layers: Layers, prefix: str = "") -> dict[str, Float32]:
    """Layers as named tensors."""
    named = {}
    for index, (weight, bias) in enumerate(zip(*layers, strict=True)):
        named[f"{prefix}layer{index}.weight"] = weight
        named[f"{prefix}layer{index}.bias"] = bias
    return named


def read_layers(tensors: dict[str, Float32], fan_in: int, fan_out: int, prefix: str = "") -> Layers:
    """The layers among named tensors, checked against the sizes on both ends.

    Raises:
        ValueError: a layer is missing or does not fit.
    """
    count = sum(n.startswith(prefix) and n.endswith(".weight") for n in tensors)
    names = {f"{prefix}layer{i}.{part}" for i in range(count) for part in ("weight", "bias")}
    if not count or not names <= set(tensors):
        wrong = sorted(names - set(tensors)) or [f"{prefix}layer0.weight"]
        raise ValueError(f"wrong tensors {wrong[:4]}")
    weights = tuple(tensors[f"{prefix}layer{i}.weight"] for i in range(count))
    biases = tuple(tensors[f"{prefix}layer{i}.bias"] for i in range(count))
    shape: tuple[int, ...] = (fan_in,)
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if weight.ndim != 2 or weight.shape[:1] != shape or bias.shape != weight.shape[1:]:
            raise ValueError(
                f"{prefix}layer {index} has weight {weight.shape} and bias {bias.shape}, "
                f"its input is {shape}"
            )
        shape = bias.shape
    if shape != (fan_out,):
        raise ValueError(f"the last layer gives {shape}, not the action's size ({fan_out},)")
    return weights, biases


def copy_layers(layers: Layers) -> Layers:
    """The same numbers in memory of their own."""
    return tuple(w.copy() for w in layers[0]), tuple(b.copy() for b in layers[1])
