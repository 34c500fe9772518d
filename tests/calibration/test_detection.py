"""A picture is of use, or one line says why not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from rendered_views import seen_by

from robot_learning.perception.calibration.board import Board
from robot_learning.perception.calibration.detection import BoardDetector, CalibrationError


@pytest.fixture
def detector(board: Board) -> BoardDetector:
    return BoardDetector(board, 640, 480)


def on_page(board: Board, px_per_mm: float = 1.8) -> np.ndarray:
    picture = np.full((480, 640), 200, np.uint8)
    pattern = board.picture(px_per_mm)
    top, left = (480 - pattern.shape[0]) // 2, (640 - pattern.shape[1]) // 2
    picture[top : top + pattern.shape[0], left : left + pattern.shape[1]] = pattern
    return picture


def test_all_corners_are_found_where_they_are(board: Board, detector: BoardDetector) -> None:
    seen = detector.find(on_page(board))
    assert len(seen) == len(board.corners_m)
    flat, _ = cv2.findHomography(seen.points_m[:, :2], seen.corners_px)
    mapped = cv2.perspectiveTransform(seen.points_m[None, :, :2], flat)[0]
    assert np.abs(mapped - seen.corners_px).max() < 0.1


def test_small_markers_are_read_too(board: Board, detector: BoardDetector) -> None:
    assert len(detector.find(on_page(board, 0.4))) == len(board.corners_m)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"columns": 5, "rows": 4}, "another board than a4"),
        ({"dictionary": "6x6_50"}, "shows no board a4"),
    ],
)
def test_another_board_is_refused(
    board: Board, detector: BoardDetector, changed: dict, why: str
) -> None:
    other = Board.model_validate(board.model_dump() | changed)
    with pytest.raises(CalibrationError, match=why):
        detector.find(on_page(other))


def test_a_picture_without_a_board_is_refused(detector: BoardDetector) -> None:
    clutter = np.random.default_rng(0).integers(0, 255, (480, 640), dtype=np.uint8)
    with pytest.raises(CalibrationError, match="shows no board a4: is it in view"):
        detector.find(clutter)


def test_a_black_picture_is_refused(detector: BoardDetector) -> None:
    with pytest.raises(CalibrationError, match="is black"):
        detector.find(np.zeros((480, 640, 3), np.uint8))


def test_another_resolution_is_refused(board: Board, detector: BoardDetector) -> None:
    large = cv2.resize(on_page(board), (1280, 720))
    with pytest.raises(CalibrationError, match="is 1280 x 720 px, and the contract's camera"):
        detector.find(large)


def test_too_little_of_the_board_is_refused(board: Board, detector: BoardDetector) -> None:
    picture = on_page(board)
    picture[:, 260:] = 90
    with pytest.raises(CalibrationError, match=r"shows \d of the 15 corners|one line of corners"):
        detector.find(picture)


def test_a_board_that_is_seen_from_the_side_is_refused(
    board: Board, detector: BoardDetector
) -> None:
    page = on_page(board)
    flat = cv2.resize(page, (640, 160), interpolation=cv2.INTER_AREA)
    picture = np.full((480, 640), 200, np.uint8)
    picture[160:320] = flat
    with pytest.raises(CalibrationError, match="from too flat an angle"):
        detector.find(picture)


def test_a_bent_board_is_refused(board: Board, detector: BoardDetector) -> None:
    rows, columns = np.mgrid[:480, :640].astype(np.float32)
    bent = cv2.remap(
        on_page(board),
        columns + 12.0 * np.sin(rows / 60.0),
        rows + 12.0 * np.sin(columns / 70.0),
        cv2.INTER_LINEAR,
    )
    with pytest.raises(CalibrationError, match=r"px away from where board a4 has them"):
        detector.find(bent)


def test_a_lens_may_bend_the_board(rendered) -> None:
    assert all(len(seen) >= 6 for seen in seen_by(rendered, rendered.for_lens))
