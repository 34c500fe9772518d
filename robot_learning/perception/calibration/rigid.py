"""Rigid transforms as (4, 4) matrices: points of the child frame become points of the parent."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


def rigid(rotation: ArrayLike, position_m: ArrayLike) -> Array:
    """From a rotation matrix (3, 3) and a position (3,)."""
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = rotation, np.ravel(position_m)
    return transform


def rigid_of(vector: Array) -> Array:
    """From rotation vector (rad) and position (m), shape (6,)."""
    return rigid(Rotation.from_rotvec(vector[:3]).as_matrix(), vector[3:])


def vector_of(transform: Array) -> Array:
    """Rotation vector (rad) and position (m), shape (6,)."""
    turned = Rotation.from_matrix(transform[:3, :3]).as_rotvec()
    return np.concatenate((turned, transform[:3, 3]))


def inverse(transform: Array) -> Array:
    """The way back."""
    back = transform[:3, :3].T
    return rigid(back, -back @ transform[:3, 3])


def mean(transforms: list[Array]) -> Array:
    """The middle of several that are near each other."""
    turned = Rotation.from_matrix(np.stack([each[:3, :3] for each in transforms])).mean()
    return rigid(turned.as_matrix(), np.mean([each[:3, 3] for each in transforms], axis=0))


def apart(one: Array, other: Array) -> tuple[float, float]:
    """How far two are apart: millimetres and degrees."""
    turned = Rotation.from_matrix(one[:3, :3].T @ other[:3, :3])
    away_mm = 1e3 * float(np.linalg.norm(one[:3, 3] - other[:3, 3]))
    return away_mm, float(np.degrees(turned.magnitude()))
