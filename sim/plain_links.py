"""Bodies for an arm of which the simulator has no model: a bar from each joint to the next.

The chain, and with it every pose, is the contract's. Shapes and masses are made up: good enough for
motion in the air and contacts of the hand, not for what an elbow touches, nor for torques.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import numpy as np

from robot_learning.hardware import Array

RADIUS_M = 0.045
MASS_KG = 1.5  # of each link; those of arms of this size are 0.2 to 3
COLOUR = "0.85 0.87 0.9 1"


class PlainLinks:
    """Links by their number from the base, as `_Stock` has them by name."""

    def __init__(self, to_next_m: Sequence[Array]) -> None:
        """Takes where the next joint is in each link's frame, base first; shape (3,) each."""
        self._to_next_m = to_next_m

    def chain(self, count: int) -> tuple[str, list[str]]:
        """The base, and the links that the first `count` joints move."""
        return "0", [str(number) for number in range(1, count + 1)]

    def link(self, name: str, new_name: str) -> ET.Element:
        """A bar under a name."""
        end = np.asarray(self._to_next_m[int(name)], dtype=np.float64)
        length = float(np.linalg.norm(end))
        out = ET.Element("link", name=new_name)
        inertial = ET.SubElement(out, "inertial")
        place = {"xyz": _numbers(end / 2), "rpy": _numbers(_along(end))}
        ET.SubElement(inertial, "origin", place)
        ET.SubElement(inertial, "mass", value=repr(MASS_KG))
        across = repr(MASS_KG * (3 * RADIUS_M**2 + length**2) / 12)
        moments = {"ixx": across, "iyy": across, "izz": repr(MASS_KG * RADIUS_M**2 / 2)}
        ET.SubElement(inertial, "inertia", moments | {"ixy": "0", "ixz": "0", "iyz": "0"})
        for tag in ("collision", "visual"):
            part = ET.SubElement(out, tag)
            ET.SubElement(part, "origin", place)
            shape = ET.SubElement(part, "geometry")
            if length < RADIUS_M:
                ET.SubElement(shape, "sphere", radius=repr(RADIUS_M))
            else:
                ET.SubElement(shape, "cylinder", radius=repr(RADIUS_M), length=repr(length))
            if tag == "visual":
                material = ET.SubElement(part, "material", name=f"{new_name}_plain")
                ET.SubElement(material, "color", rgba=COLOUR)
        return out


def _along(direction: Array) -> Array:
    """Roll, pitch, yaw that turn z into a direction."""
    x, y, z = direction
    return np.array([0.0, np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)])


def _numbers(values: Array) -> str:
    return " ".join(repr(float(value)) for value in values)
