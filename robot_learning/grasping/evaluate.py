"""How often a policy lifts something: over episodes that it did not train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from robot_learning.evaluation import wilson_interval
from robot_learning.grasping.collect import collect_episode
from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.script import Grasper
from robot_learning.grasping.world import GraspEnvironment, World

FIRST_SEED = 1_000_000
"""Of evaluation episodes; training begins at 0."""


@dataclass(slots=True)
class GraspEvaluation:
    """Figures of evaluation episodes.

    Attributes:
        successes: of each episode, as the robot judged it.
        lifted: of each episode, as the simulator knows it; empty on a robot.
        steps: of each episode.
        by_object: (lifted, seen) of each object's number.
        faults: episodes that ended in a safety fault.
    """

    successes: list[bool] = field(default_factory=list)
    lifted: list[bool] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    by_object: dict[int, tuple[int, int]] = field(default_factory=dict)
    faults: int = 0

    def as_json(self) -> dict[str, Any]:
        """The figures, as they are reported."""
        n, successes = len(self.successes), sum(self.successes)
        agree = sum(a == b for a, b in zip(self.successes, self.lifted, strict=False))
        return {
            "success_rate": successes / n if n else None,
            "n": n,
            "wilson95": list(wilson_interval(successes, n)),
            "lifted_rate": sum(self.lifted) / n if self.lifted else None,
            "agreement": agree / n if self.lifted else None,
            "mean_steps": sum(self.steps) / n if n else None,
            "faults": self.faults,
            "objects_lifted": {str(k): v[0] for k, v in sorted(self.by_object.items()) if v[0]},
        }


def evaluate(
    world: World,
    env: GraspEnvironment,
    grasper: Grasper,
    episodes: int,
    first_seed: int = FIRST_SEED,
    on_episode: Callable[[int, GraspEpisode], None] | None = None,
) -> GraspEvaluation:
    """Lets somebody try `episodes` times.

    Args:
        world: where.
        env: of that world.
        grasper: who acts.
        episodes: how many.
        first_seed: of the first; the others follow it.
        on_episode: called with the number of episodes done, and the newest.
    """
    result = GraspEvaluation()
    seen: Counter[int] = Counter()
    lifted: Counter[int] = Counter()
    for index in range(episodes):
        episode = collect_episode(env, grasper, first_seed + index)
        result.successes.append(episode.success)
        result.steps.append(len(episode))
        truth = world.look(env)
        if truth is not None:
            seen.update(truth.objects)
            lifted.update(truth.lifted)
            result.lifted.append(bool(truth.lifted))
            result.faults += truth.fault
        if on_episode:
            on_episode(index + 1, episode)
    result.by_object = {number: (lifted[number], count) for number, count in seen.items()}
    return result
