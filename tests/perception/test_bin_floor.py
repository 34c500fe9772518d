"""Where in the bin something lies."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from robot_learning.contract import BinGraspTask, load_contract, task_of
from robot_learning.perception.bin_floor import BinFloor
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.perception.task_camera import task_camera

CONTRACT = load_contract("panda", "bin_grasp")
TASK = task_of(CONTRACT, BinGraspTask)
FLOOR = BinFloor(CONTRACT)
SIZE_PX = TASK.image.size_px


def bin_with(*places_m, colour=(200, 40, 40), floor=(40, 90, 200)):
    """The picture of a bin with blocks of 3 cm."""
    picture = np.full((SIZE_PX, SIZE_PX, 3), floor, np.uint8)
    geometry = PictureGeometry(task_camera(CONTRACT), TASK.image)
    for x, y in places_m:
        corners = [(x + dx, y + dy, 0.03) for dx, dy in np.array(SQUARE) * 0.015]
        outline = np.rint(geometry.project(corners)).astype(np.int32)
        cv2.fillConvexPoly(picture, outline, colour)
    return picture


SQUARE = [(-1, -1), (1, -1), (1, 1), (-1, 1)]


@pytest.mark.parametrize("place_m", [(0.5, 0.0), (0.43, 0.07), (0.57, -0.06)])
def test_a_block_is_found_where_it_lies_and_nothing_elsewhere(place_m):
    found = FLOOR.occupied(bin_with(place_m))
    assert len(found) >= 9
    np.testing.assert_allclose(found.mean(axis=0), place_m, atol=0.006)
    assert np.linalg.norm(found - place_m, axis=1).max() < 0.035


def test_an_empty_bin_of_any_colour_holds_nothing():
    for floor in ((0, 0, 0), (40, 90, 200), (255, 255, 255)):
        noise = np.random.default_rng(0).integers(0, 20, (SIZE_PX, SIZE_PX, 3))
        picture = np.clip(bin_with(floor=floor) + noise, 0, 255).astype(np.uint8)
        assert len(FLOOR.occupied(picture)) == 0


def test_what_the_tool_cannot_reach_is_not_told():
    beside = (CONTRACT.workspace.max_m[0] + 0.03, 0.0)
    found = FLOOR.occupied(bin_with(beside))
    assert len(found) == 0 or (found[:, 0] <= CONTRACT.workspace.max_m[0]).all()
    assert (FLOOR.occupied(bin_with(beside, (0.5, 0.0)))[:, 0] < 0.54).all()
