"""Experts that are written down instead of learned, by the environment they are for."""

from __future__ import annotations

import difflib

import numpy as np

from robot_learning.replay.step import Float32

_STEP_M = 0.05  # what an action of 1 moves the end effector (panda_gym.envs.robots.panda)
_HIGH_M, _LOW_M = 0.10, 0.02
_BEHIND_M = 0.07  # from the box's middle, where the end effector comes down
_LINED_UP_M = 0.015
_CLOSE_ENOUGH_M = 0.015


class PushExpert:
    """Pushes the box of PandaPush-v3 to its goal: over it, down behind it, straight ahead.

    It remembers nothing: what to do follows from where the end effector is, so it also goes on
    from wherever somebody else has brought the arm.
    """

    def act(self, observation: Float32, goal: Float32 | None = None) -> Float32:
        """The action, shape (3,), for an observation of shape (18,) and a goal of shape (3,)."""
        assert goal is not None
        hand, box = observation[:3].astype(float), observation[6:9].astype(float)
        way = goal[:2] - box[:2]
        distance = float(np.linalg.norm(way))
        if distance < _CLOSE_ENOUGH_M:
            return np.zeros(3, np.float32)
        ahead = way / distance
        offset = hand[:2] - box[:2]
        along = float(offset @ ahead)
        beside = float(np.linalg.norm(offset - along * ahead))
        behind = box[:2] - _BEHIND_M * ahead
        if along < -0.02 and beside < _LINED_UP_M and hand[2] < 2 * _LOW_M:
            # Slower near the goal: the box slides on.
            reach = min(_STEP_M, distance) * 0.8
            target = np.append(box[:2] + (along + reach) * ahead, _LOW_M)
        elif np.linalg.norm(hand[:2] - behind) < _LINED_UP_M:
            target = np.append(behind, _LOW_M)
        elif hand[2] < 0.8 * _HIGH_M and np.linalg.norm(offset) < 1.5 * _BEHIND_M:
            target = np.append(hand[:2], _HIGH_M)
        else:
            target = np.append(behind, _HIGH_M)
        action: Float32 = np.clip((target - hand) / _STEP_M, -1.0, 1.0).astype(np.float32)
        return action


SCRIPTED: dict[str, type[PushExpert]] = {"gymnasium:PandaPush-v3": PushExpert}
"""Experts by environment."""


def scripted_expert(environment: str) -> PushExpert:
    """The expert for an environment.

    Raises:
        LookupError: there is none; the message has the nearest.
    """
    if environment in SCRIPTED:
        return SCRIPTED[environment]()
    near = difflib.get_close_matches(environment, SCRIPTED, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise LookupError(
        f"there is no scripted expert for {environment}; known: {', '.join(SCRIPTED)}{hint}"
    )
