"""Grasping over the graph, all of it but the messages: the same episodes, and bad pictures."""

from __future__ import annotations

import numpy as np
import pytest
from grasp_graph import SmallGraph
from grasp_samples import WORLD

from robot_learning.control.action import ActionKind
from robot_learning.grasping.collect import collect_episode
from robot_learning.training.actor_types import ActorPhase


@pytest.fixture
def graph():
    made = []

    def make(seeds):
        made.append(SmallGraph(seeds))
        return made[-1]

    yield make
    for each in made:
        each.hardware.close()


def test_an_episode_over_the_graph_is_the_one_in_process(graph):
    # No safety fault ends it: over the graph that would be no attempt. And little is touched:
    # fingers that were opened twice touch things a moment earlier or later.
    seed = 3
    over = graph([seed])
    over.run(lambda: over.episodes)
    env = WORLD.open("train")
    try:
        inside = collect_episode(env, WORLD.script(), seed)
    finally:
        env.close()
    outside = over.episodes[0]
    assert over.given_up() == []
    # The hand was opened before it for a period that moved nothing.
    np.testing.assert_allclose(outside.states, inside.states, atol=1e-4)
    np.testing.assert_allclose(outside.actions, inside.actions, atol=1e-4)
    np.testing.assert_array_equal(outside.rewards, inside.rewards)
    assert np.abs(outside.images.astype(int) - inside.images).mean() < 0.5
    for name in ("terminated", "success", "source", "seed"):
        assert getattr(outside, name) == getattr(inside, name), name


@pytest.mark.parametrize("passed_s", [0.0187, 0.0208])
def test_time_that_passed_by_itself_ends_one_attempt_and_none_after_it(graph, passed_s):
    # A simulator whose arm gets no command brings it to rest, in no whole number of its steps.
    over = graph([3])
    over.run(lambda: over.actor.phase is ActorPhase.RUNNING)
    over.hardware.step(passed_s)
    over.say_state()
    over.run(lambda: over.episodes)
    assert len(over.given_up()) == 1


def broken(picture):
    return picture[:32]


@pytest.mark.parametrize(
    ("camera", "why"),
    [
        (lambda picture: None, "no picture from camera"),
        (lambda picture: picture * 0, "black"),
        (broken, "has shape (32, 64, 3)"),
    ],
    ids=["no picture", "black", "wrong size"],
)
def test_without_a_usable_picture_the_episode_is_given_up_and_the_arm_holds(graph, camera, why):
    over = graph([0])
    over.run(lambda: over.actor.phase is ActorPhase.RUNNING)
    over.camera = camera
    over.run(lambda: over.given_up())
    assert why in over.given_up()[0] and why in over.actor.sight.blind
    asked = len(over.requests)
    over.run(lambda: over.now_s > 30.0)
    assert len(over.requests) == asked and over.episodes == []
    assert why in over.actor.waiting_for

    over.camera = lambda picture: picture
    over.run(lambda: over.actor.phase is ActorPhase.RUNNING)
    assert over.actor.sight.blind is None
    assert ActionKind.ACTION in over.requests[asked:]


def test_a_hand_that_is_closed_at_home_is_opened_before_the_first_picture(graph):
    over = graph([0])
    over.hardware.write_gripper(0.0, 20.0)
    over.hardware.step(1.0)
    over.say_state()
    over.run(lambda: over.actor.phase is ActorPhase.RUNNING)
    assert over.hardware.read_state().gripper_width_m > 0.077
    assert over.requests.count(ActionKind.ACTION) > 5
