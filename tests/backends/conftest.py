"""Robots and stand-ins for the tests of the backends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from xarm_world import slow_robot, stand_in

from robot_learning.contract import RobotContract
from sim.xarm.server import XArmServer


@pytest.fixture(scope="session")
def robot(tmp_path_factory: pytest.TempPathFactory) -> RobotContract:
    return slow_robot(tmp_path_factory.mktemp("robots"))


@pytest.fixture
def box(robot: RobotContract) -> Iterator[XArmServer]:
    """The stand-in's control box, listening."""
    with stand_in(robot) as server:
        yield server
