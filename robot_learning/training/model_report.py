"""How good the model of a run is: judged from its folder, on the episodes that no fit saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_learning.algorithms import ALGORITHMS, OffPolicyAlgorithm, Spaces, named_algorithm
from robot_learning.algorithms.model_based import ModelBased
from robot_learning.demonstrations import Demonstrations, read_demonstrations
from robot_learning.dynamics import DynamicsModel, Transitions
from robot_learning.dynamics.doubt import Doubt, doubt
from robot_learning.dynamics.honesty import Ahead, Honesty, examine
from robot_learning.planning.policy import PlannerPolicy
from robot_learning.training.checkpoint import load_checkpoint
from robot_learning.training.learner_files import JOURNAL_FILE
from robot_learning.training.metrics import read_metrics
from robot_learning.training.policy_file import PolicyFile, read_policy
from robot_learning.training.run_directory import RunDirectory

_STARTS_MAX = 2_000
_MISMATCH = ("model_loss", "model_error", "model_error_at_horizon", "model_honest_horizon")


class ModelReportError(ValueError):
    """There is no model to judge, or nothing to judge it by. One line says what to give."""


@dataclass(frozen=True)
class ModelReport:
    """What was found.

    Attributes:
        source: the folder.
        algorithm: that learned the model.
        members: that were asked.
        episodes: that it was judged on.
        transitions: in them.
        held_out: they are those of the run that no fit saw; else they were given.
        ahead: how far the method trusts the model.
        honesty: errors over horizons, and calibration.
        doubt: disagreement beside error.
        mismatch: rows of the run's metrics, an episode each: `steps`, `return` and the figures of
            the model at that time; empty where there are none.
    """

    source: Path
    algorithm: str
    members: int
    episodes: int
    transitions: int
    held_out: bool
    ahead: Ahead
    honesty: Honesty
    doubt: Doubt
    mismatch: list[dict[str, Any]]

    @property
    def warning(self) -> str:
        """A horizon beyond the model's honest range, in one line; empty for none."""
        return self.honesty.beyond(self.ahead)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        honesty = self.honesty
        return {
            "source": str(self.source),
            "algorithm": self.algorithm,
            "members": self.members,
            "episodes": self.episodes,
            "transitions": self.transitions,
            "held_out": self.held_out,
            "looks_ahead": self.ahead.steps,
            "honest_horizon": honesty.honest_horizon(),
            "horizons": list(honesty.horizons),
            "error": list(honesty.error),
            "error_of_no_change": list(honesty.still),
            "starts": list(honesty.starts),
            "coverage": {f"{share:g}": found for share, found in honesty.coverage.items()},
            "disagreement_error_rank_correlation": self.doubt.correlation,
            "objective_mismatch": self.mismatch,
            "warning": self.warning or None,
        }


def judge_model(
    directory: Path, *, episodes: Path | None = None, horizon: int | None = None
) -> ModelReport:
    """Judges the model of a finished or stopped run, or of a planner's policy folder.

    Args:
        directory: of the run, or of the policy.
        episodes: a journal or a store to judge it on instead of the run's held-out episodes.
        horizon: longest to play; by default twice as far as the method looks ahead.

    Raises:
        ModelReportError: it has no model, or there are no episodes to judge it on.
        PolicyFileError, CheckpointError, DemonstrationsError: as reading them.
        DynamicsError: the model was not fitted.
    """
    file = read_policy(directory)
    method = named_algorithm(file.algorithm)
    if not (issubclass(method, OffPolicyAlgorithm) and issubclass(method, ModelBased)):
        known = [name for name, other in ALGORITHMS.items() if issubclass(other, ModelBased)]
        raise ModelReportError(
            f"{directory}: {file.algorithm} learns no model of the dynamics; "
            f"these do: {', '.join(known)}"
        )
    spaces = _spaces(file)
    hyper = method.hyper_parameters.model_validate(file.hyper_parameters)
    algorithm = method(spaces, hyper, 0)
    checkpoint = RunDirectory(directory).checkpoint
    journal = checkpoint / JOURNAL_FILE
    if episodes is None and not journal.exists():
        raise ModelReportError(
            f"{directory} holds no steps of a run: give --episodes FILE, a journal or a store"
        )
    contract = file.contract.sha256 if file.contract else ""
    shown = read_demonstrations(episodes or journal, spaces, contract)
    data = _transitions(shown, spaces)
    if isinstance(file.policy, PlannerPolicy):
        model: DynamicsModel = file.policy.model
    elif found := load_checkpoint(checkpoint):
        algorithm.load_state_dict(found[0], found[1]["algorithm"])
        model = algorithm.model
    else:
        raise ModelReportError(
            f"{directory}: its policy carries no model; give the folder of the run, whose "
            "checkpoint does"
        )
    if episodes is None:
        data = data.split(algorithm.held_out_share)[1]
    ahead = algorithm.ahead
    return ModelReport(
        source=directory,
        algorithm=file.algorithm,
        members=model.members,
        episodes=len(set(data.episodes.tolist())),
        transitions=len(data),
        held_out=episodes is None,
        ahead=ahead,
        honesty=examine(model, data, horizon or 2 * ahead.steps, starts_max=_STARTS_MAX),
        doubt=doubt(model, data),
        mismatch=_mismatch(read_metrics(directory)),
    )


def _spaces(file: PolicyFile) -> Spaces:
    policy = file.policy
    low, high = (tuple(map(float, ends)) for ends in (policy.action_low, policy.action_high))
    return Spaces(policy.observation_size, policy.goal_size, low, high)


def _transitions(shown: Demonstrations, spaces: Spaces) -> Transitions:
    steps = [step for episode in shown.episodes for step in episode]
    return Transitions.of(steps, spaces.normalise_action)


def _mismatch(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Model loss beside return: what is fitted is not what is wanted (Lambert et al. 2020)."""
    return [
        {"steps": row["steps"], "return": row["return"], **_figures(row)}
        for row in rows
        if row.get("return") is not None and row.get("model_error") is not None
    ]


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in _MISMATCH}
