"""`record_demos.launch.xml` as a person starts it: camera, actor and recorder, files at the end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from launched import run_launch

from robot_learning.algorithms import TD3, Spaces, TD3HyperParameters
from robot_learning.contract import load_contract
from robot_learning.demonstrations.check_store import check_catalogue, check_files
from robot_learning.demonstrations.episode_file import read_episode
from robot_learning.demonstrations.store import Store
from robot_learning.diagnosis.parity import commanded, compare, measured
from robot_learning.hardware import open_hardware
from robot_learning.identification.from_episode import load_motion
from robot_learning.identification.gap import measure_gap
from robot_learning.training.policy_file import PolicyFile, save_policy

CONTRACT = load_contract("panda", "reach")

pytestmark = [pytest.mark.graph, pytest.mark.timeout(240)]


def save_untrained(folder: Path) -> None:
    td3 = TD3(Spaces(20, 3, (-1.0,) * 3, (1.0,) * 3), TD3HyperParameters(hidden_sizes=(8, 8)), 0)
    policy = td3.policy().frozen(7)
    save_policy(folder, PolicyFile(policy, "td3", {}, CONTRACT, None, {}))


def test_episodes_of_the_graph_are_recorded_with_camera_and_steps(tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    folder.mkdir()
    save_untrained(folder)
    store = Store(tmp_path / "store")
    launched = run_launch(
        "record_demos",
        tmp_path / "log_of_nodes",
        {
            "policy": str(folder),
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
    gap = measure_gap(motion, CONTRACT, partial(open_hardware, "sim"))
    simulated = replace(measured(motion), position=gap.simulated_rad)
    assert compare(measured(motion), simulated).mismatches == ()
    assert gap.plain()["tool_rmse_mm"] < 5.0
