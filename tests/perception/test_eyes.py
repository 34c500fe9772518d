"""What is kept of pictures: colours beside the floor's, and what the hand hides."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.contract import BinGraspTask, load_contract, task_of
from robot_learning.grasping.view import hand_view
from robot_learning.perception.eyes import BinEye, PlainEye
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.perception.task_camera import task_camera

CONTRACT = load_contract("panda", "bin_grasp")
TASK = task_of(CONTRACT, BinGraspTask)
VIEW = hand_view(CONTRACT)
assert VIEW is not None
GEOMETRY = PictureGeometry(task_camera(CONTRACT), TASK.image)
SIZE = TASK.image.size_px
PLANE_M = 0.04  # that is looked at
colours = st.tuples(*[st.integers(0, 255)] * 3)


def picture(floor, *things):
    """A floor with squares: (x, y) in metres on the plane that is looked at, and a colour."""
    image = np.full((SIZE, SIZE, 3), floor, np.uint8)
    for (x, y), colour in things:
        column, row = np.rint(GEOMETRY.project([x, y, PLANE_M])).astype(int)
        image[row - 1 : row + 2, column - 1 : column + 2] = colour
    return image


def at(kept, x, y):
    """Before and now at a point of the plane."""
    column, row = np.rint(GEOMETRY.project([x, y, PLANE_M])).astype(int)
    return kept[row, column].tolist()


@given(floor=colours, thing=colours)
def test_of_a_pixel_is_kept_how_far_its_colour_is_from_the_floors(floor, thing):
    eye = BinEye(VIEW, SIZE)
    image = picture(floor, ((0.52, 0.03), thing))
    eye.begin(image)
    kept = eye.see(image)
    assert kept.shape == (SIZE, SIZE, eye.channels) and kept.dtype == np.uint8
    apart = max(abs(a - b) for a, b in zip(floor, thing, strict=True))
    assert at(kept, 0.52, 0.03) == [apart, apart] and at(kept, 0.45, -0.05) == [0, 0]


def test_beside_the_present_picture_stands_the_one_from_before_the_attempt():
    eye, here, there = BinEye(VIEW, SIZE), (0.50, 0.0), (0.58, -0.08)
    with pytest.raises(RuntimeError, match="before begin"):
        eye.see(picture((0, 0, 0)))
    eye.begin(picture((10, 20, 30), (here, (210, 20, 30))))
    for _ in range(2):
        kept = eye.see(picture((10, 20, 30), (there, (110, 20, 30))))
        assert at(kept, *here) == [200, 0] and at(kept, *there) == [0, 100]
    eye.begin(picture((200, 200, 200)))
    assert not eye.see(picture((200, 200, 200))).any(), "a new attempt forgets the one before"


def test_the_floor_is_the_bins():
    mask = VIEW.floor_mask(SIZE)
    half = np.array(TASK.bin.size_m) / 2.0
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    outline = [[*(TASK.bin.centre_m + half * corner), PLANE_M] for corner in corners]
    inside = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(GEOMETRY.project(outline)).astype(np.int32), 1)
    assert mask.sum() > 400 and not (mask & (inside == 0)).any()


def test_a_picture_beside_the_bin_is_refused():
    beside = replace(VIEW, floor_m=(5.0, 5.0, 5.2, 5.2))
    with pytest.raises(ValueError, match="floor is not in the picture"):
        BinEye(beside, SIZE)


def test_a_plain_eye_keeps_pictures_as_they_are():
    eye, image = PlainEye(), picture((1, 2, 3))
    eye.begin(image)
    assert eye.see(image) is image and eye.channels == 3
