"""What `robot-learning grasp collect` does."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from robot_learning.commands.fail import fail
from robot_learning.contract import ContractError
from robot_learning.training.progress import ProgressView


def collect_attempts(
    out: Path, robot: str, task: str, episodes: int, processes: int, part: str | None
) -> dict[str, Any] | None:
    """Fills a log with scripted attempts; the figures of all of it.

    Args:
        out: folder of the log.
        robot: of the world.
        task: of the world.
        episodes: in the log at the end.
        processes: that collect.
        part: `index/processes` in one of those processes; no figures then.
    """
    from robot_learning.evaluation import wilson_interval
    from robot_learning.files import FileWriteError, explain
    from robot_learning.grasping.collect_log import (
        CollectError,
        collect_in_processes,
        collect_part,
    )
    from robot_learning.grasping.log import GraspLog, LogError
    from robot_learning.grasping.world import WorldError, find_world
    from robot_learning.training.interrupt import Interrupted, StopRequest

    try:
        world = find_world(task, robot)
        if part is not None:
            index, _, parts = part.partition("/")
            collect_part(world, out, episodes, int(index), int(parts))
            return None
        log = GraspLog(out, world.spaces.sha256)
        command = [sys.executable, "-m", "robot_learning", "grasp", "collect", "--out", str(out)]
        command += ["--robot", robot, "--task", task, "--episodes", str(episodes)]
        began_s = time.monotonic()
        with ProgressView() as progress, StopRequest() as stop:

            def on_progress(missing: int) -> None:
                done = max(0, episodes - missing)
                elapsed_s = time.monotonic() - began_s
                status = {"phase": "collecting", "episodes": f"{done} of {episodes}"}
                progress.show(status | {"elapsed_s": elapsed_s}, now=False)

            collect_in_processes(log, episodes, command, processes, on_progress, stop)
        outcomes = [episode.success for episode in log.episodes()]
        for line in log.damaged:
            print(f"robot-learning: {line}", file=sys.stderr)
        n, successes = len(outcomes), sum(outcomes)
        return {
            "episodes": n,
            "success_rate": successes / n if n else None,
            "wilson95": list(wilson_interval(successes, n)),
            "seconds": round(time.monotonic() - began_s, 1),
            "bytes": sum(path.stat().st_size for path in out.glob("shard-*.npz")),
        }
    except CollectError as error:
        fail(str(error), 1)
    except (ContractError, WorldError, LogError) as error:
        fail(str(error), 2)
    except Interrupted:
        fail(f"stopped; {out} keeps what is whole. Go on with the same command", 130)
    except FileWriteError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(explain(Path(error.filename or out), error), 1)
