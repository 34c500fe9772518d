"""One recording as a fit sees it: what models of the joints come to at its stamps, and how far off.

A joint's parameters are, in this order: delay (s), log of stiffness, log of damping, viscous and
coulomb friction, in the units of `contract.JointResponse`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_learning.identification.joint_response import ResponseModel
from robot_learning.identification.recording import MotionRecording

Array = NDArray[np.float64]

STILL_RAD_S = 0.002
"""A joint that is told to move slower counts as resting."""
DELAY_MAX_S = 0.4
BLOCK_S = 0.25
"""Of time, which the bootstrap draws as one."""
STEPS = np.array((1e-4, 1e-4, 1e-4, 1e-3, 1e-3))
"""Of finite differences."""
SIZE = len(STEPS)

_AFTER_S = 0.6  # a command is felt for so long
_FINE = 4  # samples of the reference a physics step, between which it is straight


class FitData:
    """One recording on the physics' grid of time, each joint where it is told to move.

    Joints that move in turn are simulated side by side, in the time of the longest.
    """

    def __init__(self, recording: MotionRecording, hz: float) -> None:
        self._period_s = 1.0 / hz
        stamps = recording.stamp_s
        before_s = max(0.0, stamps[0] - recording.commands[0].sent_s) + DELAY_MAX_S + 0.1
        count = round((before_s + stamps[-1] - stamps[0] + 0.1) * hz * _FINE)
        self._fine_s = stamps[0] - before_s + np.arange(count) * (self._period_s / _FINE)
        self._fine = recording.references(self._fine_s)
        begin_s, end_s = self._told(stamps)
        steps = int(np.ceil((end_s - begin_s).max() * hz)) + 1
        # The grid goes through the first stamp: a simulator's states are then on it.
        begin_s = stamps[0] + np.floor((begin_s - stamps[0]) * hz) * self._period_s
        self._grid_s = begin_s + np.arange(steps)[:, None] * self._period_s
        inside = (stamps[:, None] >= begin_s) & (stamps[:, None] <= self._grid_s[-1])
        count = int(inside.sum(axis=0).max())
        # The states of each joint's time come first; `weight` is 0 for those of another time.
        row = np.argsort(~inside, axis=0, kind="stable")[:count]
        self.weight = np.take_along_axis(inside, row, axis=0).astype(float)
        self.measured = np.take_along_axis(recording.position_rad, row, axis=0)
        due = (stamps[row] - begin_s) / self._period_s
        self.block = (np.maximum(due, 0.0) * self._period_s / BLOCK_S).astype(int)
        self._left = np.clip(np.floor(due + 1e-9).astype(int), 0, steps - 2)
        self._share = (due - self._left)[:, None]

    def _told(self, stamps: Array) -> tuple[Array, Array]:
        """When each joint's command begins and ends to move, with what comes late; (joints,)."""
        moves = np.abs(np.diff(self._fine, axis=0)) > STILL_RAD_S * self._period_s / _FINE
        first = np.where(moves.any(axis=0), moves.argmax(axis=0), 0)
        last = len(moves) - 1 - np.where(moves.any(axis=0), moves[::-1].argmax(axis=0), 0)
        begin = np.maximum(self._fine_s[first] - 0.05, self._fine_s[0] + DELAY_MAX_S)
        return begin, np.minimum(self._fine_s[last] + _AFTER_S, stamps[-1])

    def errors(self, parameters: Array) -> Array:
        """Simulated less measured position of models side by side.

        Args:
            parameters: shape (m, joints, 5).

        Returns:
            Shape (n, m, joints), rad.
        """
        delay, *rest = np.moveaxis(parameters, -1, 0)
        model = ResponseModel(np.exp(rest[0]), np.exp(rest[1]), rest[2], rest[3], self._period_s)
        path = model.follow(self._delayed(delay))
        at = np.arange(parameters.shape[0])[:, None], np.arange(parameters.shape[1])
        before, after = path[self._left[:, None], *at], path[self._left[:, None] + 1, *at]
        found = (1.0 - self._share) * before + self._share * after
        errors: Array = (found - self.measured[:, None]) * self.weight[:, None]
        return errors

    def slopes(self, parameters: Array) -> tuple[Array, Array]:
        """Errors (n, m, joints), and how they change with each parameter (n, m, joints, 5)."""
        models, joints = parameters.shape[:2]
        near = np.repeat(parameters[:, None], 1 + SIZE, axis=1)
        for kind, step in enumerate(STEPS):
            near[:, 1 + kind, :, kind] += step
        errors = self.errors(near.reshape(-1, joints, SIZE))
        errors = errors.reshape(len(errors), models, 1 + SIZE, joints)
        slopes = (errors[:, :, 1:] - errors[:, :, :1]) / STEPS[:, None]
        return errors[:, :, 0], np.moveaxis(slopes, 2, 3)

    def _delayed(self, delay_s: Array) -> Array:
        """References (time, m, joints) of models with delays (m, joints)."""
        step_s = self._period_s / _FINE
        at = (self._grid_s[:, None] - delay_s - self._fine_s[0]) / step_s
        left = np.clip(np.floor(at).astype(int), 0, len(self._fine_s) - 2)
        share = at - left
        joint = np.arange(delay_s.shape[1])
        late: Array = (1.0 - share) * self._fine[left, joint] + share * self._fine[left + 1, joint]
        return late
