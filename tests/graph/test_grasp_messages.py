"""Pictures and grasp episodes as messages: nothing is lost, and what is wrong is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Graph

SCRIPT = Path(__file__).with_name("message_script.py")

pytestmark = [pytest.mark.graph, pytest.mark.timeout(60)]


def test_episodes_orders_and_pictures_come_back_as_they_went_and_wrong_ones_are_named(
    graph: Graph,
) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=graph.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["same"] and said["image"] and said["png"]
    assert said["bytes"] < 1_000_000 and said["seed"] == 123 and said["stamp"] == [7, 500_000_000]
    assert said["ends"] == [True, False, "noisy"]
    assert said["order"] == [[[3, True], [4, False]], [1, 2]]
    for name, why in {
        "uneven": "2 seeds",
        "encoding": "'bgr8', expected 'rgb8'",
        "step": "rows of 64 bytes",
        "cut off": "holds 100 bytes",
        "grey": "1 channels of 8 bits",
        "deep": "3 channels of 16 bits",
        "no image": "does not decode",
    }.items():
        assert why in said[name], said
