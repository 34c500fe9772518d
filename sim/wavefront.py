"""Reads triangles and their colours from Wavefront OBJ files, and writes plain ones.

Only what visual meshes of robots use: positions, texture coordinates, faces, and the colour
texture (`map_Kd`) of each material. The material's own colours are left out on purpose: PyBullet
ignores them too unless asked, and takes the colour of the URDF.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Vertices = NDArray[np.float64]
Faces = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ColouredMesh:
    """Triangles that share vertices, each triangle with one colour.

    Attributes:
        vertices: positions, shape (n, 3), metres.
        faces: vertex indices, shape (m, 3).
        rgb: colour of the texture in the middle of each triangle, 0 to 1, shape (m, 3).
        piece: which of the file's materials, a piece of the real thing each, shape (m,).
    """

    vertices: Vertices
    faces: Faces
    rgb: NDArray[np.float64]
    piece: NDArray[np.int64]


def material_files(path: Path) -> list[Path]:
    """Files that an OBJ file's look depends on and that exist: its MTL files, their textures."""
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("mtllib "):
            library = path.parent / line.split(maxsplit=1)[1].strip()
            if library.is_file():
                found.append(library)
                found += sorted(set(_textures(library).values()))
    return found


def read_obj(path: Path) -> ColouredMesh:
    """Reads an OBJ file, polygons cut into triangles.

    Raises:
        ValueError: the file holds no triangle.
    """
    vertices: list[list[float]] = []
    coordinates: list[list[float]] = []
    corners: list[list[int]] = []
    corner_uv: list[list[int]] = []
    materials: list[str] = []
    textures: dict[str, Path] = {}
    material = ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, rest = line.partition(" ")
        if key == "v":
            vertices.append([float(x) for x in rest.split()[:3]])
        elif key == "vt":
            coordinates.append([float(x) for x in rest.split()[:2]])
        elif key == "usemtl":
            material = rest.strip()
        elif key == "mtllib" and (path.parent / rest.strip()).is_file():
            textures |= _textures(path.parent / rest.strip())
        elif key == "f":
            parts = [corner.split("/") for corner in rest.split()]
            index = [_resolve(part[0], len(vertices)) for part in parts]
            uv = [
                _resolve(part[1], len(coordinates)) if len(part) > 1 and part[1] else -1
                for part in parts
            ]
            for i in range(1, len(parts) - 1):
                corners.append([index[0], index[i], index[i + 1]])
                corner_uv.append([uv[0], uv[i], uv[i + 1]])
                materials.append(material)
    if not corners:
        raise ValueError(f"{path}: holds no triangle; is it a Wavefront OBJ file?")
    rgb = np.ones((len(corners), 3))
    uv_indices = np.array(corner_uv)
    names = np.array(materials)
    for name, texture in textures.items():
        chosen = (names == name) & (uv_indices >= 0).all(axis=1)
        if chosen.any():
            middle = np.array(coordinates)[uv_indices[chosen]].mean(axis=1)
            rgb[chosen] = _sample(texture, middle)
    _, piece = np.unique(names, return_inverse=True)
    return ColouredMesh(np.array(vertices), np.array(corners, dtype=np.int64), rgb, piece)


def write_obj(path: Path, vertices: Vertices, normals: Vertices, faces: Faces) -> None:
    """Writes triangles with one normal per corner; `normals` has shape (m, 3 corners, 3)."""
    lines = [f"v {x:.6g} {y:.6g} {z:.6g}" for x, y, z in vertices]
    lines += [f"vn {x:.5g} {y:.5g} {z:.5g}" for x, y, z in normals.reshape(-1, 3)]
    for i, (a, b, c) in enumerate(faces + 1):
        n = 3 * i
        lines.append(f"f {a}//{n + 1} {b}//{n + 2} {c}//{n + 3}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _textures(library: Path) -> dict[str, Path]:
    """Material name to colour texture, for the materials whose texture file exists."""
    found: dict[str, Path] = {}
    material = ""
    for line in library.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split(maxsplit=1)
        if len(words) != 2:
            continue
        if words[0] == "newmtl":
            material = words[1].strip()
        elif words[0] == "map_Kd" and (library.parent / words[1].strip()).is_file():
            found[material] = library.parent / words[1].strip()
    return found


def _resolve(index: str, count: int) -> int:
    """OBJ counts from 1, or from the end with negative numbers."""
    number = int(index)
    return number - 1 if number > 0 else count + number


def _sample(texture: Path, uv: NDArray[np.float64]) -> NDArray[np.float64]:
    image = cv2.imread(str(texture), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{texture}: cannot be read as an image")
    height, width = image.shape[:2]
    column = np.clip((uv[:, 0] % 1.0) * width, 0, width - 1).astype(int)
    row = np.clip((1.0 - uv[:, 1] % 1.0) * height, 0, height - 1).astype(int)
    return image[row, column, ::-1].astype(np.float64) / 255.0
