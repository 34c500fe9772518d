"""Who is asked what to do: `--expert DIR`, `--expert scripted` or `--expert module:function`."""

from __future__ import annotations

import importlib
from pathlib import Path

from robot_learning.algorithms import (
    HyperParameters,
    ImitationAlgorithm,
    OffPolicyAlgorithm,
    Spaces,
    named_algorithm,
)
from robot_learning.algorithms.imitation import Expert
from robot_learning.demonstrations.operators import scripted_operator
from robot_learning.training.error_text import one_line
from robot_learning.training.learner_types import RunSettings
from robot_learning.training.policy_file import read_policy

SCRIPTED = "scripted"


class ExpertError(ValueError):
    """There is no such expert, or it does not fit. One line says what is possible."""


def find_expert(settings: RunSettings[HyperParameters], name: str | None) -> Expert | None:
    """Finds whom a run imitates.

    Args:
        settings: of the run.
        name: folder of a policy of ours; `scripted` for the operator of the contract's task; or
            `module:function`, whose result has `act`.

    Raises:
        ExpertError: it is neither, or of other sizes; or the method needs one, or demonstrations,
            and was given none.
        PolicyFileError: the folder holds no sound policy.
    """
    method = named_algorithm(settings.algorithm)
    if not issubclass(method, ImitationAlgorithm):
        if name is not None:
            raise ExpertError(f"{settings.algorithm} asks no expert; leave --expert out")
        imitates = issubclass(method, OffPolicyAlgorithm) and method.needs_demonstrations
        if imitates and not settings.demonstrations:
            raise ExpertError(f"{method.name} has nothing to imitate: give --demonstrations FILE")
        return None
    if name is None:
        if method.asks_expert:
            raise ExpertError(f"{method.name} asks an expert while it learns: give --expert DIR")
        if not (settings.demonstrations or method.learns_alone):
            raise ExpertError(
                f"{method.name} has nothing to imitate: give --demonstrations FILE or --expert DIR"
            )
        return None
    if name == SCRIPTED and settings.contract is not None:
        try:
            return scripted_operator(settings.contract)
        except LookupError as error:
            raise ExpertError(f"--expert {name}: {error.args[0]}") from None
    return _open(name, None if method.expert_sees else settings.spaces)


def _open(name: str, spaces: Spaces | None) -> Expert:
    module, colon, function = name.partition(":")
    if not colon or Path(name).exists():
        return _policy(Path(name), spaces)
    try:
        expert = getattr(importlib.import_module(module), function)()
    except Exception as error:  # code of the user's: whatever it raises is told in one line
        raise ExpertError(f"--expert {name}: {one_line(error)}") from None
    if not callable(getattr(expert, "act", None)):
        raise ExpertError(f"--expert {name}: gave {expert!r:.60}, which has no act()")
    made: Expert = expert
    return made


def _policy(directory: Path, spaces: Spaces | None) -> Expert:
    policy = read_policy(directory).policy
    has = (policy.observation_size, policy.goal_size, policy.action_size)
    if spaces is not None:
        needed = (spaces.observation_size, spaces.goal_size, spaces.action_size)
        if has != needed:
            raise ExpertError(
                f"--expert {directory}: takes (observation, goal, action) of sizes {has}, the "
                f"environment has {needed}"
            )
    return policy
