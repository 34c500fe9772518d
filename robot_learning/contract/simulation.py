"""How a robot is simulated: which model stands for it, and how imperfect that is.

Nothing here changes what data and policies mean, so what only describes imperfection is not part
of what must be agreed on (`Contract.agreed`): a policy meets the arm as it is, whoever measured it.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, Strict, model_validator

from robot_learning.contract.base import NonNegative, Positive, StrictModel
from robot_learning.contract.grasp import Range

PositivePerJoint = Annotated[tuple[Positive, ...], Strict(False), Field(min_length=7, max_length=7)]
PerJoint = Annotated[tuple[NonNegative, ...], Strict(False), Field(min_length=7, max_length=7)]
RangePerJoint = Annotated[tuple[Range, ...], Strict(False), Field(min_length=7, max_length=7)]

_NONE = (0.0,) * 7


class JointResponse(StrictModel):
    """How each joint x follows its reference r, in kinematic order, per unit of its inertia.

    x'' = stiffness (r - x) + damping (r' - x') - viscous x' - coulomb sign(x')
    """

    stiffness_1_s2: PositivePerJoint
    damping_1_s: PositivePerJoint
    viscous_friction_1_s: PerJoint = _NONE
    coulomb_friction_rad_s2: PerJoint = _NONE


class ResponseRandomisation(StrictModel):
    """What of the arm differs from one simulated episode to the next, uniform in its range.

    Factors are drawn for each joint; without ranges nothing differs.
    """

    control_delay_s: Range | None = None
    stiffness_factor: Range = (1.0, 1.0)
    damping_factor: Range = (1.0, 1.0)
    friction_factor: Range = (1.0, 1.0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name, value in self:
            if value is not None and not 0.0 <= value[0] <= value[1]:
                raise ValueError(f"{name}: {value[0]} to {value[1]} is no range from 0 up")
        for name in ("stiffness_factor", "damping_factor"):
            if getattr(self, name)[0] <= 0.0:
                raise ValueError(f"{name}: a factor of 0 leaves no joint that follows")
        return self


class Identified(StrictModel):
    """Where measured values came from, with their 95 % intervals."""

    date: str
    recording: str
    recording_sha256: str
    control_delay_s: Range
    state_latency_s: Range | None = None
    stiffness_1_s2: RangePerJoint
    damping_1_s: RangePerJoint
    viscous_friction_1_s: RangePerJoint
    coulomb_friction_rad_s2: RangePerJoint


class SimulationContract(StrictModel):
    """Which stock model stands for this robot in simulation and how imperfect it is.

    `model` names a chain the simulator knows; kinematics and limits always come from this
    contract, never from the stock model. Without `response` the arm follows as commanded.
    """

    model: str
    physics_hz: Positive
    position_noise_rad: NonNegative
    velocity_noise_rad_s: NonNegative
    state_latency_s: NonNegative
    control_delay_s: NonNegative
    response: JointResponse | None = None
    randomisation: ResponseRandomisation | None = None
    identified: Identified | None = None

    @model_validator(mode="after")
    def _within_physics(self) -> Self:
        if self.response is not None:
            stiffest = max(self.response.stiffness_1_s2)
            if stiffest > self.physics_hz**2:
                raise ValueError(
                    f"response.stiffness_1_s2 {stiffest} is above physics_hz squared, "
                    f"{self.physics_hz**2}: leave `response` out of an arm that is so stiff"
                )
        elif self.randomisation is not None and {
            self.randomisation.stiffness_factor,
            self.randomisation.damping_factor,
            self.randomisation.friction_factor,
        } != {(1.0, 1.0)}:
            raise ValueError("randomisation: factors multiply `response`, which is not given")
        return self

    def ideal(self) -> dict[str, Any]:
        """The same model without imperfections, as JSON can hold it."""
        return {
            "model": self.model,
            "physics_hz": self.physics_hz,
            "position_noise_rad": 0.0,
            "velocity_noise_rad_s": 0.0,
            "state_latency_s": 0.0,
            "control_delay_s": 0.0,
        }
