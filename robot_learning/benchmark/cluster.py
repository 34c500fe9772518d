"""Whether two robots on a Ray cluster of two nodes collect nearly twice as fast as one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from statistics import median
from typing import Any

from robot_learning.grasping.workers import Exploration
from robot_learning.grasping.world import ContractWorld

SPEED_UP_MIN = 1.7
_ROBOT, _TASK = "panda", "bin_grasp"
_STORE_BYTES = 100 * 1024 * 1024
_CPUS = 0.5  # of a node of one, as Ray counts: both sets of robots exist at once, one of them works
_WAIT_S = 1.0


def measure_cluster(episodes: int, rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Collects with one robot and with two, in turns; rows for the report.

    Args:
        episodes: of each robot in a round.
        rounds: of both.
        say: is told how far it is.

    Raises:
        ImportError: Ray is not installed.
    """
    from robot_learning.grasping.ray_workers import RayCollectors

    world = ContractWorld(_ROBOT, _TASK)
    sha256 = world.spaces.sha256
    say("heaps of objects, where they are not in the cache yet")
    with closing(world.open("train")) as env:
        for seed in range((rounds + 1) * episodes + 1):
            env.reset(seed=seed)
    rates: dict[int, list[float]] = {1: [], 2: []}
    with _two_nodes():
        robots = {
            count: RayCollectors(_TASK, _ROBOT, sha256, Exploration(), count, _CPUS)
            for count in rates
        }
        for number in range(-1, rounds):
            say(f"round {number + 1} of {rounds}" if number >= 0 else "warming up")
            for count, those in robots.items():
                # Everybody plays the same episodes in the first round, and others in the next.
                rate = _steps_per_s(those, range(number * episodes, (number + count) * episodes))
                if number >= 0:
                    rates[count].append(rate)
        for those in robots.values():
            those.close()
    ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    return [
        {
            "what": f"collecting on two nodes of one core, {rounds} rounds",
            "value": f"2 robots: {median(rates[2]):.0f} steps/s",
            "against": f"1 robot: {median(rates[1]):.0f} steps/s",
            "ratio": median(ratios),
            "spread": f"{min(ratios):.2f} to {max(ratios):.2f}",
            "bar": f">= {SPEED_UP_MIN:g}",
            "met": median(ratios) >= SPEED_UP_MIN,
        }
    ]


def _steps_per_s(robots: Any, seeds: range) -> float:
    left = [abs(seed) for seed in seeds]
    waiting = steps = 0
    begin = time.perf_counter()
    while left or waiting:
        while left and waiting < robots.capacity:
            robots.ask(left.pop(), False)
            waiting += 1
        for episode in robots.finished(_WAIT_S):
            waiting -= 1
            steps += len(episode)
    return steps / (time.perf_counter() - begin)


@contextmanager
def _two_nodes() -> Iterator[None]:
    """A Ray cluster on this machine, of two nodes with one core each."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    from robot_learning.grasping.ray_workers import connect

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": _STORE_BYTES}
    cluster: Any = Cluster(
        initialize_head=True, head_node_args={**node, "include_dashboard": False}
    )
    try:
        cluster.add_node(**node)
        connect(cluster.address)
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()
