"""Grasping from the camera: the rows of `robot-learning verify grasp`, and how a seed is run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_learning.verification.row import Row
from robot_learning.verification.seed_run import COMMAND_LINE, SeedRun


@dataclass(frozen=True)
class AttemptLog:
    """Scripted attempts that rows learn from; collected once for all of them.

    Attributes:
        name: of the folder.
        episodes: in it.
    """

    name: str
    episodes: int


@dataclass(frozen=True, kw_only=True)
class GraspRow(Row):
    """QT-Opt on a world of `robot-learning grasp`; `environment` is its task.

    A seed is trained with `grasp train` and judged with `grasp evaluate` on objects that were
    never seen in training. `steps` counts episodes, those of the log among them.

    Attributes:
        log: learned from; None for a row that does not learn: it judges the script.
        collectors: robots that collect at a time.
        updaters: Bellman updaters beside the trainer.
    """

    log: AttemptLog | None
    collectors: int = 1
    updaters: int = 0

    @property
    def online_episodes(self) -> int:
        """Of training, beside the log's."""
        return self.steps - (self.log.episodes if self.log else 0)


class GraspSeedRun(SeedRun):
    """`grasp collect` once for all, then `grasp train`, then `grasp evaluate`."""

    row: GraspRow

    def preparations(self) -> list[list[str]]:
        """The log, on all cores."""
        log = self.row.log
        if log is None:
            return []
        words = ["--task", self.row.environment, "--episodes", str(log.episodes)]
        words += ["--processes", str(os.cpu_count() or 1), "--out", str(self._log(log))]
        return [[*COMMAND_LINE, "grasp", "collect", *words]]

    def commands(self) -> list[list[str]]:
        """See `SeedRun`."""
        row = self.row
        policy = str(self.run_directory) if row.log else "scripted"
        words = [policy, "--task", row.environment, "--objects", "unseen"]
        judge = [*COMMAND_LINE, "grasp", "evaluate", *words, "--episodes", str(row.episodes)]
        if row.log is None:
            return [[*judge, "--json"]]
        offline = ["--offline", str(self._log(row.log))]
        train = [*COMMAND_LINE, "grasp", "train", *self.arguments(), *offline, *self.where()]
        return [train, [*judge, "--json"]]

    def arguments(self) -> list[str]:
        """See `SeedRun`."""
        row = self.row
        words = ["--task", row.environment, "--seed", str(self.seed), "--scripted-episodes", "0"]
        words += ["--episodes", str(row.online_episodes)]
        workers = row.collectors + row.updaters
        if workers > 1:
            words += ["--collectors", str(row.collectors), "--updaters", str(row.updaters)]
            # They take turns with the trainer on the row's cores.
            words += ["--worker-cpus", f"{row.cores / (workers + 1):.2f}"]
        for key, value in row.hyper_parameters.items():
            words += ["--set", f"{key}={json.dumps(value)}"]
        return words

    def curve(self) -> list[dict[str, Any]]:
        """The noisy policy's rate of success over episodes."""
        return [
            {"steps": row["episodes"], "success": row["success_noisy"]}
            for row in super().curve()
            if "success_noisy" in row
        ]

    def _log(self, log: AttemptLog) -> Path:
        return self.directory.parents[1] / "logs" / log.name


_SCRIPTED = AttemptLog("scripted", 1_500)
_RANDOM = AttemptLog("kuka-random", 10_000)
_BIN: Mapping[str, Any] = {
    "algorithm": "qt_opt",
    "environment": "bin_grasp",
    "measure": "success",
    "unit": "episodes",
    "seeds": 1,
    "episodes": 300,
}
_OFFLINE: Mapping[str, Any] = {**_BIN, "log": _SCRIPTED, "steps": _SCRIPTED.episodes, "bar": None}


def _without(name: str, what: str, **hyper_parameters: Any) -> GraspRow:
    return GraspRow(
        name=f"grasp-{name}", hyper_parameters=hyper_parameters, reference=what, **_OFFLINE
    )


GRASP_ROWS: tuple[GraspRow, ...] = (
    GraspRow(
        name="grasp-script",
        log=None,
        steps=0,
        bar=None,
        reference="for comparison; Kalashnikov et al. 2018: 0.15 to 0.30",
        **{**_BIN, "algorithm": "script"},
    ),
    GraspRow(
        name="grasp-online",  # "grasp" alone is all of the table
        log=_SCRIPTED,
        steps=10_000,
        collectors=2,
        updaters=1,
        cores=2,
        bar=0.80,
        reference="the paper's 0.96 took 580,000 attempts on seven arms",
        **_BIN,
    ),
    _without("offline", "for comparison: the script's attempts alone"),
    _without("one-target", "ablation: without the second target", second_target=False),
    _without("no-lag", "ablation: without the lag of the second", target_lag_updates=0),
    _without("squared", "ablation: squared loss", loss="squared"),
    _without("no-negatives", "ablation: random actions are not worth nothing", negative_weight=0.0),
    _without("whole-picture", "ablation: the paper's view", hand_view=False),
    _without("one-round", "ablation: one round of CEM", cem_rounds=1),
    _without("no-bound", "ablation: targets without the return that followed", return_bound=False),
    GraspRow(
        name="grasp-kuka",
        log=_RANDOM,
        steps=_RANDOM.episodes,
        bar=0.68,
        # Quillen et al. 2018: 15 actions at most.
        hyper_parameters={"gamma": 0.9},
        reference="the best open one; about 0.5 in Quillen et al. 2018",
        **{**_BIN, "environment": "kuka_diverse"},
    ),
)
"""The table of grasping."""
