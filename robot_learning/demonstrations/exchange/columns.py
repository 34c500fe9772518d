"""Steps as columns, under the names that both tables here use, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_learning.demonstrations.episode_info import EpisodeInfo
from robot_learning.replay.step import Step
from robot_learning.replay.step_message import STEP_ARRAYS

Array = NDArray[Any]

# Of each column: the step's field and the type that holds it exactly.
SCALARS: dict[str, tuple[str, str]] = {
    "reward": ("reward", "float32"),
    "terminated": ("terminated", "bool"),
    "truncated": ("truncated", "bool"),
    "success": ("success", "bool"),
    "is_intervention": ("is_intervention", "bool"),
    "policy_version": ("policy_version", "int64"),
    "step_number": ("step_number", "int64"),
    "observation_age_s": ("observation_age_s", "float32"),
}


def columns_of(steps: Sequence[Step]) -> dict[str, Array]:
    """Every field of steps: (n,) for numbers, (n, size) for vectors; vectors of size 0 too."""
    columns: dict[str, Array] = {
        name: np.array([getattr(step, field) for step in steps], dtype)
        for name, (field, dtype) in SCALARS.items()
    }
    for name in STEP_ARRAYS:
        columns[name] = np.stack([getattr(step, name) for step in steps])
    return columns


def steps_of(
    columns: Mapping[str, Array], stamps_ns: Sequence[int], info: EpisodeInfo
) -> list[Step]:
    """Back from columns; those that are missing are zero, false or empty.

    `observation` and `executed_action` must be there.
    """
    n = len(stamps_ns)
    found = {name: np.asarray(values) for name, values in columns.items()}
    for name, (_, dtype) in SCALARS.items():
        found.setdefault(name, np.zeros(n, dtype))
    found.setdefault("requested_action", found["executed_action"])
    found.setdefault("gated_action", found["executed_action"])
    if "next_observation" not in found:
        after = found["observation"]
        found["next_observation"] = np.concatenate([after[1:], after[-1:]])
    for name in STEP_ARRAYS:
        found.setdefault(name, np.zeros((n, 0), np.float32))
    numbers = found["step_number"] if found["step_number"].any() else np.arange(n)
    return [
        Step(
            actor_id=info.actor_id,
            step_number=int(numbers[i]),
            episode=info.episode,
            episode_step=i,
            is_evaluation=info.is_evaluation,
            is_intervention=bool(found["is_intervention"][i]),
            terminated=bool(found["terminated"][i]),
            truncated=bool(found["truncated"][i]),
            success=bool(found["success"][i]),
            policy_version=int(found["policy_version"][i]),
            reward=float(found["reward"][i]),
            observation_age_s=float(found["observation_age_s"][i]),
            stamp_s=stamps_ns[i] * 1e-9,
            **{name: np.asarray(found[name][i], np.float32).reshape(-1) for name in STEP_ARRAYS},
        )
        for i in range(n)
    ]
