"""Whether a commanded motion, and the whole stop from it, keeps robot and table apart.

Judged like the envelope's limits: between evaluated postures things are bounded, not sampled. Of
two bodies the one nearer to the base counts as at rest, and the other's capsule moves by the joints
between them alone. Three proofs, from cheap to fine:

1.  A capsule cannot move further than reach times joint motion, summed over those joints.
    Clearances that were computed exactly at one posture therefore hold in a region around it, and
    most ticks stay within that region: nothing is computed anew.
2.  What a wall parts stays apart. In the direction along which two convex shapes are apart at both
    ends of a way, they are apart in between up to how far the way bends: h**2 / 8 times the second
    derivative of an interval h, as in `Envelope`.
3.  A pair that is too near already, because the arm was pushed or armed there, may only part: along
    the direction in which it is nearest no end of the capsule comes nearer, anywhere on the way.

No direction is trusted: a wrong one proves less, never too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pinocchio
from numpy.typing import NDArray

from robot_learning.control.motion import Motion
from robot_learning.kinematics.collision_model import CollisionModel, CollisionPair, Distances
from robot_learning.safety.limits import MotionLimits
from robot_learning.safety.stop_profile import StopProfile

Array = NDArray[np.float64]

SELF_COLLISION, TABLE_COLLISION = "self_collision", "table_collision"
_ROUNDING_M = 1e-12


class _Way(NamedTuple):
    """A proposed step and the stop from it."""

    before: Motion
    after: Motion
    stop: StopProfile
    duration_s: float


class CollisionGuard:
    """Judges motions by the clearances of a model; see the module's text for how.

    Attributes:
        refused: names of the pair that the newest refusal was for; empty before the first.
    """

    def __init__(self, limits: MotionLimits, model: CollisionModel) -> None:
        self.refused = ""
        self._model = model
        self._reach = model.reach_m
        # r(i, j) of `Envelope`, of every pair: the reach of the more distal of two joints.
        self._pair_reach = np.minimum(model.reach_m[:, :, None], model.reach_m[:, None, :])
        self._acceleration = limits.acceleration_rad_s2
        self._known, self._before, self._after, self._end = (model.workspace() for _ in range(4))
        self._known_at = np.zeros(7)  # posture of the exact clearances; before the first: none
        self._clearance = np.full(len(model.pairs), -np.inf)
        self._close: frozenset[int] = frozenset()  # pairs that proof 1 said nothing of there
        self._after_at: Array | None = None  # posture of `_after`

    def refuse(
        self, before: Motion, after: Motion, stop: StopProfile, duration_s: float
    ) -> str | None:
        """Names the limit that forbids going from `before` to `after`, or None.

        Args:
            before: the motion on the wire.
            after: the motion proposed, `duration_s` later.
            stop: the stop from `after`.
            duration_s: above 0.
        """
        if not self._model.pairs:
            return None
        swing = _swing(after, stop)
        slack = swing + self._acceleration * (duration_s * duration_s / 8.0)
        near = self._near(before, after, stop, slack)
        if not self._close.issuperset(near):
            middle = (after.position + stop.end_position) / 2.0
            self._known.update(middle)
            self._known_at, self._clearance = middle, self._known.clearance()
            near = self._near(before, after, stop, slack)
            self._close = frozenset(near)
        # Of pairs that were close already, new clearances would hardly say more.
        if not near:
            return None
        return self._judge(near, _Way(before, after, stop, duration_s), swing)

    def _near(
        self, before: Motion, after: Motion, stop: StopProfile, slack: Array | float
    ) -> list[int]:
        """Pairs whose clearance some point of the way may take whole: what proof 1 leaves."""
        known = self._known_at
        moved = np.maximum(np.abs(after.position - known), np.abs(stop.end_position - known))
        moved = np.maximum(moved, np.abs(before.position - known)) + slack
        kept = self._clearance >= self._reach @ moved
        return [] if kept.all() else (~kept).nonzero()[0].tolist()

    def _judge(self, near: list[int], way: _Way, swing: Array | float) -> str | None:
        """Proofs 2 and 3 for the pairs that proof 1 says nothing of."""
        if way.before.position is self._after_at:  # what was admitted a tick ago
            self._before, self._after = self._after, self._before
        else:
            self._before.update(way.before.position)
        self._after.update(way.after.position)
        self._after_at = way.after.position
        self._end.update(way.stop.end_position)
        for pair, (step_bend, stop_bend) in zip(near, self._bends(near, way), strict=True):
            if self._parted(pair, step_bend, stop_bend):
                continue
            if not self._parting(pair, way, swing, stop_bend):
                self.refused = self._model.describe(pair)
                return TABLE_COLLISION if self._model.pairs[pair].with_table else SELF_COLLISION
        return None

    def _bends(self, near: list[int], way: _Way) -> Iterator[tuple[float, float]]:
        """How far capsules depart from the straight ways before-after and after-end, metres."""
        stop, h = way.stop, way.duration_s
        fastest = np.maximum(np.abs(way.before.velocity), np.abs(way.after.velocity))
        fastest = np.maximum(fastest, np.abs(stop.brake_velocity))
        slowing = np.abs(way.after.acceleration)
        half = stop.release_s + stop.brake_s / 2.0
        for pair in near:
            reach = self._reach[pair]
            curve = float(fastest @ (self._pair_reach[pair] @ fastest))
            step = h * h / 8.0 * (float(reach @ self._acceleration) + curve)
            released = stop.release_s**2 / 6.0 * float(reach @ slowing)
            yield step, released + half * half / 8.0 * curve

    def _parted(self, index: int, step_bend: float, stop_bend: float) -> bool:
        """Proof 2."""
        pair = self._model.pairs[index]
        here, there, end = self._before, self._after, self._end
        gaps = [places.clearance_of(index) for places in (here, there, end)]
        if not (
            min(gaps[0], gaps[1]) - step_bend >= 0.0 and min(gaps[1], gaps[2]) - stop_bend >= 0.0
        ):
            return False  # no direction shows more than the distance
        if pair.flat:
            return True  # the one direction, and its gaps are the distances
        for chosen in (end, there):
            direction = _in_frame(chosen, pair, chosen.normal(index))
            first, second, third = map(min, _gaps(pair, direction, here, there, end))
            if min(first, second) >= step_bend and min(second, third) >= stop_bend:
                return True
        return False

    def _parting(self, index: int, way: _Way, swing: Array | float, stop_bend: float) -> bool:
        """Proof 3: every end of the capsule stays where it is allowed, or recedes."""
        pair = self._model.pairs[index]
        direction = _in_frame(self._before, pair, self._before.normal(index))
        gaps = _gaps(pair, direction, self._before, self._after, self._end)
        floor = min(0.0, *gaps[0])
        moved = np.abs(way.stop.end_position - way.after.position) + swing
        pace = self._pair_reach[index] @ moved
        speeds = (way.after.velocity, way.stop.brake_velocity)
        for end, (first, second, third) in enumerate(zip(*gaps, strict=True)):
            if min(second, third) - stop_bend >= floor:
                continue
            recedes = second >= first - _ROUNDING_M and all(
                self._rate(pair, end, direction, way.after.position, speed)
                >= float(np.abs(speed) @ pace) - _ROUNDING_M
                for speed in speeds
            )
            if not recedes:
                return False
        return True

    def _rate(self, pair: CollisionPair, end: int, direction: Array, q: Array, v: Array) -> float:
        """How fast one end of the capsule recedes along a direction, m/s, at posture `q`."""
        data, world = self._after.data, pinocchio.ReferenceFrame.WORLD
        pinocchio.forwardKinematics(self._model.model, data, q, v)
        twist = pinocchio.getVelocity(self._model.model, data, pair.moved_joint, world)
        if pair.joint:
            twist -= pinocchio.getVelocity(self._model.model, data, pair.joint, world)
        point = self._after.placement(pair.moved_joint).act(pair.ends_m[end])
        outward = self._after.placement(pair.joint).rotation @ direction
        return float(outward @ (twist.linear + np.cross(twist.angular, point)))


def _swing(after: Motion, stop: StopProfile) -> Array | float:
    """How far joints leave the range between the ends of the stop: one that reverses does."""
    turning = after.velocity * stop.brake_velocity
    if turning.min() >= 0.0:
        return 0.0
    swing: Array = np.where(turning < 0.0, np.abs(after.velocity) * stop.release_s, 0.0)
    return swing


def _in_frame(places: Distances, pair: CollisionPair, direction: Array) -> Array:
    """A direction of the base frame, seen from what counts as at rest."""
    seen: Array = places.placement(pair.joint).rotation.T @ direction
    return seen


def _gaps(pair: CollisionPair, direction: Array, *all_places: Distances) -> list[list[float]]:
    """How far each end of the capsule clears the other shape in a direction, less the margin."""
    reached = float((pair.other @ direction).max()) + pair.other_radius_m
    taken = reached + pair.radius_m + pair.margin_m
    found = []
    for places in all_places:
        moved = places.placement(pair.moved_joint)
        if pair.joint:
            moved = places.placement(pair.joint).actInv(moved)
        along, offset = direction @ moved.rotation, float(direction @ moved.translation) - taken
        found.append((pair.ends_m @ along + offset).tolist())
    return found
