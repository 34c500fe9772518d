"""Joint states and grips as messages: any order, fingers or a knuckle, what hardware omits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from robot_learning.contract import load_robot
from robot_learning.workspace import graph_environment

SCRIPT = Path(__file__).with_name("joint_message_script.py")

pytestmark = [pytest.mark.graph, pytest.mark.timeout(60)]


def test_a_width_crosses_the_wire_whatever_joints_make_it() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=graph_environment(0),
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    arm = [joint / 10 for joint in range(1, 8)]
    for robot in ("panda", "gen3"):
        assert said[robot]["arm"] == pytest.approx(arm)
        assert said[robot]["gripper"] == pytest.approx([0.04, 0.03, 12.0])
        assert said[robot]["grip"] == pytest.approx([0.02, 25.0])
        assert said[robot]["joints"] == list(load_robot(robot).gripper.joint_names)
        assert said[robot]["without force"] == [0, None]
    # Speed from the widths: 0.4 mm less every 10 ms.
    assert said["kortex"] == pytest.approx([0.0492, -0.04, 0.0])
    assert said["kortex arm"] == pytest.approx(arm)
    assert said["after a pause"] == 0.0
    assert said["franka"] == pytest.approx([0.0, -0.05, -0.05, 0.0])
    assert said["no efforts"] == [0.0] * 7
    for field in ("position", "velocity", "effort"):
        assert f"a {field} that is not finite: joint_3" in said[field]
    assert "finite" in said["bad force"]
