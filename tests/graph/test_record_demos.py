"""`record_demos.launch.xml` as a person starts it: camera, actor and recorder, files at the end.

The arm follows late, and the policy is shown where it is told to be.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from launched import run_launch

from robot_learning.algorithms import TD3, Spaces, TD3HyperParameters
from robot_learning.contract import config_dir, load_contract
from robot_learning.contract.edit import set_keys
from robot_learning.demonstrations.check_store import check_catalogue, check_files
from robot_learning.demonstrations.episode_file import EpisodeFile, read_episode
from robot_learning.demonstrations.store import Store
from robot_learning.diagnosis.parity import commanded, compare, measured
from robot_learning.hardware import open_hardware
from robot_learning.identification.from_episode import load_motion
from robot_learning.identification.gap import measure_gap
from robot_learning.identification.recording import MotionRecording
from robot_learning.training.policy_file import PolicyFile, save_policy

CONTRACT = load_contract("panda", "reach")
DELAY_S = 0.1

pytestmark = [pytest.mark.graph, pytest.mark.timeout(240)]


def save_untrained(folder: Path) -> None:
    td3 = TD3(Spaces(20, 3, (-1.0,) * 3, (1.0,) * 3), TD3HyperParameters(hidden_sizes=(8, 8)), 0)
    policy = td3.policy().frozen(7)
    save_policy(folder, PolicyFile(policy, "td3", {}, CONTRACT, None, {}))


def assert_shown_where_told(episode: EpisodeFile, motion: MotionRecording) -> None:
    """Observations are of the arm where it was told to be, and not of where it was."""
    zero_ns = episode.facts["/joint_states"].first_ns
    times_s = (np.array(episode.stamps_ns) - zero_ns) * 1e-9
    shown = np.stack([step.observation[:7] for step in episode.steps])
    was = np.stack([np.interp(times_s, motion.stamp_s, q) for q in motion.position_rad.T], axis=1)
    np.testing.assert_allclose(shown[1:], motion.references(times_s)[1:], atol=1e-3)
    assert np.abs(shown - was).max() > 0.005


def test_episodes_of_the_graph_are_recorded_with_camera_and_steps(tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    folder.mkdir()
    save_untrained(folder)
    robot = tmp_path / "late.yaml"
    robot.write_text((config_dir() / "robots" / "panda.yaml").read_text())
    set_keys(robot, {"simulation.control_delay_s": DELAY_S})
    store = Store(tmp_path / "store")
    launched = run_launch(
        "record_demos",
        tmp_path / "log_of_nodes",
        {
            "policy": str(folder),
            "robot": str(robot),
            "anticipate": "true",
            "mode": "lockstep",
            "episodes": "1",
            "out": str(store.folder),
            "operator": "ada",
            "pictures": "false",
        },
    )
    assert launched.code == 0, launched.said

    checked, summaries = check_files(store, store.whole())
    checked.append(check_catalogue(store, summaries))
    assert [f.text for one in checked for f in one.findings if f.level == "error"] == []
    assert not store.unfinished()
    # On a machine with other work an episode may be given up before the one that counts.
    played = [line for line in summaries if line.outcome in ("success", "failure")]
    assert len(played) == 1
    episode = read_episode(store.file(played[0].id))
    assert len(episode.steps) > 10 and episode.info.clock == "lockstep"
    assert episode.steps[0].policy_version == 7
    assert not any(step.is_evaluation for step in episode.steps), "it is there to be learned from"
    assert episode.step_contracts == {CONTRACT.sha256}
    assert list(episode.cameras()) == ["camera"]
    said = {topic for topic, facts in episode.facts.items() if facts.messages}
    assert {
        "/joint_states",
        "/target_pose",
        "/policy/action",
        "/active_action",
        "/executed_action",
        "/arm_controller/joint_trajectory",
        "/reward",
        "/safety/state",
        "/episode_event",
    } <= said
    # The first observation is in the file, though it is older than the news of the beginning.
    assert episode.facts["/joint_states"].first_ns <= episode.stamps_ns[0]
    # Joints mean the same in the bag, in its commands, and in the simulator in this process.
    motion = load_motion(episode.path)
    motion.check()
    assert len(motion.commands) > 10
    assert compare(commanded(motion), measured(motion)).mismatches == ()
    assert_shown_where_told(episode, motion)
    gap = measure_gap(motion, load_contract(robot), partial(open_hardware, "sim"))
    simulated = replace(measured(motion), position=gap.simulated_rad)
    assert compare(measured(motion), simulated).mismatches == ()
    assert gap.plain()["tool_rmse_mm"] < 5.0
