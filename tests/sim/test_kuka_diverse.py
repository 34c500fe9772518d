"""The KUKA benchmark out of PyBullet's wheel; it needs a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

PLAY = """
import hashlib, json, sys, warnings
warnings.simplefilter("ignore")
import gymnasium.utils.env_checker
import numpy as np
from robot_learning.grasping.collect import collect_episode
from robot_learning.grasping.world import find_world

world = find_world("kuka_diverse", "panda")
env, grasper = world.open(sys.argv[1]), world.script()
episodes = [collect_episode(env, grasper, seed) for seed in (3, 3, 4)]
down = np.array([0.0, 0.0, -1.0, 0.0], np.float32)
env.reset(seed=1)
heights = []
up = -down
ended = False
while not ended:
    observation, reward, ended, truncated, info = env.step(up)
    heights.append(float(observation["state"][0]))
print(json.dumps({
    "hashes": [hashlib.sha256(e.images.tobytes() + e.actions.tobytes()).hexdigest() for e in episodes],
    "lengths": [len(e) for e in episodes],
    "rewards": [float(e.rewards.sum()) for e in episodes],
    "success": [e.success for e in episodes],
    "terminated": [e.terminated for e in episodes],
    "shape": list(episodes[0].images.shape[1:]),
    "states": heights,
    "up": [reward, ended, truncated, info["is_success"]],
}))
"""  # noqa: E501


@pytest.fixture(scope="module")
def played():
    done = subprocess.run(
        [sys.executable, "-c", PLAY, "unseen"], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_same_seed_gives_the_same_episode(played):
    assert played["hashes"][0] == played["hashes"][1] != played["hashes"][2]


def test_an_attempt_comes_down_grasps_by_itself_and_ends(played):
    assert played["shape"] == [64, 64, 3]
    assert all(5 <= length <= 15 for length in played["lengths"]) and all(played["terminated"])
    assert played["rewards"] == [float(success) for success in played["success"]]


def test_who_stays_up_ends_after_fifteen_actions_with_nothing(played):
    np.testing.assert_allclose(played["states"], np.arange(1, 16) / 15, rtol=1e-6)
    assert played["up"] == [0.0, True, False, False]


def test_a_second_world_in_a_process_is_refused():
    program = (
        "import pybullet; pybullet.connect(pybullet.DIRECT); "
        "from robot_learning.grasping.world import find_world; "
        "find_world('kuka_diverse', 'panda').open('train')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs the first PyBullet world of its process" in done.stderr.splitlines()[-1]
