"""Contracts and simulated robots for the tests of the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from robot_learning.contract import Contract, load_contract
from robot_learning.hardware import JointPoint
from sim.hardware import SimHardware


@pytest.fixture(scope="session")
def panda() -> Contract:
    return load_contract("panda")


@pytest.fixture
def opened() -> Iterator[Callable[..., SimHardware]]:
    """Makes simulated robots and closes them all in the end."""
    made: list[SimHardware] = []

    def make(contract: Contract, **options: Any) -> SimHardware:
        made.append(SimHardware(contract, **options))
        return made[-1]

    yield make
    for hardware in made:
        hardware.close()


@pytest.fixture(scope="session")
def with_simulation() -> Callable[..., Contract]:
    """A contract with other settings of its simulation."""

    def change(contract: Contract, **settings: Any) -> Contract:
        data = contract.model_dump(mode="json")
        data["robot"]["simulation"] |= settings
        return Contract.model_validate(data)

    return change


@pytest.fixture(scope="session")
def home() -> Callable[[Contract], np.ndarray]:
    return lambda contract: np.array([j.home_position_rad for j in contract.robot.arm.joints])


@pytest.fixture(scope="session")
def glide() -> Callable[..., list[JointPoint]]:
    """Points of a straight joint motion at constant velocity, ending in motion."""

    def points(start: np.ndarray, velocity: np.ndarray, count: int = 5) -> list[JointPoint]:
        times = 0.01 * np.arange(1, count + 1)
        return [JointPoint(float(t), start + velocity * t, velocity) for t in times]

    return points
