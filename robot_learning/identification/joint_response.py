"""How joints follow a reference: the model that the simulator moves by and that is identified.

Each joint by itself, x its position and r its reference, per unit of inertia:

    x'' = stiffness (r - x) + damping (r' - x') - viscous x' - coulomb sign(x')

The linear part is solved exactly for a reference that is straight within a step, so that a result
does not depend on how stiff a joint is against the step. Coulomb friction is constant within a
step and never more than what stops the joint there, so that a joint can stick.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract.simulation import JointResponse

Array = NDArray[np.float64]


class ResponseModel:
    """The joints' response, in steps of one period.

    All four parameters have one shape (..., joints): leading axes are models side by side.
    """

    def __init__(
        self, stiffness: Array, damping: Array, viscous: Array, coulomb: Array, period_s: float
    ) -> None:
        """Units are those of `JointResponse`; stiffness and damping are above 0."""
        self._period_s = period_s
        self._coulomb = coulomb
        self._lag_s = viscous / stiffness  # behind a reference of constant speed
        decay = (damping + viscous) / 2.0
        root = np.sqrt((decay**2 - stiffness).astype(complex))
        root = np.where(np.abs(root) < 1e-9, 1e-9, root)
        fade = np.exp(-decay * period_s)
        even = (fade * np.cosh(root * period_s)).real
        odd = (fade * np.sinh(root * period_s) / root).real
        # The transition matrix of (position, velocity), and what a constant push comes to.
        self._xx, self._xv = even + decay * odd, odd
        self._vx, self._vv = -stiffness * odd, even - decay * odd
        self._push_x, self._push_v = (1.0 - self._xx) / stiffness, odd
        self._sticks = bool(np.any(coulomb > 0.0))

    @classmethod
    def of(cls, response: JointResponse, period_s: float) -> ResponseModel:
        """As a contract says; arrays have shape (7,)."""
        return cls(
            np.array(response.stiffness_1_s2),
            np.array(response.damping_1_s),
            np.array(response.viscous_friction_1_s),
            np.array(response.coulomb_friction_rad_s2),
            period_s,
        )

    def advance(
        self, position: Array, velocity: Array, reference: Array, reference_after: Array
    ) -> tuple[Array, Array]:
        """Position and velocity one period later, while the reference goes straight."""
        speed = (reference_after - reference) / self._period_s
        lag = self._lag_s * speed
        away, faster = position - reference + lag, velocity - speed
        position = reference_after - lag + self._xx * away + self._xv * faster
        velocity = speed + self._vx * away + self._vv * faster
        if self._sticks:
            friction = np.minimum(
                np.maximum(velocity / self._push_v, -self._coulomb), self._coulomb
            )
            position = position - self._push_x * friction
            velocity = velocity - self._push_v * friction
        return position, velocity

    def follow(self, references: Array) -> Array:
        """Positions over a whole reference, from rest at its beginning.

        Args:
            references: one a period, shape (n, joints).

        Returns:
            Shape (n, ..., joints); the first is the reference's first.
        """
        shape = np.broadcast_shapes(self._coulomb.shape, references.shape[1:])
        position = np.broadcast_to(references[0], shape)
        velocity = np.zeros(shape)
        found = np.empty((len(references), *shape))
        found[0] = position
        for index in range(1, len(references)):
            position, velocity = self.advance(
                position, velocity, references[index - 1], references[index]
            )
            found[index] = position
        return found


class ResponseState:
    """A response in motion: what the simulator's motors follow in the reference's place."""

    def __init__(self, model: ResponseModel, position_rad: Array) -> None:
        """At rest at a position, shape (7,)."""
        self._model = model
        self._position = position_rad.copy()
        self._velocity = np.zeros_like(position_rad)
        self._reference = position_rad.copy()

    def follow(self, references: Array) -> Array:
        """Goes on along the next references (n, 7), one a period; positions (n, 7)."""
        found = np.empty_like(references)
        for index, reference in enumerate(references):
            self._position, self._velocity = self._model.advance(
                self._position, self._velocity, self._reference, reference
            )
            self._reference = reference
            found[index] = self._position
        return found
