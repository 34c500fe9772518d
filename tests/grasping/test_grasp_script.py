"""Grasping by rule, in many ways."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import pytest
from grasp_samples import CONTRACT

from robot_learning.contract import BinGraspTask, task_of
from robot_learning.control.tool_command import Grip, read_grip
from robot_learning.envs.observation import field_slices, observation_size
from robot_learning.grasping.script import ScriptedGrasper
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.perception.task_camera import task_camera

TASK = task_of(CONTRACT, BinGraspTask)
LOWEST_M = CONTRACT.workspace.min_m[2]
PLACE = field_slices(CONTRACT)["tcp_position_m"]
MIDDLE_M = np.array(TASK.bin.centre_m)
EMPTY = np.full((64, 64, 3), 90, np.uint8)


def with_object(x_m: float, y_m: float) -> np.ndarray:
    """The picture of an empty bin with a red block of 3 cm at this place."""
    image = EMPTY.copy()
    geometry = PictureGeometry(task_camera(CONTRACT), TASK.image)
    corners = [(x_m + 0.015 * sx, y_m + 0.015 * sy, 0.03) for sx, sy in SQUARE]
    outline = np.rint(geometry.project(corners)).astype(np.int32)
    cv2.fillConvexPoly(image, outline, (200, 30, 30))
    return image


SQUARE = [(-1, -1), (1, -1), (1, 1), (-1, 1)]


class Played(NamedTuple):
    """One step: the action, and where the tool was when it was chosen."""

    action: np.ndarray
    tool_m: np.ndarray


def play(seed: int, floor_m: float = LOWEST_M, picture: np.ndarray = EMPTY) -> list[Played]:
    """The arm follows at once, down to a floor."""
    grasper = ScriptedGrasper(CONTRACT)
    grasper.begin(np.random.default_rng(seed), picture)
    tool, width, done = np.array([*MIDDLE_M, 0.3]), 0.08, []
    for _ in range(TASK.episode_steps):
        state = np.zeros(observation_size(CONTRACT), np.float32)
        state[0], state[PLACE] = width, tool
        action = grasper.act(EMPTY, state)
        done.append(Played(action, tool.copy()))
        grip, ends = read_grip(action)
        if ends:
            break
        width = max(0.0, width - 0.01) if grip is Grip.CLOSE else width
        speed = TASK.action.speed_m_s(tool[2]) if action[2] < 0 else TASK.action.speed_max_m_s
        tool += action[:3] * speed / TASK.control_hz
        tool[2] = max(floor_m, tool[2])
    return done


def closed_at(done: list[Played]) -> np.ndarray | None:
    """Where it closed, and meant to: for longer than a lapse."""
    grips = [read_grip(action)[0] is Grip.CLOSE for action, _ in done]
    for step in range(len(done) - 2):
        if all(grips[step : step + 3]):
            return done[step].tool_m
    return None


def closing_heights_m(runs: list[list[Played]]) -> np.ndarray:
    """1 m where it did not close."""
    places = [closed_at(done) for done in runs]
    return np.array([1.0 if place is None else place[2] for place in places])


def test_every_action_is_in_range_and_the_seed_alone_decides():
    for seed in range(30):
        one, other = play(seed), play(seed)
        assert all((np.abs(action) <= 1.0).all() for action, _ in one)
        assert all((a == b).all() for (a, _), (b, _) in zip(one, other, strict=True))


def test_most_close_low_some_early_and_most_end_high():
    runs = [play(seed) for seed in range(200)]
    heights = closing_heights_m(runs)
    assert 0.55 < (heights < LOWEST_M + 0.04).mean() < 0.9
    assert (heights > 0.1).mean() > 0.08
    ends = [tool[2] for done in runs for action, tool in done[-1:] if read_grip(action)[1]]
    assert np.mean(np.array(ends) > TASK.success.height_min_m) > 0.8 and len(ends) > 120


@pytest.mark.parametrize("floor_m", [0.06, 0.1])
def test_it_closes_where_something_stops_it(floor_m):
    heights = closing_heights_m([play(seed, floor_m) for seed in range(100)])
    assert (heights < floor_m + 0.02).mean() > 0.55


def test_episodes_go_different_ways():
    ways = np.stack([play(seed)[0].action[:2] for seed in range(100)])
    assert (ways.std(axis=0) > 0.15).all()


@pytest.mark.parametrize("place_m", [(0.43, 0.06), (0.56, -0.05)])
def test_about_half_of_them_close_over_what_the_first_picture_shows(place_m):
    runs = [play(seed, picture=with_object(*place_m)) for seed in range(100)]
    closings = [place for place in map(closed_at, runs) if place is not None]
    missed_m = np.linalg.norm(np.array(closings)[:, :2] - place_m, axis=1)
    assert 0.35 < (missed_m < 0.03).mean() < 0.75
    blind = [place for place in map(closed_at, map(play, range(100))) if place is not None]
    assert (np.linalg.norm(np.array(blind)[:, :2] - place_m, axis=1) < 0.03).mean() < 0.2
