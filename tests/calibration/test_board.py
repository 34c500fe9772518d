"""The board: true to size on paper, the same as OpenCV's, and refused where it cannot be."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_learning.contract import ContractError, config_dir
from robot_learning.perception.calibration.board import Board, load_board
from robot_learning.perception.calibration.detection import CalibrationError
from robot_learning.perception.calibration.printed_board import draw_board, write_board


@pytest.mark.parametrize("name", ["a4", "a3"])
def test_the_pattern_is_the_one_that_opencv_draws(name: str) -> None:
    board = load_board(name)
    mine = board.picture(4.0)
    theirs = board.charuco.generateImage((mine.shape[1], mine.shape[0]), None, 0, 1)
    assert (mine == theirs).all()


def test_the_printed_page_is_true_to_size(board: Board) -> None:
    figure = draw_board(board)
    dpi = 203.2  # 8 px a millimetre
    figure.set_dpi(dpi)
    figure.canvas.draw()
    page = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    width, height = board.page_mm
    assert page.shape[:2] == pytest.approx((height * 8, width * 8), abs=1)
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    corners, ids, _, _ = cv2.aruco.CharucoDetector(board.charuco).detectBoard(grey)
    assert len(ids) == len(board.corners_m)
    found_mm = (corners.reshape(-1, 2) + 0.5) / 8.0
    true_mm = board.corners_m[ids.ravel(), :2] * 1e3
    offset = (found_mm - true_mm).mean(axis=0)
    assert np.abs(found_mm - true_mm - offset).max() < 0.05
    assert (offset >= 5.0).all()  # what printers leave white


def test_pdf_and_png_are_written_and_nothing_else(board: Board, tmp_path: Path) -> None:
    write_board(board, tmp_path / "board.pdf")
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(CalibrationError, match=r"as \.pdf or \.png"):
        write_board(board, tmp_path / "board.jpg")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("marker_mm: 30.0", "marker_mm: 40.0", r"marker_mm 40\.0 is not below square_mm 40\.0"),
        ("square_mm: 40.0", "square_mm: 60.0", "does not fit on the page"),
        ("4x4_50", "4x4_51", "dictionary"),
        ("rows: 4", "rows: 2", "rows"),
        ("square_mm: 40.0", "square_m: 0.04", "did you mean square_mm"),
    ],
)
def test_a_board_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "board.yaml"
    path.write_text((config_dir() / "boards" / "a4.yaml").read_text().replace(old, new))
    with pytest.raises(ContractError, match=why):
        load_board(path)
