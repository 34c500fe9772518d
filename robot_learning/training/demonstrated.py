"""A run that learns from a file of demonstrations too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from robot_learning.algorithms import (
    ALGORITHMS,
    HyperParameters,
    ImitationAlgorithm,
    OffPolicyAlgorithm,
    named_algorithm,
)
from robot_learning.demonstrations import DemonstrationsError, read_demonstrations
from robot_learning.training.learner_types import RunSettings

H = TypeVar("H", bound=HyperParameters)


def with_demonstrations(settings: RunSettings[H], path: Path) -> RunSettings[H]:
    """The same run with the demonstrations in a file.

    Raises:
        DemonstrationsError: the method learns from its own steps alone, or the file does not fit.
    """
    learns_from_others = (OffPolicyAlgorithm, ImitationAlgorithm)
    if not issubclass(named_algorithm(settings.algorithm), learns_from_others):
        known = [n for n, method in ALGORITHMS.items() if issubclass(method, learns_from_others)]
        raise DemonstrationsError(
            f"{settings.algorithm} learns from its own steps alone; with --demonstrations use one "
            f"of: {', '.join(known)}"
        )
    shown = read_demonstrations(path, settings.spaces, settings.contract_sha256)
    return replace(settings, demonstrations=shown)
