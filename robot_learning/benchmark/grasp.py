"""Grasping from the camera: how fast a decision is, and how fast attempts are simulated."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from robot_learning.envs.grasp_env import GraspEnv
from robot_learning.grasping.collect import collect_episode
from robot_learning.grasping.policy import policy_of
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import ContractWorld

DECISION_P99_MAX_S, EPISODES_PER_S_MIN = 0.050, 15.0
PROCESSES = 2
_WARM_UP = 20


def measure_grasp(
    decisions: int, episodes: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measures decisions on one thread and episodes in two processes; rows for the report.

    Args:
        decisions: of the policy, one after the other.
        episodes: of each process.
        say: is told how far it is.
    """
    say(f"decisions: {decisions} searches on one thread")
    seconds = _decisions(decisions)
    median, p99 = np.percentile(seconds, [50, 99]).tolist()
    rows = [
        {
            "what": "decision: picture to action by 2 x 64 samples, p99",
            "value": f"{p99 * 1e3:.1f} ms (p50 {median * 1e3:.1f} ms)",
            "bar": f"<= {DECISION_P99_MAX_S * 1e3:g} ms",
            "met": p99 <= DECISION_P99_MAX_S,
        }
    ]
    say(f"episodes: {episodes} scripted ones in each of {PROCESSES} processes")
    program = (
        f"from robot_learning.benchmark.grasp import print_episodes; print_episodes({episodes})"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    parts = [json.loads(child.communicate()[0].splitlines()[-1]) for child in children]
    for name, key, bar in (
        ("episodes, physics and pictures alone", "world_s", EPISODES_PER_S_MIN),
        ("episodes, all of the environment", "total_s", None),
    ):
        rate = sum(part["episodes"] / part[key] for part in parts)
        steps = sum(part["steps"] for part in parts) / sum(part["episodes"] for part in parts)
        rows.append(
            {
                "what": f"{name}, {PROCESSES} processes",
                "value": f"{rate:.1f} episodes/s of {steps:.0f} steps",
                "bar": "" if bar is None else f">= {bar:g}",
                "met": None if bar is None else rate >= bar,
            }
        )
    return rows


def print_episodes(episodes: int) -> None:
    """Collects scripted episodes and prints how long they took, and the simulated world in them."""
    torch.set_num_threads(1)
    world = ContractWorld("panda", "bin_grasp")
    env, grasper = world.open("train"), world.script()
    assert isinstance(env, GraspEnv)
    for seed in range(episodes):
        env.reset(seed=seed)  # makes the layouts that are not in the cache yet
    spent = _timed(env.hardware)
    begin, steps = time.perf_counter(), 0
    for seed in range(episodes):
        steps += len(collect_episode(env, grasper, seed))
    total_s = time.perf_counter() - begin
    env.close()
    figures = {"episodes": episodes, "steps": steps, "total_s": total_s, "world_s": sum(spent)}
    print(json.dumps(figures))


def _decisions(count: int) -> list[float]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        spaces = ContractWorld("panda", "bin_grasp").spaces
        policy = policy_of(GraspQTOpt(GraspHyperParameters.model_validate({}), spaces, seed=0))
        rng = np.random.default_rng(0)
        shape = (spaces.size_px, spaces.size_px, 3)
        seconds = []
        policy.begin(rng, rng.integers(0, 256, shape, dtype=np.uint8))
        for index in range(count + _WARM_UP):
            image = rng.integers(0, 256, shape, dtype=np.uint8)
            state = rng.random(spaces.state_size).astype(np.float32)
            begin = time.perf_counter()
            policy.act(image, state)
            if index >= _WARM_UP:
                seconds.append(time.perf_counter() - begin)
        return seconds
    finally:
        torch.set_num_threads(threads)


def _timed(hardware: Any) -> list[float]:
    """Wraps what simulates: its calls' seconds go into the list."""
    spent: list[float] = []

    def wrap(name: str) -> None:
        inner = getattr(hardware, name)

        def outer(*arguments: Any) -> Any:
            begin = time.perf_counter()
            result = inner(*arguments)
            spent.append(time.perf_counter() - begin)
            return result

        setattr(hardware, name, outer)

    for name in ("reset", "step", "read_picture"):
        wrap(name)
    return spent
