"""Figures of columns and pictures, by which others normalise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_learning.demonstrations.exchange.aligned import Picture

Stats = dict[str, NDArray[Any]]
PICTURES_MAX = 16


def column_stats(values: NDArray[Any]) -> Stats:
    """Of each number over all rows: minimum, maximum, mean, deviation, shape (size,)."""
    rows = np.asarray(values, np.float64).reshape(len(values), -1)
    return {
        "min": rows.min(0),
        "max": rows.max(0),
        "mean": rows.mean(0),
        "std": rows.std(0),
        "count": np.array([len(rows)]),
    }


def picture_stats(pictures: Sequence[Picture]) -> Stats:
    """Of each colour in 0 to 1, over some of the pictures, shape (3, 1, 1)."""
    chosen = np.unique(np.linspace(0, len(pictures) - 1, PICTURES_MAX).astype(int))
    pixels = np.concatenate([decode(pictures[i]).reshape(-1, 3)[::7] for i in chosen]) / 255.0
    stats = column_stats(pixels)
    shaped = {k: v.reshape(3, 1, 1) for k, v in stats.items() if k != "count"}
    return shaped | {"count": np.array([len(chosen)])}


def merged(parts: Sequence[Stats]) -> Stats:
    """Of several parts together, weighted by their counts."""
    counts = np.array([part["count"][0] for part in parts], np.float64)
    shape = (-1,) + (1,) * parts[0]["mean"].ndim
    weights = (counts / counts.sum()).reshape(shape)
    means = np.stack([part["mean"] for part in parts])
    mean = (weights * means).sum(0)
    spread = np.stack([part["std"] for part in parts]) ** 2 + (means - mean) ** 2
    return {
        "min": np.stack([part["min"] for part in parts]).min(0),
        "max": np.stack([part["max"] for part in parts]).max(0),
        "mean": mean,
        "std": np.sqrt((weights * spread).sum(0)),
        "count": np.array([int(counts.sum())]),
    }


def decode(picture: Picture) -> NDArray[np.uint8]:
    """A compressed picture as RGB, shape (height, width, 3).

    Raises:
        ValueError: it does not decode.
    """
    found = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise ValueError(f"picture of {len(picture.data)} bytes does not decode")
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
