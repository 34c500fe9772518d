"""Visual meshes light enough for a software renderer: decimated once, kept in a cache.

The stock Panda has 101,735 visual triangles and PyBullet's TinyRenderer draws every one of them
for every image, however small. Here each mesh is cut by material and colour (the stock look comes
from a texture), every piece is decimated on its own (Garland and Heckbert's quadric error metric)
and each colour is written as a plain OBJ file, to be coloured by the URDF.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import fast_simplification
import numpy as np
from numpy.typing import NDArray

from sim.wavefront import Faces, Vertices, material_files, read_obj, write_obj

FRACTION = 0.015
"""Part of the triangles that stays."""
MIN_TRIANGLES = 200
"""Fewest triangles that a piece is cut to: hand, fingers and rims keep their shape."""
LARGE_M = 0.15
"""A piece shorter than this keeps fewer than that, in proportion to its length..."""
SMALL_SHARE = 0.05
"""...but at least this part of them."""
WORK_SIZE = 10.0
"""Meshes are scaled to this before decimation: the library's error thresholds are absolute, and
at the size of a robot's link, in metres, its first round would collapse nearly everything.
"""
CREASE_RAD = 0.7
"""Faces that meet at less are shaded as one smooth surface."""
LIGHT_FROM = 0.8
"""Textures are reduced to two colours, lighter and darker than this brightness."""
_FORMAT = 1  # raise when the code below changes what it writes


@dataclass(frozen=True, slots=True)
class MeshPart:
    """One colour of a mesh.

    Attributes:
        path: OBJ file, absolute.
        rgb: colour to multiply the URDF's colour with, 0 to 1.
    """

    path: Path
    rgb: tuple[float, float, float]


def cache_root() -> Path:
    """What is made once and kept: `$XDG_CACHE_HOME` (or `~/.cache`)/robot-learning."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "robot-learning"


def cache_dir() -> Path:
    """Where decimated meshes are kept."""
    return cache_root() / "meshes"


def decimated(source: Path) -> list[MeshPart]:
    """The parts of a mesh with about 4 % of its triangles; made on first use, then cached.

    Several processes may ask at once: each writes a folder of its own, and the first rename wins.

    Raises:
        OSError: the cache folder cannot be written; the message says what to set.
    """
    folder = cache_dir() / _key(source)
    if not (folder / "parts.json").is_file():
        try:
            _make(source, folder)
        except OSError as error:
            raise OSError(
                f"{cache_dir()}: cannot be written ({error.strerror}); "
                "set XDG_CACHE_HOME to a folder that can"
            ) from None
    parts = json.loads((folder / "parts.json").read_text(encoding="utf-8"))
    return [MeshPart(folder / part["file"], tuple(part["rgb"])) for part in parts]


@lru_cache(maxsize=64)  # the stock files do not change under a running process
def _key(source: Path) -> str:
    settings = [_FORMAT, FRACTION, MIN_TRIANGLES, LARGE_M, SMALL_SHARE, WORK_SIZE, CREASE_RAD]
    settings.append(LIGHT_FROM)
    digest = hashlib.sha256(repr([settings, version("fast-simplification")]).encode())
    for path in [source, *material_files(source)]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _make(source: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        _write_parts(source, unfinished)
        try:
            unfinished.rename(folder)
        except OSError:
            # Another process finished first: its folder has the same content.
            if not (folder / "parts.json").is_file():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_parts(source: Path, folder: Path) -> None:
    mesh = read_obj(source)
    light = mesh.rgb.mean(axis=1) >= LIGHT_FROM
    parts = []
    for shade, chosen in (("dark", ~light), ("light", light)):
        if not chosen.any():
            continue
        faces = mesh.faces[chosen]
        area = np.linalg.norm(_face_normals(mesh.vertices, faces), axis=1) + 1e-12
        rgb = np.average(mesh.rgb[chosen], axis=0, weights=area)
        vertices, faces = _joined(
            _simplify(mesh.vertices, mesh.faces[chosen & (mesh.piece == piece)])
            for piece in np.unique(mesh.piece[chosen])
        )
        name = f"{source.stem}_{shade}.obj"
        write_obj(folder / name, vertices, _corner_normals(vertices, faces), faces)
        parts.append({"file": name, "rgb": [round(float(c), 4) for c in rgb]})
    (folder / "parts.json").write_text(json.dumps(parts), encoding="utf-8")


def _joined(pieces: Iterable[tuple[Vertices, Faces]]) -> tuple[Vertices, Faces]:
    """Several meshes as one."""
    vertices, faces, count = [], [], 0
    for points, triangles in pieces:
        vertices.append(points)
        faces.append(triangles + count)
        count += len(points)
    return np.concatenate(vertices), np.concatenate(faces)


def flat_triangles(source: Path, count: int) -> tuple[Vertices, Vertices]:
    """Corners of about `count` triangles that look like a mesh, and their normals.

    Every triangle has corners and a normal of its own, both of shape (3 m, 3), in the file's units.

    Raises:
        ValueError: the file holds no triangle.
        OSError: it cannot be read.
    """
    mesh = read_obj(source)
    vertices, faces = _cut(*_welded(mesh.vertices, mesh.faces), count)
    normals = _face_normals(vertices, faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return vertices[faces].reshape(-1, 3), np.repeat(normals, 3, axis=0)


def _simplify(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces]:
    """Decimates as much as a robot's piece of this size bears."""
    vertices, faces = _welded(vertices, faces)
    length_m = float(np.ptp(vertices, axis=0).max())
    least = round(MIN_TRIANGLES * min(1.0, max(SMALL_SHARE, length_m / LARGE_M)))
    return _cut(vertices, faces, max(least, round(FRACTION * len(faces))))


def _welded(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces]:
    """With one vertex where several were at one place; those that no face uses are dropped."""
    corners = vertices[faces].reshape(-1, 3)
    _, first, inverse = np.unique(corners.round(6), axis=0, return_index=True, return_inverse=True)
    return corners[first], inverse.reshape(faces.shape).astype(np.int64)


def _cut(vertices: Vertices, faces: Faces, target: int) -> tuple[Vertices, Faces]:
    """Decimates to about so many triangles."""
    length_m = float(np.ptp(vertices, axis=0).max())
    if target < len(faces):
        scale = WORK_SIZE / length_m
        points, triangles = fast_simplification.simplify(
            vertices * scale, faces.astype(np.int32), target_count=target
        )
        vertices = np.asarray(points, dtype=float) / scale
        faces = np.asarray(triangles, dtype=np.int64)
    size = np.linalg.norm(_face_normals(vertices, faces), axis=1)
    return vertices, faces[size > 0.0]


def _face_normals(vertices: Vertices, faces: Faces) -> Vertices:
    """Normals whose length is twice the triangle's area, shape (m, 3)."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


def _corner_normals(vertices: Vertices, faces: Faces) -> NDArray[np.float64]:
    """Smooth normals that keep creases, shape (m, 3 corners, 3).

    At a corner, the faces around the vertex count by their area, if they meet this corner's face
    at less than the crease angle.
    """
    normals = _face_normals(vertices, faces)
    unit = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    around: list[list[int]] = [[] for _ in vertices]
    for face, corners in enumerate(faces):
        for vertex in corners:
            around[vertex].append(face)
    result = np.empty((len(faces), 3, 3))
    for face, corners in enumerate(faces):
        for corner, vertex in enumerate(corners):
            near = np.array(around[vertex])
            smooth = near[unit[near] @ unit[face] >= np.cos(CREASE_RAD)]
            total = normals[smooth].sum(axis=0)
            result[face, corner] = total / np.linalg.norm(total)
    return result
