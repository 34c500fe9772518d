"""What `robot-learning grasp evaluate` does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from robot_learning.commands.fail import fail
from robot_learning.contract import ContractError
from robot_learning.training.progress import ProgressView


def evaluate_grasping(
    policy: Path,
    robot: str,
    task: str,
    episodes: int,
    objects: str,
    pictures: Path | None,
    videos: int,
) -> dict[str, Any]:
    """Counts how often a policy lifts something; the figures.

    Args:
        policy: folder of a run, or `scripted`.
        robot: of the world.
        task: of the world.
        episodes: how many.
        objects: `train` or `unseen`.
        pictures: folder for videos and sheets; None for none.
        videos: of so many successes, and failures.
    """
    from robot_learning.files import explain
    from robot_learning.grasping.evaluate import evaluate as measure
    from robot_learning.grasping.pictures import EvaluationPictures
    from robot_learning.grasping.policy import GraspPolicy, read_grasp_policy
    from robot_learning.grasping.script import Grasper
    from robot_learning.grasping.world import WorldError, find_world
    from robot_learning.training.policy_bytes import PolicyFileError

    try:
        world = find_world(task, robot)
        grasper: Grasper
        watched: EvaluationPictures | None = None
        if str(policy) == "scripted":
            grasper = world.script()
        else:
            grasper = read_grasp_policy(policy, world.spaces)
        with closing(world.open(objects)) as env, ProgressView() as progress:
            if pictures and isinstance(grasper, GraspPolicy):
                grasper = watched = EvaluationPictures(grasper, env, pictures, videos)
            successes = 0

            def on_episode(done: int, episode: Any) -> None:
                nonlocal successes
                successes += episode.success
                if watched:
                    watched.take(episode)
                progress.show(
                    {"phase": "evaluating", "episodes": f"{successes} lifted of {done}"}, now=False
                )

            result = measure(world, env, grasper, episodes, on_episode=on_episode)
            if watched:
                watched.finish(result.by_object)
            return result.as_json()
    except (ContractError, WorldError, PolicyFileError) as error:
        fail(str(error), 2)
    except OSError as error:
        fail(explain(Path(error.filename or pictures or policy), error), 1)
