"""Images in, the policy's image out; bad images and frozen cameras noticed."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.perception.image_pipeline import FreezeDetector, ImageError, ImagePipeline

K = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])


def test_the_centred_square_is_kept_and_resized() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 80:560] = 200  # the square
    out = ImagePipeline(64, 640, 480).process(image)
    assert out.shape == (64, 64, 3) and out.dtype == np.uint8
    assert (out == 200).all()


def test_distortion_is_taken_out() -> None:
    pipeline = ImagePipeline(480, 640, 480)
    pipeline.calibrate(K, np.array([-0.3, 0.1, 0.0, 0.0, 0.0]))
    image = np.zeros((480, 640, 3), np.uint8)
    image[238:243] = 255
    out = pipeline.process(image)
    assert out[240, 240].max() == 255  # the optical axis stays
    image[:] = 0
    image[40:45] = 255  # a line off the axis was bent by the lens, so it moves
    assert pipeline.process(image)[42].mean() < 255


def test_zero_distortion_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    plain, calibrated = ImagePipeline(64, 640, 480), ImagePipeline(64, 640, 480)
    calibrated.calibrate(K, np.zeros(5))
    assert (plain.process(image) == calibrated.process(image)).all()


@pytest.mark.parametrize("shape", [(240, 320, 3), (480, 640), (480, 640, 4), (0, 0, 3)])
def test_an_image_of_another_camera_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="the contract's camera gives"):
        ImagePipeline(64, 640, 480).process(np.zeros(shape, np.uint8))


def test_uncalibrated_camera_info_is_refused() -> None:
    with pytest.raises(ImageError, match=r"focal lengths 0\.0 and 0\.0"):
        ImagePipeline(64, 640, 480).calibrate(np.zeros((3, 3)), np.zeros(5))


def test_a_picture_that_never_changes_is_a_frozen_camera() -> None:
    detector = FreezeDetector(limit=3)
    assert [detector.update(b"same") for _ in range(5)] == [False, False, False, True, True]
    assert not detector.update(b"other")


def test_images_come_out_as_another_camera_would_take_them() -> None:
    wanted = K.copy()
    wanted[:2, 2] += (40.0, -30.0)
    pipeline = ImagePipeline(480, 640, 480, matrix=wanted)
    pipeline.calibrate(K, np.zeros(5))
    image = np.full((480, 640, 3), 20, np.uint8)
    image[235:246, 315:326] = 250  # where K's line of sight meets it
    out = pipeline.process(image)[..., 0]
    rows, columns = np.nonzero(out > 200)
    assert columns.mean() == pytest.approx(320 + 40 - 80, abs=0.6)
    assert rows.mean() == pytest.approx(240 - 30, abs=0.6)
