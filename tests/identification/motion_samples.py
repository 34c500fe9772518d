"""Recordings of arms that move by the response model alone: fast, and nothing is hidden in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from robot_learning.contract import Contract, load_contract
from robot_learning.hardware import JointPoint
from robot_learning.identification.excitation import Excitation, plan_excitation
from robot_learning.identification.joint_response import ResponseModel
from robot_learning.identification.recording import Command, MotionRecording

CONTRACT = load_contract("panda", "reach")
HZ = CONTRACT.robot.simulation.physics_hz
STIFFNESS = np.array([300.0, 800.0, 250.0, 1500.0, 400.0, 900.0, 600.0])
DAMPING = 1.6 * np.sqrt(STIFFNESS)
VISCOUS = np.array([0.5, 2.0, 1.0, 0.0, 3.0, 1.0, 0.5])
COULOMB = np.array([0.3, 0.0, 0.2, 0.5, 0.1, 0.4, 0.2])
DELAY_S, LATENCY_S = 0.037, 0.012


def short_plan(contract: Contract = CONTRACT) -> Excitation:
    return plan_excitation(contract, seconds_per_joint=2.4)


def commands_of(plan: Excitation, period_s: float = CONTRACT.command_period_s) -> list[Command]:
    rows = zip(plan.position_rad[1:], plan.velocity_rad_s[1:], strict=True)
    return [
        Command(period_s * index, (JointPoint(period_s, position, velocity),))
        for index, (position, velocity) in enumerate(rows)
    ]


def recorded(
    plan: Excitation | None = None,
    *,
    delay_s: float = DELAY_S,
    noise_rad: float = 2e-5,
    contract: Contract = CONTRACT,
    **changes: Any,
) -> MotionRecording:
    """A recording of an arm with the response above, at 100 Hz."""
    plan = plan or short_plan(contract)
    commands = commands_of(plan)
    end_s = commands[-1].sent_s
    home = plan.position_rad[0]
    bare = MotionRecording(
        robot=contract.robot.name,
        joint_names=contract.robot.arm.joint_names,
        commands=tuple(commands),
        stamp_s=np.zeros(1),
        received_s=None,
        position_rad=home[None],
        origin="a sample",
    )
    grid = np.arange(-0.5, end_s + 0.1, 1.0 / HZ)
    late = bare.references(grid - delay_s)
    path = ResponseModel(STIFFNESS, DAMPING, VISCOUS, COULOMB, 1.0 / HZ).follow(late)
    stamps = np.arange(0.0, end_s, 0.01)
    position = np.stack([np.interp(stamps, grid, column) for column in path.T], axis=1)
    noise = np.random.default_rng(0).normal(0.0, noise_rad, position.shape)
    return replace(
        bare,
        stamp_s=stamps,
        received_s=stamps + LATENCY_S,
        position_rad=position + noise,
        **changes,
    )
