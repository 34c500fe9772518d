"""Scripted attempts into a log, by several processes, resumable: the first, offline data.

Shard k holds the episodes of seeds from 50 k on. Whoever finds it on disk leaves it alone, so a
stopped collection goes on with the same command, and who made which does not matter.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from robot_learning.grasping.collect import collect_episode
from robot_learning.grasping.log import GraspLog
from robot_learning.grasping.run import SHARD_EPISODES
from robot_learning.grasping.world import World
from robot_learning.training.interrupt import StopRequest

_LOOK_EVERY_S = 0.5
_STOP_WITHIN_S = 30.0


class CollectError(RuntimeError):
    """A collecting process failed. One line says how, and what to do."""


def collect_part(world: World, folder: Path, episodes: int, part: int, parts: int) -> None:
    """Collects the missing ones of every `parts`-th shard, from shard `part` on.

    Raises:
        Interrupted: asked to end; only the unfinished shard is lost.
        OSError: the disk is full or the like; the shards before are as they were.
    """
    log, grasper = GraspLog(folder, world.spaces.sha256), world.script()
    missing = missing_shards(log, episodes)
    env = world.open("train")
    try:
        with StopRequest() as stop:
            for number in missing:
                if number % parts != part:
                    continue
                first = number * SHARD_EPISODES
                made = []
                for seed in range(first, min(first + SHARD_EPISODES, episodes)):
                    stop.raise_if_requested()
                    made.append(collect_episode(env, grasper, seed))
                log.write(made, number)
    finally:
        env.close()


def missing_shards(log: GraspLog, episodes: int) -> list[int]:
    """Numbers of the shards that are still to be made, of so many episodes."""
    there = set(log.numbers())
    return [n for n in range(-(-episodes // SHARD_EPISODES)) if n not in there]


def collect_in_processes(
    log: GraspLog,
    episodes: int,
    command: Sequence[str],
    processes: int,
    on_progress: Callable[[int], None],
    stop: StopRequest,
) -> None:
    """Runs `command --part I/N` in N processes until every shard is there.

    Args:
        log: that they write to.
        episodes: to collect in all.
        command: of one process.
        processes: how many.
        on_progress: called with the number of episodes that are still missing, at most.
        stop: ends them.

    Raises:
        Interrupted: asked to end; what is whole stays.
        CollectError: one of them failed.
    """
    children = [
        subprocess.Popen([*command, "--part", f"{index}/{processes}"], stdout=sys.stderr)
        for index in range(processes)
    ]
    try:
        while True:
            on_progress(len(missing_shards(log, episodes)) * SHARD_EPISODES)
            codes = [child.poll() for child in children]
            failed = [code for code in codes if code]
            if failed:
                raise CollectError(
                    f"a collecting process ended with code {failed[0]} (see above); what is whole "
                    "stays: mend the cause and give the same command"
                )
            if all(code == 0 for code in codes):
                return
            stop.raise_if_requested()
            time.sleep(_LOOK_EVERY_S)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
