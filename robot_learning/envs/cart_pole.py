"""Cart-pole with a continuous force (Barto, Sutton, Anderson 1983; the constants of mbrl-lib's)."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from robot_learning.replay.step import Float32

GRAVITY_M_S2, CART_KG, POLE_KG, HALF_POLE_M = 9.8, 1.0, 0.1, 0.5
FORCE_MAX_N, STEP_S = 10.0, 0.02
TRACK_M, LEAN_RAD = 2.4, 12.0 * math.pi / 180.0
_START = 0.05


class CartPole(gymnasium.Env[Float32, Float32]):
    """Keep a pole upright on a cart that is pushed.

    Observation: position (m), velocity (m/s) of the cart, angle (rad) and angular velocity (rad/s)
    of the pole. Action: force, [-1, 1] of 10 N. Reward 1 for every step after which it still
    stands; it has fallen, and the episode is terminated, beyond 2.4 m or 12 degrees.
    """

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (4,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self._state = np.zeros(4)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Nearly upright, nearly at rest."""
        super().reset(seed=seed)
        self._state = self.np_random.uniform(-_START, _START, 4)
        return self._state.astype(np.float32), {}

    def step(self, action: Float32) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """20 ms, by Euler's method."""
        force = FORCE_MAX_N * float(np.clip(np.asarray(action).ravel()[0], -1.0, 1.0))
        _, v, angle, turning = self._state
        mass, moment = CART_KG + POLE_KG, POLE_KG * HALF_POLE_M
        sine, cosine = math.sin(angle), math.cos(angle)
        pushed = (force + moment * turning**2 * sine) / mass
        angular = (GRAVITY_M_S2 * sine - cosine * pushed) / (
            HALF_POLE_M * (4.0 / 3.0 - POLE_KG * cosine**2 / mass)
        )
        linear = pushed - moment * angular * cosine / mass
        rates = np.array([v, linear, turning, angular])
        self._state = self._state + STEP_S * rates
        fallen = bool(abs(self._state[0]) > TRACK_M or abs(self._state[2]) > LEAN_RAD)
        return self._state.astype(np.float32), 0.0 if fallen else 1.0, fallen, False, {}
