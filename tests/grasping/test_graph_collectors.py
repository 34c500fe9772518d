"""Orders and episodes between a run and actors elsewhere: once each, whoever is killed."""

from __future__ import annotations

import pytest
from grasp_samples import WORLD, make_episode

from robot_learning.envs.robot_env import scene_seed
from robot_learning.grasping.graph_collectors import DeliveryError, GraphCollectors
from robot_learning.grasping.log import GraspLog, to_bytes
from robot_learning.grasping.orders import RESEND_AFTER_S, Orders, Wanted
from robot_learning.grasping.workers import Exploration

SHA = WORLD.spaces.sha256


def collectors(folder):
    return GraphCollectors(
        WORLD.spaces, GraspLog(folder / "log", SHA), GraspLog(folder / "inbox", SHA), 9
    )


def sent(seed, **changes):
    return to_bytes([make_episode(seed)], changes.get("sha256", SHA))


def test_an_episode_is_taken_once_and_acknowledged_every_time(tmp_path):
    made = collectors(tmp_path)
    made.ask(3, False)
    made.ask(4, True)
    assert made.order() == ([Wanted(3, False), Wanted(4, True)], [])
    made.deliver(3, sent(3))
    made.deliver(3, sent(3))
    assert [episode.seed for episode in made.finished(0.0)] == [3]
    assert made.order() == ([Wanted(4, True)], [3]) and made.duplicates == 1
    assert made.finished(0.0) == []


def test_what_was_acknowledged_is_there_after_a_kill_and_goes_to_the_log_once(tmp_path):
    first = collectors(tmp_path)
    for seed in (0, 1):
        first.ask(seed, False)
        first.deliver(seed, sent(seed))
    episodes = first.finished(0.0)
    GraspLog(tmp_path / "log", SHA).write(episodes[:1])  # and killed before the next shard

    second = collectors(tmp_path)
    assert GraspLog(tmp_path / "inbox", SHA).numbers() == [1]
    second.ask(1, False)
    assert second.order()[0] == []
    assert [episode.seed for episode in second.finished(0.0)] == [1]
    second.deliver(0, sent(0))
    assert second.duplicates == 1 and second.order()[1] == [0]
    GraspLog(tmp_path / "log", SHA).write(episodes[1:])
    second.close()
    assert GraspLog(tmp_path / "inbox", SHA).numbers() == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (sent(3)[:-40], "damaged"),
        (sent(3, sha256="c" * 64), "contract cccccccccccc"),
        (sent(4), "as the one of seed 3"),
        (to_bytes([make_episode(3, size_px=32)], SHA), "sizes"),
        (to_bytes([make_episode(3, steps=WORLD.spaces.steps_max + 1)], SHA), "101 steps"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_and_not_acknowledged(tmp_path, data, why):
    made = collectors(tmp_path)
    made.ask(3, False)
    with pytest.raises(DeliveryError, match=why):
        made.deliver(3, data)
    assert made.order() == ([Wanted(3, False)], [])


def test_an_episode_that_a_killed_learner_asked_for_is_taken_before_the_next_one_asks(tmp_path):
    made = collectors(tmp_path)
    made.deliver(5, sent(5))
    assert made.finished(0.0) == [] and made.order() == ([], [5])
    made.ask(5, False)
    assert [episode.seed for episode in made.finished(0.0)] == [5]


def test_a_seed_of_another_run_is_refused(tmp_path):
    with pytest.raises(DeliveryError, match="below 9"):
        collectors(tmp_path).deliver(9, sent(9))


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def test_an_attempt_is_made_once_and_sent_until_it_is_acknowledged():
    clock = Clock()
    orders = Orders(WORLD, Exploration(), clock)
    assert "order" in orders.plan()
    orders.take([Wanted(7, False), Wanted(8, False)], [], done=False)
    assert orders.plan().seed == scene_seed(7)
    orders.keep(7, "episode")
    assert orders.plan().seed == scene_seed(8) and orders.due() == []
    clock.now_s += RESEND_AFTER_S + 0.1
    assert orders.due() == ["episode"] and orders.resent == 1
    orders.take([Wanted(8, False)], [7], done=False)
    assert len(orders) == 0
    orders.take([], [7], done=True)
    assert "done" in orders.plan()


def test_a_scene_is_drawn_as_in_process_and_another_try_draws_other_actions():
    env = WORLD.open("train")
    try:
        env.reset(seed=7)
        before = env.hardware.read_scene()["object_position_m"]
        env.hardware.redraw_scene(scene_seed(7))
        after = env.hardware.read_scene()["object_position_m"]
        observation, _ = env.reset(seed=7)
    finally:
        env.close()
    assert before.shape == after.shape and abs(before - after).max() < 1e-6
    orders = Orders(WORLD, Exploration(), Clock())
    orders.take([Wanted(7, False)], [], done=False)
    actions = []
    for _ in range(2):
        orders.plan()
        actions.append(orders.choose(observation["image"], observation["state"]).action)
    assert abs(actions[0] - actions[1]).max() > 1e-3
