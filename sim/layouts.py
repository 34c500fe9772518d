"""How objects lie in a bin: dropped one after the other, settled once, kept in a cache.

To let a handful of objects come to rest costs more than a whole grasp. So every layout has a
number, is made when it is first asked for, and is read from then on. A layout depends on its number
and the bin alone.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pybullet

from robot_learning.contract import BinGraspTask
from robot_learning.files import write_atomic
from robot_learning.hardware import Array
from sim.meshes import cache_root
from sim.objects import ObjectError, ObjectShapes, Split, object_numbers
from sim.scene import Worlds, build_bin, build_table

LAYOUTS: dict[Split, int] = {"train": 500, "unseen": 300}
"""How many there are; a reset draws one, and turns it by quarters where the bin is square."""

_HZ = 240.0
_DROP_STEPS = 120  # physics steps after each object
_SETTLE_STEPS, _SETTLE_ROUNDS_MAX = 120, 12  # after the last, until nothing moves any more
_STILL_M = 2e-4  # in so many steps
_DROP_ABOVE_M = 0.08  # over the walls
_SPREAD = 0.3  # of the bin's sides: how far from the middle they are dropped
_TRIES = 20
_FORMAT = 9  # raise when the code below changes what it makes


@dataclass(frozen=True, slots=True)
class Placed:
    """An object at rest; its frame's origin relative to the middle of the bin on the table."""

    number: int
    position_m: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]


def layout(task: BinGraspTask, split: Split, number: int) -> tuple[Placed, ...]:
    """A layout, made if nobody has asked for it before.

    Raises:
        OSError: the cache cannot be written; the message says what to set.
    """
    path = _folder(task, split) / f"{number:05d}.json"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Placed(row["number"], tuple(row["position_m"]), tuple(row["quaternion"]))
            for row in rows
        )
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (ValueError, KeyError, TypeError):
        warnings.warn(f"{path}: is damaged and made anew", stacklevel=2)
    made = _settle(task, split, number)
    _write(path, json.dumps([asdict(placed) for placed in made]))
    return made


def _folder(task: BinGraspTask, split: Split) -> Path:
    what = [
        _FORMAT,
        version("pybullet"),
        task.bin.model_dump(),
        task.objects.model_dump(),
        task.randomisation.friction[0],
    ]
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    return cache_root() / "layouts" / f"{key}-{split}"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
    except OSError as error:
        raise OSError(
            f"{path.parent}: cannot be written ({error.strerror or error}); set XDG_CACHE_HOME to "
            "a folder that can"
        ) from None


def _settle(task: BinGraspTask, split: Split, number: int) -> tuple[Placed, ...]:
    """Drops objects into a bin in a world of its own until all of them lie in it."""
    rng = np.random.default_rng([number, split == "unseen"])
    count = int(rng.integers(task.objects.count_min, task.objects.count_max + 1))
    client = pybullet.connect(pybullet.DIRECT)
    try:
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=1.0 / _HZ, deterministicOverlappingPairs=1, physicsClientId=client
        )
        pybullet.setGravity(0.0, 0.0, -9.81, physicsClientId=client)
        build_table(Worlds(client))
        build_bin(Worlds(client), (0.0, 0.0), task.bin.size_m, task.bin.wall_height_m)
        dropping = _Dropping(task, client, object_numbers(split), rng)
        for _ in range(count):
            dropping.drop()
        return dropping.settled()
    finally:
        pybullet.disconnect(physicsClientId=client)


class _Dropping:
    """A bin that is being filled."""

    def __init__(
        self, task: BinGraspTask, client: int, numbers: tuple[int, ...], rng: np.random.Generator
    ) -> None:
        self._task, self._client, self._numbers, self._rng = task, client, numbers, rng
        self._shapes = ObjectShapes(client, task.objects.scale)
        # As slippery as they ever are: what lies still then lies still with more friction too.
        self._friction = task.randomisation.friction[0]
        self._bodies: dict[int, int] = {}  # body to object

    def drop(self) -> None:
        """Drops one more; another where it falls beside the bin or cannot be loaded."""
        for _ in range(_TRIES):
            number = int(self._rng.choice(self._numbers))
            reach = np.multiply(self._task.bin.size_m, _SPREAD)
            x, y = self._rng.uniform(-reach, reach).tolist()
            z = self._task.bin.wall_height_m + _DROP_ABOVE_M
            quaternion = self._rng.standard_normal(4)
            quaternion /= np.linalg.norm(quaternion)
            a, b, c, d = quaternion.tolist()
            try:
                body = self._shapes.make(number, (x, y, z), (a, b, c, d), friction=self._friction)
            except ObjectError as error:
                warnings.warn(f"left out: {error}", stacklevel=2)
                continue
            self._bodies[body] = number
            self._step(_DROP_STEPS)
            if self._inside(body):
                return
            pybullet.removeBody(body, physicsClientId=self._client)
            del self._bodies[body]

    def settled(self) -> tuple[Placed, ...]:
        """Where they lie in the end; what fell out meanwhile is left out."""
        for _ in range(_SETTLE_ROUNDS_MAX):
            before = self._positions()
            self._step(_SETTLE_STEPS)
            if np.abs(self._positions() - before).max(initial=0.0) < _STILL_M:
                break
        return tuple(
            Placed(number, *pybullet.getBasePositionAndOrientation(body, self._client))
            for body, number in self._bodies.items()
            if self._inside(body)
        )

    def _positions(self) -> Array:
        where = [pybullet.getBasePositionAndOrientation(b, self._client)[0] for b in self._bodies]
        return np.array(where, float).reshape(-1, 3)

    def _inside(self, body: int) -> bool:
        position, _ = pybullet.getBasePositionAndOrientation(body, self._client)
        half = np.array(self._task.bin.size_m) / 2
        return bool((np.abs(position[:2]) < half).all() and position[2] > 0.0)

    def _step(self, count: int) -> None:
        for _ in range(count):
            pybullet.stepSimulation(physicsClientId=self._client)
