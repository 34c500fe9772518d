"""Grasping blindly, in many ways."""

from __future__ import annotations

import numpy as np
import pytest
from grasp_samples import CONTRACT

from robot_learning.contract import BinGraspTask, task_of
from robot_learning.control.tool_command import Grip, read_grip
from robot_learning.grasping.script import ScriptedGrasper

TASK = task_of(CONTRACT, BinGraspTask)
PICTURE = np.zeros((64, 64, 3), np.uint8)
LOWEST_M = CONTRACT.workspace.min_m[2]


def play(seed: int, floor_m: float = LOWEST_M) -> list[tuple[np.ndarray, float]]:
    """Actions and the heights at which they were chosen; the arm follows, down to a floor."""
    grasper = ScriptedGrasper(TASK, LOWEST_M)
    grasper.begin(np.random.default_rng(seed))
    height, width, done = 0.3, 0.08, []
    for _ in range(TASK.episode_steps):
        action = grasper.act(PICTURE, np.array([width, 0.0, height], np.float32))
        done.append((action, height))
        grip, ends = read_grip(action)
        if ends:
            break
        width = max(0.0, width - 0.01) if grip is Grip.CLOSE else width
        speed = TASK.action.speed_m_s(height) if action[2] < 0 else TASK.action.speed_max_m_s
        height = max(floor_m, height + float(action[2]) * speed / TASK.control_hz)
    return done


def closed_at(done):
    return next((height for action, height in done if read_grip(action)[0] is Grip.CLOSE), None)


def test_every_action_is_in_range_and_the_seed_alone_decides():
    for seed in range(30):
        one, other = play(seed), play(seed)
        assert all((np.abs(action) <= 1.0).all() for action, _ in one)
        assert all((a == b).all() for (a, _), (b, _) in zip(one, other, strict=True))


def test_most_close_low_some_early_and_most_end_high():
    runs = [play(seed) for seed in range(200)]
    heights = np.array([closed_at(done) or 1.0 for done in runs])
    assert 0.5 < (heights < LOWEST_M + 0.04).mean() < 0.9
    assert (heights > 0.1).mean() > 0.08
    ends = [height for done in runs for action, height in done[-1:] if read_grip(action)[1]]
    assert np.mean(np.array(ends) > TASK.success.height_min_m) > 0.8 and len(ends) > 120


@pytest.mark.parametrize("floor_m", [0.06, 0.1])
def test_it_closes_where_something_stops_it(floor_m):
    heights = np.array([closed_at(play(seed, floor_m)) or 1.0 for seed in range(100)])
    assert (heights < floor_m + 0.02).mean() > 0.5


def test_episodes_go_different_ways():
    ways = np.stack([play(seed)[0][0][:2] for seed in range(100)])
    assert (ways.std(axis=0) > 0.15).all()
