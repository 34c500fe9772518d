"""The lens from rendered pictures, against the true one; views that cannot be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rendered_views import seen_by

from robot_learning.benchmark.calibration import lens_errors_percent
from robot_learning.perception.calibration.coverage import coverage, next_lens_view
from robot_learning.perception.calibration.detection import CalibrationError
from robot_learning.perception.calibration.lens import (
    LENS_ERROR_MAX_PERCENT,
    View,
    calibrate_lens,
)


@pytest.fixture(scope="module")
def views(rendered) -> list[View]:
    seen = seen_by(rendered, rendered.for_lens)
    return [View(f"view-{index:02d}", each) for index, each in enumerate(seen)]


def test_the_lens_is_found_within_half_a_percent(rendered) -> None:
    errors = lens_errors_percent(rendered.setup, rendered.lens)
    assert errors.max() <= LENS_ERROR_MAX_PERCENT
    assert rendered.lens.reprojection_error_px < 0.2


def test_the_error_that_is_said_is_the_size_of_the_error_that_is_made(rendered) -> None:
    lens = rendered.lens
    made = abs(lens.matrix[0, 0] - rendered.setup.matrix[0, 0])
    assert made < 4.0 * lens.matrix_error_px[0]
    assert 0.0 < lens.focal_error_percent < LENS_ERROR_MAX_PERCENT


def test_too_few_views_are_refused(views: list[View]) -> None:
    with pytest.raises(CalibrationError, match="9 usable views of the board; at least 10"):
        calibrate_lens(views[:9], 640, 480)


def test_views_that_are_all_alike_are_refused(views: list[View]) -> None:
    rng = np.random.default_rng(0)
    flat = views[0].detection
    alike = []
    for index in range(12):
        shift = rng.uniform(-40.0, 40.0, 2)
        pixels = np.array([320.0, 240.0]) + shift + flat.points_m[:, :2] * 1500.0
        noise = rng.normal(0.0, 0.05, pixels.shape)
        alike.append(View(f"v{index}", replace(flat, corners_px=pixels - 100.0 + noise)))
    with pytest.raises(CalibrationError, match=r"all views are alike.*tilt it by 30 deg"):
        calibrate_lens(alike, 640, 480)


def test_a_spoiled_view_is_left_out_and_named(rendered, views: list[View]) -> None:
    rng = np.random.default_rng(0)
    bad = views[3].detection
    spoiled = replace(bad, corners_px=bad.corners_px + rng.normal(0.0, 3.0, bad.corners_px.shape))
    lens = calibrate_lens([*views[:3], View("spoiled", spoiled), *views[4:]], 640, 480)
    assert [line.split(":")[0] for line in lens.left_out] == ["spoiled"]
    assert lens_errors_percent(rendered.setup, lens).max() <= LENS_ERROR_MAX_PERCENT


def test_the_grid_says_where_the_board_has_not_been(rendered, views: list[View]) -> None:
    right = [v for v in views if v.detection.corners_px[:, 0].min() > 320]
    covered = coverage([view.detection for view in right], 640, 480)
    assert covered.share < 0.6 and covered.emptiest().endswith("left")
    whole = coverage([view.detection for view in views], 640, 480)
    assert whole.counts.sum() == sum(len(view.detection) for view in views)
    lens = rendered.lens
    few = views[:4]
    advice = next_lens_view(few, coverage([], 640, 480), 640, lens.matrix, lens.distortion)
    assert advice is not None
    assert next_lens_view(views, whole, 640, lens.matrix, lens.distortion) is None
