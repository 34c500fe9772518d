"""Old, repeated and future stamps are noticed; a clock that was set back makes nobody blind."""

from __future__ import annotations

import pytest

from robot_learning.perception.freshness import StampCheck
from robot_learning.perception.image_pipeline import ImageError


def test_pictures_of_the_present_pass() -> None:
    check = StampCheck(0.15)
    for n in range(5):
        check.require_newer(100.0 + n / 30, 100.05 + n / 30)
        assert check.late is None


def test_a_picture_that_is_old_when_it_comes_is_said() -> None:
    check = StampCheck(0.15)
    check.require_newer(100.0, 100.4)
    assert check.late is not None and "0.400 s old" in check.late
    check.require_newer(100.5, 100.6)
    assert check.late is None


@pytest.mark.parametrize("again", [100.0, 99.9])
def test_a_stamp_that_is_no_newer_is_refused(again: float) -> None:
    check = StampCheck(0.15)
    check.require_newer(100.0, 100.0)
    with pytest.raises(ImageError, match="no newer than the one before"):
        check.require_newer(again, 100.05)


def test_a_picture_of_the_future_is_said() -> None:
    check = StampCheck(0.15)
    check.require_newer(101.0, 100.0)
    assert check.late is not None and "1.000 s ahead" in check.late


def test_after_the_clock_was_set_back_pictures_pass_again() -> None:
    check = StampCheck(0.15)
    check.require_newer(100.0, 100.0)
    check.require_newer(40.0, 40.05)
    assert check.late is None
