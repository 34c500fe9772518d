"""The benchmark of Quillen et al. 2018 (arXiv 1802.10264): KUKA's environment in PyBullet's wheel.

The wheel's `KukaDiverseObjectEnv` has other constants than the paper's
`KukaGraspingProceduralEnv` (google-research/dql_grasping). Here they are the paper's: 200 steps of
1/200 s an action, up to 15 actions, free choice of the height, a grasp by itself at 0.1 m, 5 of 900
objects or of the other 100, pictures of 128 px reduced to 64. What stays the wheel's is its arm
(gains, inverse kinematics, finger forces), where it begins, and how it closes, then lifts. Objects
fall one after the other as in the wheel, but the next need not wait once the others lie still; and
what lies still sleeps until something comes near it, for nothing happens to it meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import gymnasium
import numpy as np
import pybullet
import pybullet_data
from gymnasium import spaces
from numpy.typing import NDArray

from robot_learning.grasping.script import Grasper
from robot_learning.grasping.world import GraspSpaces, Lifted
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32

PHYSICS_HZ, STEPS_AN_ACTION, ACTIONS_MAX = 200.0, 200, 15
OBJECTS_IN_BIN = 5
STRIDE_M = 0.06
"""What 1 stands for in an action's way."""
RENDER_PX, SIZE_PX = 128, 64
_WHEELS = "pybullet_envs.bullet"
_FALL_STEPS_MAX, _LOOK_STEPS = 500, 10
_STILL_M_S, _STILL_RAD_S = 0.005, 0.05
_DOWN_SHARE = 0.9  # of random actions


class KukaDiverse(gymnasium.Env[Any, Float32]):
    """Move over the bin and down; at 0.1 m the gripper closes and lifts by itself.

    Observation: a dict of `image`, uint8, shape (64, 64, 3), and `state`, float32, shape (1,): the
    part of the 15 actions that is used up. Action: float32 in [-1, 1], shape (4,): x, y, z, turn.
    Reward 1 where an object is above 0.2 m at the end. Every end is terminated: how many actions
    are left is in the state.

    PyBullet's environment uses the first world of its process, so there can be but one, made before
    any other.

    Raises:
        RuntimeError: this process has another PyBullet world already.
    """

    def __init__(self, objects: str = "train") -> None:
        if pybullet.isConnected(0):
            raise RuntimeError(
                "the KUKA benchmark needs the first PyBullet world of its process: run it in a "
                "process of its own"
            )
        self._env = _environment()(
            actionRepeat=STEPS_AN_ACTION,
            maxSteps=ACTIONS_MAX,
            dv=STRIDE_M,
            removeHeightHack=True,
            width=RENDER_PX,
            height=RENDER_PX,
            numObjects=OBJECTS_IN_BIN,
            isTest=objects == "unseen",
        )
        self._env._timeStep = 1.0 / PHYSICS_HZ
        self._used = 0
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (SIZE_PX, SIZE_PX, 3), np.uint8),
                "state": spaces.Box(0.0, 1.0, (1,), np.float32),
            }
        )
        self.action_space = spaces.Box(-1.0, 1.0, (4,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Five objects drawn and dropped, the arm above them."""
        super().reset(seed=seed)
        # The wheel's environment draws from both.
        drawn = int(self.np_random.integers(2**31))
        random.seed(drawn)
        np.random.seed(drawn)  # noqa: NPY002
        picture = self._env.reset()
        self._used = 0
        return self._observe(picture), {"is_success": False}

    def step(
        self, action: Float32
    ) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """One action."""
        done = np.clip(np.asarray(action, np.float32), -1.0, 1.0)
        picture, reward, ended, _ = self._env.step(done.astype(float))
        self._used += 1
        info: dict[str, Any] = dict.fromkeys(
            ("requested_action", "gated_action", "executed_action"), done
        )
        info["is_success"] = bool(ended and reward)
        return self._observe(picture), float(ended and reward), ended, False, info

    def close(self) -> None:
        """Ends the world."""
        if pybullet.isConnected(self._env.cid):
            pybullet.disconnect(self._env.cid)

    def _observe(self, picture: Any) -> dict[str, NDArray[Any]]:
        image = np.asarray(picture, np.uint8)
        small = cv2.resize(image, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)
        state = np.array([self._used / ACTIONS_MAX], np.float32)
        return {"image": small, "state": state}


def _environment() -> Any:
    """The wheel's class with our way of dropping objects, which takes less time."""
    wheels: Any = _wheels_environment()

    class Environment(wheels):  # type: ignore[misc]
        def _randomly_place_objects(self, urdfList: list[str]) -> list[int]:  # noqa: N803
            """Lets objects fall into the tray one after the other; their numbers."""
            bodies: list[int] = []
            for body in range(pybullet.getNumBodies()):
                if body != self._kuka.kukaUid:
                    _sleep(body)  # what cannot move at all
            for path in urdfList:
                x = 0.4 + self._blockRandom * random.random()
                y = self._blockRandom * (random.random() - 0.5)
                turn = math.pi * (0.5 + self._blockRandom * random.random())
                upright = pybullet.getQuaternionFromEuler([0.0, 0.0, turn])
                # A plain rigid body: what it sleeps on does not wake it.
                bodies.append(
                    pybullet.loadURDF(path, [x, y, 0.15], upright, useMaximalCoordinates=1)
                )
                for _ in range(_FALL_STEPS_MAX // _LOOK_STEPS):
                    for _ in range(_LOOK_STEPS):
                        pybullet.stepSimulation()
                    if all(map(_is_still, bodies)):
                        break
                for body in bodies:
                    if _is_still(body):
                        _sleep(body)
            return bodies

        def __del__(self) -> None:
            """`close` ends the world; the wheel's tries it once more and complains."""

    return Environment


def _sleep(body: int) -> None:
    state = pybullet.ACTIVATION_STATE_ENABLE_SLEEPING | pybullet.ACTIVATION_STATE_SLEEP
    pybullet.changeDynamics(body, -1, activationState=state)


def _is_still(body: int) -> bool:
    linear, angular = pybullet.getBaseVelocity(body)
    return math.hypot(*linear) < _STILL_M_S and math.hypot(*angular) < _STILL_RAD_S


def _wheels_environment() -> Any:
    """The class in PyBullet's wheel.

    It was written for gym, whose successor has what it uses; but the packages around it register
    themselves with gym in a way that is gone, so they are entered without running them.
    """
    sys.modules.setdefault("gym", gymnasium)
    for name in ("pybullet_envs", "pybullet_envs.bullet"):
        if name not in sys.modules:
            folder = Path(pybullet_data.__file__).parent.parent.joinpath(*name.split("."))
            package = ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules[name] = package
    return import_module(f"{_WHEELS}.kuka_diverse_object_gym_env").KukaDiverseObjectEnv


class RandomDownwards:
    """Uniform actions, nine in ten of them straight down (the paper's random policy)."""

    name = "random"

    def begin(self, rng: np.random.Generator, image: UInt8) -> None:
        """Draws from `rng` in this episode."""
        del image
        self._rng = rng

    def act(self, image: UInt8, state: Float32) -> Float32:
        """A random action, shape (4,)."""
        del image, state
        action = self._rng.uniform(-1.0, 1.0, 4).astype(np.float32)
        if self._rng.random() < _DOWN_SHARE:
            action[2] = -1.0
        return action


class KukaDiverseWorld:
    """The benchmark as a place to learn in."""

    title = "KUKA diverse grasping (Quillen et al. 2018)"

    @property
    def spaces(self) -> GraspSpaces:
        """Of `KukaDiverse`."""
        text = json.dumps(dict(self.about()), sort_keys=True)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        return GraspSpaces(SIZE_PX, (0.0,), (1.0,), 4, "plain", ACTIONS_MAX, sha256)

    def about(self) -> Mapping[str, Any]:
        """The constants."""
        return {
            "benchmark": "kuka_diverse",
            "physics_hz": PHYSICS_HZ,
            "steps_an_action": STEPS_AN_ACTION,
            "actions_max": ACTIONS_MAX,
            "objects_in_bin": OBJECTS_IN_BIN,
            "stride_m": STRIDE_M,
        }

    def open(self, objects: str) -> KukaDiverse:
        """The environment."""
        return KukaDiverse(objects)

    def script(self) -> Grasper:
        """The paper's random policy."""
        return RandomDownwards()

    def explore(self) -> Grasper:
        """The same."""
        return RandomDownwards()

    def look(self, env: Any) -> Lifted | None:
        """Its success is what is true already."""
        return None
