"""Judging over the graph: whatever comes first, it is by what the hand was told at the moment."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_lift import CONTRACT, EMPTY, KINEMATICS, state, with_object

from robot_learning.perception.sight import Seen
from robot_learning.rewards.lift_monitor import LiftMonitor

PERIOD_S = CONTRACT.control_period_s
CLOSE, OPEN, LEAVE = (np.array([0, 0, 0, 0, 0, *grip, -1.0]) for grip in ((1, 0), (0, 1), (0, 0)))


def moment(index, height_m=0.2, width_m=0.03, picture=EMPTY):
    return Seen(10.0 + index * PERIOD_S, state(height_m, width_m), picture)


FIRST = moment(0, 0.3, 0.08, with_object())


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_messages_does_not_matter(order):
    monitor, judged = LiftMonitor(CONTRACT, KINEMATICS), []
    told = [
        lambda: monitor.on_start(FIRST.stamp_s),
        lambda: monitor.on_seen(FIRST),
        lambda: monitor.on_action(FIRST.stamp_s, CLOSE),
        lambda: monitor.on_seen(moment(1)),
    ]
    if order.index(3) < order.index(1):
        return  # pictures of one topic keep their order
    for index in order:
        judged += told[index]()
    assert [(each.stamp_s, each.judgement.success) for each in judged] == [(10.0 + PERIOD_S, True)]


def test_a_moment_is_judged_by_what_the_hand_was_told_before_it_and_not_after():
    monitor = LiftMonitor(CONTRACT, KINEMATICS)
    monitor.on_start(FIRST.stamp_s)
    monitor.on_seen(FIRST)
    monitor.on_action(10.0, CLOSE)
    monitor.on_action(10.0 + PERIOD_S, LEAVE)
    monitor.on_action(10.0 + 2 * PERIOD_S, OPEN)
    seen = [monitor.on_seen(moment(index))[0].judgement.success for index in (1, 2, 3)]
    assert seen == [True, True, False]


def test_an_episode_begins_with_an_open_hand_whatever_the_one_before_did():
    monitor = LiftMonitor(CONTRACT, KINEMATICS)
    monitor.on_start(10.0)
    monitor.on_seen(FIRST)
    monitor.on_action(10.0, CLOSE)
    monitor.on_end()
    assert monitor.on_seen(moment(1)) == [] and not monitor.judging
    begins = moment(20, 0.3, 0.08, with_object())
    monitor.on_start(begins.stamp_s)
    monitor.on_seen(begins)
    monitor.on_action(begins.stamp_s, LEAVE)
    assert not monitor.on_seen(moment(21))[0].judgement.success
