"""What lies around the hand, seen from above and turned with it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from grasp_samples import CONTRACT, STATE_SIZE, WORLD
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.contract import BinGraspTask, config_dir, task_of
from robot_learning.grasping.world import ContractWorld, GraspSpaces, WorldError
from robot_learning.networks.action_features import action_features
from robot_learning.networks.grasp_critic import SHAPES, GraspCritic
from robot_learning.networks.hand_view import HandFrame, steps_m
from robot_learning.networks.whole_picture import Variation
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.perception.task_camera import task_camera

VIEW = WORLD.spaces.hand_view
assert VIEW is not None
LOW, HIGH = torch.tensor(WORLD.spaces.state_low), torch.tensor(WORLD.spaces.state_high)
FRAME = HandFrame(VIEW, LOW, HIGH)
GEOMETRY = PictureGeometry(task_camera(CONTRACT), task_of(CONTRACT, BinGraspTask).image)
PLANE_M = 0.04
turns = st.floats(-math.pi, math.pi)
offsets = st.tuples(st.floats(-0.06, 0.06), st.floats(-0.06, 0.06))
places = st.tuples(st.floats(0.42, 0.58), st.floats(-0.08, 0.08))


def state(place_m=(0.5, 0.0), turn_rad=0.0):
    values = (LOW + HIGH) / 2.0
    values[VIEW.position_at : VIEW.position_at + 2] = torch.tensor(place_m)
    heading = torch.tensor([math.cos(turn_rad), math.sin(turn_rad)])
    values[VIEW.heading_at : VIEW.heading_at + 2] = heading
    return values[None]


def spot(point_m):
    """A picture (1, 1, 64, 64) that is bright about a point of the plane."""
    column, row = GEOMETRY.project([*point_m, PLANE_M])
    rows, columns = np.mgrid[:64, :64]
    bright = np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / 2.0)
    return torch.from_numpy(bright.astype(np.float32))[None, None]


def seen_at_m(picture, where):
    """Where the view is brightest, from its middle, in metres along its columns and rows."""
    view = FRAME.pictures(picture, where)[0, 0].double()
    steps = steps_m(VIEW).double()
    # A pixel stands for as much as lies between it and its neighbours.
    sides = torch.gradient(steps)[0]
    weights = view * sides * sides[:, None]
    weights = weights / weights.sum()
    return np.array([(weights.sum(0) * steps).sum(), (weights.sum(1) * steps).sum()])


@given(places, turns, offsets)
def test_what_lies_beside_the_hand_is_seen_there_wherever_the_hand_is_and_however_it_is_turned(
    place_m, turn_rad, offset_m
):
    cosine, sine = math.cos(turn_rad), math.sin(turn_rad)
    x, y = offset_m
    point = (place_m[0] + cosine * x - sine * y, place_m[1] + sine * x + cosine * y)
    seen = seen_at_m(spot(point), state(place_m, turn_rad))
    np.testing.assert_allclose(seen, offset_m, atol=0.003)


@given(places, turns, st.sampled_from([(1, -1), (-1, 1), (-1, -1)]))
def test_mirrored_all_of_it_is_mirrored(place_m, turn_rad, signs):
    where = state(place_m, turn_rad)
    mirror = torch.tensor([signs], dtype=torch.float32)
    varied = Variation(torch.zeros(1, 2), mirror)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    plain = FRAME.pictures(picture, where)
    flips = [dim for dim, sign in ((3, signs[0]), (2, signs[1])) if sign < 0]
    torch.testing.assert_close(
        FRAME.pictures(picture, where, varied), plain.flip(flips), rtol=1e-4, atol=1e-4
    )
    actions = torch.tensor([[[0.3, -0.5, 0.2, math.sin(0.7), math.cos(0.7), -1.0, 1.0, -1.0]]])
    features = action_features("tcp_grasp", actions)
    there, mirrored = (FRAME.motions(features, where, v)[0, 0] for v in (None, varied))
    expected = there * torch.tensor([*signs, 1, signs[0] * signs[1], 1, 1, 1])
    torch.testing.assert_close(mirrored, expected)
    known, mirrored = (FRAME.states(where, v)[0, -6:] for v in (None, varied))
    torch.testing.assert_close(mirrored, known * mirror[0].repeat(3))


@given(places, turns)
def test_a_way_and_the_middle_of_the_bin_are_seen_from_the_hand(place_m, turn_rad):
    where = state(place_m, turn_rad)
    to_middle = np.subtract(VIEW.middle_m, place_m)
    features = torch.tensor([[[*to_middle, 0.0, 0.0, -1.0, -1.0, -1.0]]], dtype=torch.float32)
    way = FRAME.motions(features, where)[0, 0, :2]
    known = FRAME.states(where)[0]
    torch.testing.assert_close(known[-4:-2] * VIEW.reach_m, way, atol=1e-6, rtol=1e-5)
    assert len(known) == FRAME.state_features == STATE_SIZE
    assert known[-2:].norm().item() == pytest.approx(1.0, abs=1e-5)


def test_the_view_is_finest_at_its_middle():
    sides = torch.diff(steps_m(VIEW))
    middle = len(sides) // 2
    assert sides.argmin() == middle and sides[middle].item() == pytest.approx(0.0039, abs=2e-4)
    assert (torch.diff(sides[middle:]) > 0).all()
    torch.testing.assert_close(sides, sides.flip(0))


def test_other_light_changes_how_much_colours_differ_and_not_which_do():
    view = torch.rand(5, 2, 8, 8) * (torch.rand(5, 2, 8, 8) > 0.5)
    relit = FRAME.relit(view, torch.Generator().manual_seed(0))
    assert ((relit > 0) == (view > 0)).all() and relit.max() <= 1.0
    assert not torch.equal(relit, view)


def test_a_grasp_is_worth_the_same_at_another_place_that_looks_the_same_from_there():
    critic = GraspCritic(
        SHAPES["small"], FRAME, 8, torch.Generator().manual_seed(0), "tcp_grasp"
    ).eval()
    view = torch.rand(1, 2, VIEW.size_px, VIEW.size_px)
    way, values = np.array([0.6, -0.3]), []
    for turn_rad in (0.0, 1.1):
        where = state((0.5, 0.0), turn_rad)
        cosine, sine = math.cos(turn_rad), math.sin(turn_rad)
        x, y = cosine * way[0] - sine * way[1], sine * way[0] + cosine * way[1]
        action = torch.tensor([[[x, y, -0.2, 0.0, 0.0, -1.0, -1.0, -1.0]]], dtype=torch.float32)
        with torch.no_grad():
            # But for the camera, which is elsewhere as seen from a hand that turned.
            features = FRAME.motions(action_features("tcp_grasp", action), where)
            known = FRAME.states(where)
            known[:, -2:] = 0.0
            vector = torch.cat((features, known[:, None]), -1)
            values.append(critic._judge(critic.encode(view), vector))
    torch.testing.assert_close(*values, rtol=1e-4, atol=1e-5)


def test_a_view_survives_its_way_through_a_file():
    plain = json.loads(json.dumps(asdict(WORLD.spaces)))
    assert GraspSpaces.from_plain(plain) == WORLD.spaces


def test_a_task_whose_picture_does_not_show_the_bin_says_what_to_check(tmp_path):
    text = (config_dir() / "tasks" / "bin_grasp.yaml").read_text()
    task = tmp_path / "beside.yaml"
    task.write_text(
        text.replace("crop_centre: [0.507, 0.53]", "crop_centre: [0.06, 0.08]").replace(
            "crop_side: 0.32", "crop_side: 0.1"
        )
    )
    with pytest.raises(WorldError, match=r"check image\.crop_centre and image\.crop_side"):
        ContractWorld("panda", task)
