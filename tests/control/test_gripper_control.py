"""The gripper follows the requests that the arm follows, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from robot_learning.contract import load_contract
from robot_learning.control.action import ActionKind
from robot_learning.control.gripper_control import GripperControl

GRASP, REACH = load_contract("panda", "bin_grasp"), load_contract("panda", "reach")
CLOSE, OPEN, LEAVE = (np.array([0, 0, 0, 0, 0, *grip, -1.0]) for grip in ((1, 0), (0, 1), (0, 0)))


class Asked:
    def __init__(self, contract=GRASP):
        self.contract, self.number = contract, 0
        self.control = GripperControl(contract)
        self.control.set_allowed(None)

    def __call__(self, kind, action, age_s=0.0, sha256=None):
        self.number += 1
        stamp_s = 10.0 + self.number
        sha256 = self.contract.sha256 if sha256 is None else sha256
        return self.control.on_request(
            "policy", self.number, kind, action, stamp_s, stamp_s + age_s, sha256
        )


def test_an_action_closes_opens_or_leaves_and_the_way_home_opens():
    asked = Asked()
    widths = []
    for kind, action in [
        (ActionKind.ACTION, CLOSE),
        (ActionKind.ACTION, LEAVE),
        (ActionKind.HOLD, OPEN),
        (ActionKind.ACTION, OPEN),
        (ActionKind.ACTION, CLOSE),
        (ActionKind.HOME, LEAVE),
    ]:
        assert asked(kind, action) is None
        widths.append(asked.control.width_m)
    wide = GRASP.robot.gripper.width_max_m
    assert widths == [0.0, 0.0, 0.0, wide, 0.0, wide]


@pytest.mark.parametrize(
    ("changes", "action", "why"),
    [
        ({"age_s": 0.2}, CLOSE, "stale"),
        ({"sha256": "other"}, CLOSE, "contract"),
        ({}, CLOSE * np.nan, "malformed"),
        ({}, CLOSE[:7], "malformed"),
    ],
)
def test_what_the_arm_would_refuse_moves_no_finger(changes, action, why):
    asked = Asked()
    assert why in asked(ActionKind.ACTION, action, **changes)
    assert asked.control.width_m is None


def test_nothing_moves_until_safety_is_armed():
    asked = Asked()
    asked.control.set_allowed("safety: estop")
    assert asked(ActionKind.ACTION, CLOSE) == "safety: estop"


def test_a_task_without_a_grip_holds_the_contract_s_width():
    asked = Asked(REACH)
    assert asked(ActionKind.ACTION, np.zeros(3)) is None
    assert asked.control.width_m == REACH.task.action.gripper_width_m
