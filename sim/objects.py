"""The 1000 random objects of PyBullet's data: the ones of the QT-Opt simulation papers."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pybullet
import pybullet_data

from sim.meshes import flat_triangles

OBJECTS = 1000
ROLLING_FRICTION, SPINNING_FRICTION = 1e-4, 1e-3
"""Small, and not zero: a round object comes to rest."""

LOOK_TRIANGLES = 120
"""Of an object as it is drawn; the files have three times as many, mostly inside, where the convex
pieces that they are felt as touch each other.
"""

Split = Literal["train", "unseen"]


class ObjectError(ValueError):
    """An object's file is missing or cannot be used. One line says which and why."""


@dataclass(frozen=True, slots=True)
class ObjectModel:
    """What a file says of an object.

    Attributes:
        mesh: OBJ file; each of its groups is a convex piece.
        scale: of the mesh.
        mass_kg: of the whole.
        rgba: colour.
    """

    mesh: Path
    scale: tuple[float, float, float]
    mass_kg: float
    rgba: tuple[float, float, float, float]


def object_numbers(split: Split) -> tuple[int, ...]:
    """Numbers of the objects seen in training (900), or never seen there (100): those ending in 0.

    The split of Quillen et al. 2018 (arXiv 1802.10264) and of the environment in PyBullet's data.
    """
    return tuple(n for n in range(OBJECTS) if (n % 10 == 0) == (split == "unseen"))


@lru_cache(maxsize=OBJECTS)
def object_model(number: int) -> ObjectModel:
    """Reads an object's file.

    Raises:
        ObjectError: there is none of this number, or it is damaged.
    """
    folder = Path(pybullet_data.getDataPath()) / "random_urdfs" / f"{number:03d}"
    path = folder / f"{number:03d}.urdf"
    try:
        root = ET.parse(path).getroot()
        mesh = _element(root, "link/collision/geometry/mesh")
        mass = float(_element(root, "link/inertial/mass").attrib["value"])
        scale = [float(value) for value in mesh.attrib.get("scale", "1 1 1").split()]
        colour = _element(root, "link/visual/material/color").attrib["rgba"]
        red, green, blue, _ = (float(value) for value in colour.split())
        file = folder / mesh.attrib["filename"]
    except (OSError, ET.ParseError, KeyError, ValueError) as error:
        raise ObjectError(f"{path}: no usable object: {error}; reinstall pybullet") from None
    if len(scale) != 3 or not (math.isfinite(mass) and mass > 0.0):
        raise ObjectError(f"{path}: no usable object: scale {scale}, mass {mass} kg")
    if not file.is_file():
        raise ObjectError(f"{file}: no such file; reinstall pybullet")
    return ObjectModel(file, (scale[0], scale[1], scale[2]), mass, (red, green, blue, 1.0))


@lru_cache(maxsize=OBJECTS)
def _look(number: int) -> tuple[list[list[float]], list[list[float]]]:
    """Corners and normals of an object's triangles as it is drawn."""
    model = object_model(number)
    try:
        corners, normals = flat_triangles(model.mesh, LOOK_TRIANGLES)
    except (OSError, ValueError, IndexError) as error:
        raise ObjectError(f"{model.mesh}: no usable object: {error}") from None
    return corners.tolist(), normals.tolist()


def _element(root: ET.Element, path: str) -> ET.Element:
    found = root.find(path)
    if found is None:
        raise ValueError(f"it has no <{path}>")
    return found


class ObjectShapes:
    """Makes bodies of objects in one world; shapes are made once and shared by its bodies."""

    def __init__(self, client: int, scale: float = 1.0) -> None:
        self._client = client
        self._scale = scale
        self._shapes: dict[int, tuple[int, int]] = {}

    def make(
        self,
        number: int,
        position_m: tuple[float, float, float],
        quaternion: tuple[float, float, float, float],
        *,
        mass_factor: float = 1.0,
        friction: float = 1.0,
        rgba: tuple[float, float, float, float] | None = None,
        asleep: bool = False,
    ) -> int:
        """Puts an object into the world, at rest; its body.

        Args:
            number: which.
            position_m: of its frame's origin.
            quaternion: its orientation (x, y, z, w).
            mass_factor: on the mass in its file.
            friction: lateral, of its surface.
            rgba: colour instead of its own.
            asleep: it is known to lie still; only a touch wakes it, and until then it costs
                nothing.

        Raises:
            ObjectError: it cannot be loaded.
        """
        model, client = object_model(number), self._client
        collision, visual = self._shape(number, model)
        body: int = pybullet.createMultiBody(
            model.mass_kg * mass_factor,
            collision,
            visual,
            position_m,
            quaternion,
            useMaximalCoordinates=1,  # a plain rigid body; what it sleeps on does not wake it
            physicsClientId=client,
        )
        state = pybullet.ACTIVATION_STATE_ENABLE_SLEEPING
        if asleep:
            state |= pybullet.ACTIVATION_STATE_SLEEP
        pybullet.changeDynamics(
            body,
            -1,
            lateralFriction=friction,
            rollingFriction=ROLLING_FRICTION,
            spinningFriction=SPINNING_FRICTION,
            activationState=state,
            physicsClientId=client,
        )
        pybullet.changeVisualShape(body, -1, rgbaColor=rgba or model.rgba, physicsClientId=client)
        return body

    def _shape(self, number: int, model: ObjectModel) -> tuple[int, int]:
        if number not in self._shapes:
            x, y, z = model.scale
            corners, normals = _look(number)
            scale = (x * self._scale, y * self._scale, z * self._scale)
            try:
                shape = (
                    pybullet.createCollisionShape(
                        pybullet.GEOM_MESH,
                        fileName=str(model.mesh),
                        meshScale=scale,
                        physicsClientId=self._client,
                    ),
                    pybullet.createVisualShape(
                        pybullet.GEOM_MESH,
                        vertices=corners,
                        normals=normals,
                        uvs=[[0.0, 0.0]] * len(corners),
                        indices=list(range(len(corners))),
                        meshScale=scale,
                        physicsClientId=self._client,
                    ),
                )
            except pybullet.error as error:
                raise ObjectError(f"{model.mesh}: no usable object: {error}") from None
            if min(shape) < 0:
                raise ObjectError(f"{model.mesh}: no usable object: PyBullet refuses the mesh")
            self._shapes[number] = shape
        return self._shapes[number]
