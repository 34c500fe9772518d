from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from robot_learning.verification.curves import _draw, on_grid
from robot_learning.verification.outcome import Outcome
from robot_learning.verification.row import Row


def test_curves_are_put_on_common_steps_as_running_means() -> None:
    curve = [{"steps": 10, "return": 1.0}, {"steps": 20, "return": 3.0}, {"steps": 25}]
    found = on_grid(curve, "return", np.array([5.0, 10.0, 30.0]))
    np.testing.assert_array_equal(found, [math.nan, 1.0, 2.0])


@pytest.mark.parametrize(
    ("steps", "control_hz", "marks"),
    [
        (3_000, 20.0, ["0.5", "1", "1.5", "2", "2.5"]),
        (12_000, 10.0, ["5", "10", "15", "20"]),
        (20_000, None, ["5k", "10k", "15k", "20k"]),
    ],
    ids=["a short run", "a long run", "no robot"],
)
def test_a_panel_of_any_length_has_a_few_round_marks(
    steps: int, control_hz: float | None, marks: list[str]
) -> None:
    row = Row(
        name="td3-reach",
        algorithm="td3",
        environment="reach",
        steps=steps,
        control_hz=control_hz,
        hyper_parameters={},
        bar=None,
        reference="none",
    )
    curve = [{"steps": 1, "return": 1.0}, {"steps": steps, "return": 2.0}]
    panel = Figure().subplots()
    _draw(panel, Outcome(row, (), (curve,), None, None, None))
    panel.figure.canvas.draw()
    low, high = panel.get_xlim()
    ticks = zip(panel.get_xticks(), panel.get_xticklabels(), strict=True)
    assert [label.get_text() for at, label in ticks if low <= at <= high] == marks
