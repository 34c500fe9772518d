"""Pictures joined to states by their stamps, and those that no decision may rest on."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.hardware import RobotState
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.perception.sight import Sight
from robot_learning.perception.task_camera import task_pipeline

CONTRACT = load_contract("panda", "bin_grasp")
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
ZEROS = np.zeros(7)


def state(stamp_s):
    return RobotState(stamp_s, ZEROS, ZEROS, ZEROS, 0.08, 0.0, 0.0, np.zeros(6))


def sight(*stamps_s):
    made = Sight(CONTRACT, lambda: 0.0)
    for stamp_s in stamps_s:
        made.on_state(state(stamp_s))
    return made


def test_a_picture_goes_with_the_state_nearest_to_its_stamp():
    seen = sight(1.00, 1.01, 1.02, 1.03).on_picture(1.014, PICTURE)
    assert seen.state.stamp_s == 1.01 and seen.stamp_s == 1.014


def test_a_picture_that_comes_first_waits_for_its_state():
    made = sight(1.00)
    assert made.on_picture(1.02, PICTURE) is None
    assert made.on_state(state(1.01)) is None
    assert made.on_state(state(1.02)).state.stamp_s == 1.02
    assert made.on_state(state(1.03)) is None


@pytest.mark.parametrize(
    ("stamp_s", "picture", "why"),
    [
        (1.0, PICTURE, "0.300 s old"),
        (1.3, PICTURE[:32], r"\(32, 64, 3\)"),
        (1.3, PICTURE.astype(np.float32), "shape"),
        (1.3, PICTURE // 32, "black"),
    ],
)
def test_it_is_blind_with_a_reason_until_the_next_good_picture(stamp_s, picture, why):
    made = sight(1.0, 1.3)
    assert "no picture yet" in made.blind
    with pytest.raises(ImageError, match=why):
        made.on_picture(stamp_s, picture)
    assert made.blind is not None and "no picture yet" not in made.blind
    made.on_picture(1.3, PICTURE)
    assert made.blind is None


def test_the_whole_image_is_cut_where_the_region_is():
    image = np.zeros((480, 640, 3), np.uint8)
    left, top, side = (round(v) for v in CONTRACT.task.image.crop_px(640, 480))
    image[top : top + side, left : left + side] = 200
    assert (task_pipeline(CONTRACT, 16).process(image) == 200).all()
    assert (task_pipeline(CONTRACT, 16, is_region=True).process(PICTURE) == PICTURE).all()
    with pytest.raises(ValueError, match="names no part"):
        task_pipeline(load_contract("panda", "reach"), 64, is_region=True)
