"""The benchmark of Quillen et al. 2018 (arXiv 1802.10264): KUKA's environment in PyBullet's wheel.

The wheel's `KukaDiverseObjectEnv` differs in its constants from the one that the paper was measured
on (`KukaGraspingProceduralEnv` in google-research/dql_grasping). Here they are as there: 200 steps
of 1/200 s an action, up to 15 actions, an arm that begins lower, pictures of 128 px reduced to 64,
1,000 steps for closing and lifting, 5 of 900 objects, or of the other 100.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Mapping
from typing import Any

import cv2
import gymnasium
import numpy as np
import pybullet
from gymnasium import spaces
from numpy.typing import NDArray

from robot_learning.grasping.script import Grasper
from robot_learning.grasping.world import GraspSpaces, Lifted, downwards
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32

PHYSICS_HZ, STEPS_AN_ACTION, ACTIONS_MAX = 200.0, 200, 15
OBJECTS_IN_BIN = 5
GRASP_HEIGHT_M, LIFTED_M = 0.1, 0.2
GRASP_STEPS, GRASP_RISE_M = 1000, 0.001
STRIDE_M, TURN_RAD = 0.06, 0.25
"""What 1 stands for in an action, metres and radians."""
RENDER_PX, SIZE_PX = 128, 64
_OPEN_RAD, _FINGER_STEP_RAD = 0.3, 0.003
_LOWER_M, _LOWER_STEPS = -0.3, 100  # how an episode begins: on the way down


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
        # The wheel's environment was written for gym, whose successor has what it uses.
        sys.modules.setdefault("gym", gymnasium)
        from pybullet_envs.bullet.kuka_diverse_object_gym_env import (  # type: ignore[import-untyped]
            KukaDiverseObjectEnv,
        )

        self._env = KukaDiverseObjectEnv(
            actionRepeat=STEPS_AN_ACTION,
            maxSteps=ACTIONS_MAX,
            dv=STRIDE_M,
            removeHeightHack=True,
            width=RENDER_PX,
            height=RENDER_PX,
            numObjects=OBJECTS_IN_BIN,
            isTest=objects == "unseen",
        )
        if self._env.cid != 0:
            pybullet.disconnect(self._env.cid)
            raise RuntimeError(
                "the KUKA benchmark needs the first PyBullet world of its process: run it in a "
                "process of its own"
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
        """Five objects drawn and dropped; the arm on its way down."""
        super().reset(seed=seed)
        # The wheel's environment draws from both.
        drawn = int(self.np_random.integers(2**31))
        random.seed(drawn)
        np.random.seed(drawn)  # noqa: NPY002
        self._env.reset()
        self._used = 0
        self._env._kuka.applyAction([0.0, 0.0, _LOWER_M, 0.0, _OPEN_RAD])
        for _ in range(_LOWER_STEPS):
            pybullet.stepSimulation()
        return self._observe(), {"is_success": False}

    def step(
        self, action: Float32
    ) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """One action."""
        done = np.clip(np.asarray(action, np.float32), -1.0, 1.0)
        way = (done[:3] * STRIDE_M).tolist()
        kuka = self._env._kuka
        kuka.applyAction([*way, float(done[3]) * TURN_RAD, _OPEN_RAD])
        for _ in range(STEPS_AN_ACTION):
            pybullet.stepSimulation()
        self._used += 1
        (_, _, height_m), *_ = pybullet.getLinkState(kuka.kukaUid, kuka.kukaEndEffectorIndex)
        grasped = height_m <= GRASP_HEIGHT_M
        if grasped:
            self._grasp()
        success = self._lifted()
        ended = grasped or self._used >= ACTIONS_MAX
        info = {"executed_action": done, "is_success": ended and success}
        return self._observe(), float(ended and success), ended, False, info

    def close(self) -> None:
        """Ends the world."""
        if pybullet.isConnected(self._env.cid):
            pybullet.disconnect(self._env.cid)

    def _grasp(self) -> None:
        finger = _OPEN_RAD
        for _ in range(GRASP_STEPS):
            self._env._kuka.applyAction([0.0, 0.0, GRASP_RISE_M, 0.0, finger])
            pybullet.stepSimulation()
            finger = max(0.0, finger - _FINGER_STEP_RAD)

    def _lifted(self) -> bool:
        return any(
            pybullet.getBasePositionAndOrientation(body)[0][2] > LIFTED_M
            for body in self._env._objectUids
        )

    def _observe(self) -> dict[str, NDArray[Any]]:
        picture = np.asarray(self._env._get_observation(), np.uint8)
        small = cv2.resize(picture, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)
        state = np.array([self._used / ACTIONS_MAX], np.float32)
        return {"image": small, "state": state}


class RandomDownwards:
    """Uniform actions, nine in ten of them straight down (the paper's random policy)."""

    name = "random"

    def begin(self, rng: np.random.Generator) -> None:
        """Draws from `rng` in this episode."""
        self._rng = rng

    def act(self, image: UInt8, state: Float32) -> Float32:
        """A random action, shape (4,)."""
        del image, state
        return downwards(self._rng.uniform(-1.0, 1.0, 4).astype(np.float32), self._rng, 0.9)


class KukaDiverseWorld:
    """The benchmark as a place to learn in."""

    title = "KUKA diverse grasping (Quillen et al. 2018)"

    @property
    def spaces(self) -> GraspSpaces:
        """Of `KukaDiverse`."""
        text = json.dumps(dict(self.about()), sort_keys=True)
        return GraspSpaces(SIZE_PX, 1, 4, ACTIONS_MAX, hashlib.sha256(text.encode()).hexdigest())

    def about(self) -> Mapping[str, Any]:
        """The constants."""
        return {
            "benchmark": "kuka_diverse",
            "physics_hz": PHYSICS_HZ,
            "steps_an_action": STEPS_AN_ACTION,
            "actions_max": ACTIONS_MAX,
            "objects_in_bin": OBJECTS_IN_BIN,
            "grasp_height_m": GRASP_HEIGHT_M,
            "lifted_m": LIFTED_M,
            "stride_m": STRIDE_M,
            "turn_rad": TURN_RAD,
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
