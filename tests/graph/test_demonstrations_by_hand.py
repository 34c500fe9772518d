"""A person alone records a demonstration: no policy, a terminal, one launch file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY, Graph
from person import Eyes, Terminal, slower_contract, steer_by_keys

from robot_learning.algorithms.base import Spaces
from robot_learning.contract import load_contract
from robot_learning.demonstrations import read_demonstrations
from robot_learning.demonstrations.check_episode import check_episode
from robot_learning.demonstrations.store import Store

PROGRAM = Path(sys.executable).with_name("robot-learning")
START, END, DISCARD, SUCCESS = 0, 1, 2, 1  # EpisodeEvent
READY = "is ready: it begins with your first motion"
PAUSE_S = 1.5
TRIES = 8

pytestmark = [pytest.mark.graph, pytest.mark.timeout(240), pytest.mark.real_time]


def shown(store: Store, episode: str) -> dict[str, Any]:
    """What `episodes show` says."""
    command = [PROGRAM, "episodes", "show", episode, "--store", store.folder, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def kinds(eyes: Eyes) -> list[int]:
    eyes.look()
    return [event["event"] for event in eyes.events]


def show_once(eyes: Eyes, terminal: Terminal) -> bool:
    """Acts, pauses, acts again and says that it went well; whether the episode was one that counts.

    A busy test machine may stop the arm, which gives an episode up.
    """
    eyes.events.clear()
    steer_by_keys(terminal, eyes, 0.8)
    time.sleep(PAUSE_S)
    steer_by_keys(terminal, eyes, 0.8)
    terminal.type("1")
    eyes.wait_for("the episode's end", lambda: END in kinds(eyes))
    return next(e["outcome"] for e in eyes.events if e["event"] == END) == SUCCESS


def test_a_person_alone_records_a_demonstration_that_can_be_learned_from(
    graph: Graph, tmp_path: Path
) -> None:
    files, store, terminal = slower_contract(tmp_path), Store(tmp_path / "store"), Terminal()
    arguments = files | {"device": "keyboard", "tty": terminal.path, "episodes": "2"}
    arguments |= {"out": str(store.folder), "operator": "ada", "pictures": "false"}
    log = (tmp_path / "launch.log").open("wb")
    launch = graph.processes["launch"] = subprocess.Popen(
        [
            PROGRAM,
            "launch",
            REPOSITORY / "launch" / "record_demos.launch.xml",
            *(f"{name}:={value}" for name, value in arguments.items()),
            "--log-dir",
            tmp_path / "nodes",
        ],
        env=graph.environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    eyes = Eyes(graph)
    graph.wait_for_log("launch", READY, timeout_s=90)

    # Nobody acts: nothing moves, and nothing begins.
    before = eyes.rest()
    time.sleep(1.0)
    assert eyes.tool() == pytest.approx(before, abs=1e-4)
    assert START not in kinds(eyes) and eyes.who() == "policy"

    def show() -> None:
        """One that counts, however often the test machine stops the arm."""
        for tries in range(1, TRIES + 1):
            said = graph.log("launch").count(READY)
            if show_once(eyes, terminal):
                return
            assert tries < TRIES, eyes.events
            ready_again(said)

    def ready_again(said: int) -> None:
        eyes.wait_for("another episode", lambda: graph.log("launch").count(READY) > said)

    show()
    eyes.wait_for("the next one", lambda: "episode 2 of 2 is ready" in graph.log("launch"))
    said = graph.log("launch").count(READY)
    terminal.type("3")  # on second thoughts
    eyes.wait_for("the mark", lambda: DISCARD in kinds(eyes))
    ready_again(said)
    show()
    eyes.wait_for("the next one", lambda: graph.log("launch").count("episode 2 of 2 is ready") > 1)
    show()
    assert launch.wait(60) == 0, graph.log("launch")
    terminal.close()

    contract = load_contract(files["robot"], files["task"])
    read = [store.read(file) for file in store.whole()]
    found = [about.outcome for _, about in read if about.outcome != "aborted"]
    assert found == ["discarded", "success", "success"]
    episodes = [episode for episode, about in read if about.outcome == "success"]
    for episode in episodes:
        assert [f.text for f in check_episode(episode) if f.level == "error"] == []
        steps = episode.steps
        person = [step for step in steps if step.is_intervention]
        assert steps[0].is_intervention and steps[0].requested_action.any()
        assert steps[-1].truncated and not steps[-1].terminated
        assert sum(bool(step.executed_action.any()) for step in person) > 5
        # What lies between is the arm that comes to rest; the pause is no step.
        rest = [step for step in steps if not step.is_intervention]
        assert not any(step.requested_action.any() for step in rest)
        assert len(steps) < contract.task.episode_steps and len(rest) < 10
        assert np.diff(episode.stamps_ns).max() * 1e-9 > PAUSE_S - 1.0
        # The tool went where the person wanted it.
        assert np.linalg.norm(steps[-1].next_achieved_goal - steps[0].achieved_goal) > 0.02

    episode = episodes[-1]
    steps = episode.steps
    about = shown(store, episode.info.id)
    assert (about["operator"], about["outcome"], about["steps"]) == ("ada", "success", len(steps))
    assert about["interventions"] == sum(step.is_intervention for step in steps)
    spaces = Spaces(20, 3, (-1.0,) * 3, (1.0,) * 3)
    learned = read_demonstrations(store.folder, spaces, contract.sha256)
    assert [len(one) for one in learned.episodes] == [len(one.steps) for one in episodes]
