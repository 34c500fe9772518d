"""What identification finds: values with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Identification:
    """What was fitted; joints in the contract's order.

    Attributes:
        control_delay_s: from a command to its effect.
        state_latency_s: from a measurement to its receipt; None where the recording cannot say.
        stiffness_1_s2: and the rest as in `contract.JointResponse`.
        residual_rad: root mean square of what is left, each joint, shape (joints,).
        unsure: names of joints whose stiffness the motion does not determine.
    """

    control_delay_s: Estimate
    state_latency_s: Estimate | None
    stiffness_1_s2: tuple[Estimate, ...]
    damping_1_s: tuple[Estimate, ...]
    viscous_friction_1_s: tuple[Estimate, ...]
    coulomb_friction_rad_s2: tuple[Estimate, ...]
    residual_rad: Array
    unsure: tuple[str, ...]
