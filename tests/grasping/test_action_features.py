"""A critic sees of an action what the robot makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from grasp_samples import CONTRACT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from robot_learning.contract import BinGraspTask, task_of
from robot_learning.control.tool_command import Grip, read_action, read_grip
from robot_learning.networks.action_features import (
    action_features,
    feature_count,
    first_guess,
    moved_at_random,
    with_whole_grips,
)

TASK = task_of(CONTRACT, BinGraspTask)
NUMBERS = st.one_of(st.sampled_from([-1.0, 0.0, 1.0]), st.floats(-1.0, 1.0, width=32))
ACTIONS = arrays.arrays(np.float32, 8, elements=NUMBERS)
HIGH_M = 0.5  # all ways are equally fast there


@given(action=ACTIONS)
def test_the_features_of_a_tools_action_are_what_the_arm_reads_in_it(action):
    features = action_features("tcp_grasp", torch.from_numpy(action)).numpy()
    command = read_action(TASK.action, action.astype(np.float64), HIGH_M)
    way = features[:3] * TASK.action.speed_max_m_s
    np.testing.assert_allclose(way, command.velocity_m_s, rtol=1e-5, atol=1e-6)
    spin = features[3] * TASK.action.turn_speed_max_rad_s
    assert math.isclose(spin, command.spin_rad_s, rel_tol=1e-5, abs_tol=1e-5)
    grip = {(-1, -1): Grip.LEAVE, (1, -1): Grip.CLOSE, (-1, 1): Grip.OPEN}
    assert grip[int(features[4]), int(features[5])] is command.grip
    assert features[6] == (1.0 if command.terminate else -1.0)


@given(action=ACTIONS)
def test_many_actions_have_the_features_that_each_has_alone(action):
    alone = action_features("tcp_grasp", torch.from_numpy(action))
    many = action_features("tcp_grasp", torch.from_numpy(np.stack([[action, -action]] * 3)))
    assert many.shape == (3, 2, feature_count("tcp_grasp", 8))
    torch.testing.assert_close(many[2, 0], alone)


def test_plain_actions_are_seen_as_they_are():
    action = torch.rand(4)
    assert action_features("plain", action) is action
    assert feature_count("plain", 4) == 4


@pytest.mark.parametrize("meaning", ["tcp_grasp", "plain"])
def test_features_lie_between_minus_one_and_one(meaning):
    actions = torch.empty(1000, 8).uniform_(-1.0, 1.0)
    features = action_features(meaning, actions)
    assert features.shape == (1000, feature_count(meaning, 8))
    assert features.abs().max() <= 1.0 + 1e-6


def test_of_the_first_tries_of_a_search_few_end_the_episode_and_the_rest_is_open():
    drawn = torch.randn(20_000, 8, generator=torch.Generator().manual_seed(0))
    tried = drawn + first_guess("tcp_grasp", 8)
    assert (tried[:, 7] > 0.0).float().mean().item() == pytest.approx(0.16, abs=0.02)
    assert (tried[:, :7] > 0.0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert not first_guess("plain", 4).any()


def test_motions_at_random_come_with_switches_as_they_were_and_end_no_more_often():
    generator = torch.Generator().manual_seed(0)
    actions = torch.empty(4000, 8).uniform_(-1.0, 1.0, generator=generator)
    actions[:, 7] = torch.where(torch.arange(4000) % 40 == 0, 1.0, -1.0)
    drawn = moved_at_random("tcp_grasp", actions, generator)
    assert drawn.shape == actions.shape and drawn.abs().max() <= 1.0
    assert (drawn[:, 7] > 0.0).sum() == 100 and (drawn[:, 7] != actions[:, 7]).any()
    switches = {tuple(row) for row in actions[:, 5:].tolist()}
    assert {tuple(row) for row in drawn[:, 5:].tolist()} == switches
    assert not (drawn[:, :5] == actions[:, :5]).any()
    assert drawn[:, :5].mean().item() == pytest.approx(0.0, abs=0.02)


def test_of_plain_actions_every_number_is_drawn():
    actions = torch.zeros(50, 4)
    drawn = moved_at_random("plain", actions, torch.Generator().manual_seed(0))
    assert (drawn != 0.0).all() and drawn.abs().max() <= 1.0


def test_moving_fingers_finish_and_nothing_ends_meanwhile():
    actions = torch.empty(3, 20, 8).uniform_(-1.0, 1.0)
    opening, closing, still = with_whole_grips(actions, torch.tensor([0.1, -0.1, 0.009]), 0.01)
    assert torch.equal(still, actions[2])
    for moved, grip in ((opening, Grip.OPEN), (closing, Grip.CLOSE)):
        assert {read_grip(row.numpy()) for row in moved} == {(grip, False)}
    assert torch.equal(opening[:, :5], actions[0, :, :5])
