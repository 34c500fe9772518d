"""How the arm of one episode follows its commands: as the contract says, within its ranges."""

from __future__ import annotations

import numpy as np

from robot_learning.contract.simulation import SimulationContract
from robot_learning.identification.joint_response import ResponseModel


def draw_response(simulation: SimulationContract, seed: int) -> ResponseModel | None:
    """The response of an episode; None where the arm follows as commanded."""
    response, ranges = simulation.response, simulation.randomisation
    if response is None:
        return None
    if ranges is None:
        return ResponseModel.of(response, 1.0 / simulation.physics_hz)
    rng = np.random.default_rng([seed, 3])
    stiffness, damping, friction = (
        rng.uniform(*given, 7)
        for given in (ranges.stiffness_factor, ranges.damping_factor, ranges.friction_factor)
    )
    stiffest = simulation.physics_hz**2  # what physics can follow
    return ResponseModel(
        np.minimum(stiffness * np.array(response.stiffness_1_s2), stiffest),
        damping * np.array(response.damping_1_s),
        friction * np.array(response.viscous_friction_1_s),
        friction * np.array(response.coulomb_friction_rad_s2),
        1.0 / simulation.physics_hz,
    )


def draw_control_delay_s(simulation: SimulationContract, seed: int) -> float:
    """The control delay of an episode."""
    ranges = simulation.randomisation
    if ranges is None or ranges.control_delay_s is None:
        return simulation.control_delay_s
    return float(np.random.default_rng([seed, 4]).uniform(*ranges.control_delay_s))
