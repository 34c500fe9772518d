from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.verification.curves import minutes_between_marks, on_grid


def test_curves_are_put_on_common_steps_as_running_means() -> None:
    curve = [{"steps": 10, "return": 1.0}, {"steps": 20, "return": 3.0}, {"steps": 25}]
    found = on_grid(curve, "return", np.array([5.0, 10.0, 30.0]))
    np.testing.assert_array_equal(found, [math.nan, 1.0, 2.0])


@given(st.floats(0.01, 1e4))
def test_a_panel_of_any_length_has_a_few_marks(minutes: float) -> None:
    assert 2.0 <= minutes / minutes_between_marks(minutes) <= 6.0 + 1e-9


def test_marks_are_at_round_minutes() -> None:
    assert [minutes_between_marks(m) for m in (0.4, 2.5, 10.0, 20.0)] == [0.1, 0.5, 2.0, 5.0]
