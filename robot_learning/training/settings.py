"""What a training run was asked to do, resolved: enough to repeat it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from robot_learning.algorithms import HyperParameters
from robot_learning.contract.base import StrictModel

# For sparse goals within 50 steps. Discount: panda-gym's runs in rl-baselines3-zoo. k, share of
# random actions, and the quick targets (0.05 a move): Andrychowicz et al. 2017, appendix A.
_GOAL_DEFAULTS: dict[str, Any] = {
    "gamma": 0.95,
    "hindsight_per_transition": 4,
    "polyak": 0.05,
    "average_share": 0.01,
    "hidden_sizes": (128, 128),
}
_GOAL_EXPLORATION: dict[str, Any] = {"random_action_fraction": 0.1, "warmup_steps": 500}
SPARSE_REWARDS = (-1.0, 0.0)

H = TypeVar("H", bound=HyperParameters)
M = TypeVar("M", bound=StrictModel)


class SettingsError(ValueError):
    """A setting is unknown or out of range. One line says which, and what is possible."""


def resolve_hyper_parameters(
    algorithm: str,
    model: type[H],
    overrides: Sequence[str] | Mapping[str, Any],
    *,
    has_goals: bool,
    rewards: tuple[float, float] | None = SPARSE_REWARDS,
    task_defaults: Mapping[str, Any] | None = None,
) -> H:
    """Defaults for the kind of task, with the user's overrides.

    Args:
        algorithm: name, for errors.
        model: its hyper-parameters.
        overrides: `key=value` strings, as `--set` gives them, or a mapping.
        has_goals: the environment is goal-conditioned.
        rewards: with goals, lowest and highest reward of a step, where they are known: what a
            discounted sum of them cannot be is cut off the critic's target.
        task_defaults: in place of the method's own, where it has such a setting.

    Raises:
        SettingsError: unknown key (with the nearest), or a value out of range.
    """
    given = _known(algorithm, model, overrides)
    exploration = _GOAL_EXPLORATION if model.explores else {}
    defaults = (_GOAL_DEFAULTS | exploration if has_goals else {}) | dict(task_defaults or {})
    chosen = {k: v for k, v in defaults.items() if k in model.model_fields} | given
    if has_goals and rewards is not None and not model.own_rewards:
        horizon = 1.0 / (1.0 - _validated(model, chosen).gamma)
        bounds = {"return_min": rewards[0] * horizon, "return_max": rewards[1] * horizon}
        chosen = {k: v for k, v in bounds.items() if k in model.model_fields} | chosen
    return _validated(model, chosen)


def with_overrides(what: str, model: type[M], overrides: Sequence[str] | Mapping[str, Any]) -> M:
    """A model's defaults, with the user's overrides.

    Args:
        what: whose settings they are, for errors.
        model: of the settings.
        overrides: `key=value` strings, as `--set` gives them, or a mapping.

    Raises:
        SettingsError: unknown key (with the nearest), or a value out of range.
    """
    return _validated(model, _known(what, model, overrides))


def _known(
    what: str, model: type[StrictModel], overrides: Sequence[str] | Mapping[str, Any]
) -> dict[str, Any]:
    given = overrides if isinstance(overrides, Mapping) else parse_overrides(overrides)
    for key in given:
        if key not in model.model_fields:
            near = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(
                f"{what} has no setting {key!r}{hint} "
                f"(known: {', '.join(sorted(model.model_fields))})"
            )
    return dict(given)


def _validated(model: type[M], chosen: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{key}: {message}, found {first['input']!r:.60}") from None


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """`["gamma=0.98", "hidden_sizes=[64,64]"]` to a mapping; values are JSON, or else text.

    Raises:
        SettingsError: no `=`, or a key given twice.
    """
    parsed: dict[str, Any] = {}
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise SettingsError(f"--set {text}: expected key=value")
        if key in parsed:
            raise SettingsError(f"--set {key} is given twice")
        try:
            parsed[key] = json.loads(value)
        except ValueError:
            parsed[key] = value
    return parsed
