"""One rendered robot with one camera, whose true lens and place are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from robot_learning.benchmark.calibration import (
    ArmPicture,
    Setup,
    arm_pictures,
    lens_of,
    lens_pictures,
    random_setup,
)
from robot_learning.contract import load_robot
from robot_learning.perception.calibration.board import Board, load_board
from robot_learning.perception.calibration.lens import Lens


@dataclass(frozen=True)
class Rendered:
    setup: Setup
    for_lens: list[NDArray[np.uint8]]
    in_hand: list[ArmPicture]
    lens: Lens


@pytest.fixture(scope="session")
def board() -> Board:
    return load_board("a4")


@pytest.fixture(scope="session")
def rendered(board: Board) -> Rendered:
    rng = np.random.default_rng((0, 1))
    setup = random_setup(load_robot("panda"), board, rng)
    pictures = list(islice(lens_pictures(setup, rng), 40))
    lens = lens_of(setup, iter(pictures))
    return Rendered(setup, pictures, list(islice(arm_pictures(setup, rng), 40)), lens)
