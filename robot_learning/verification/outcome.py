"""What a row came to over its seeds, and whether that meets its bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from robot_learning.evaluation.statistics import mean_interval, wilson_interval
from robot_learning.verification.row import Row
from robot_learning.verification.seed_run import SeedResult

Curve = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """Figures of one row.

    Attributes:
        row: which.
        results: of each seed.
        curves: rows of metrics of each seed.
        mean: over seeds; None where a seed failed.
        interval95: of the mean return over seeds (Student's t; None for one seed), or of the rate
            of success over all episodes together (Wilson).
        met: None for a row without a bar that is compared with nothing.
        remarks: why it was missed, one line each.
    """

    row: Row
    results: tuple[SeedResult, ...]
    curves: tuple[Curve, ...] = field(repr=False)
    mean: float | None
    interval95: tuple[float, float] | None
    met: bool | None
    remarks: tuple[str, ...] = ()

    @property
    def values(self) -> list[float | None]:
        """The measure of each seed."""
        return [result.value(self.row.measure) for result in self.results]

    def compared(self, others: Mapping[str, Outcome]) -> Outcome:
        """With the comparisons that the row asks for taken into account."""
        missed = list[str]()
        for name in self.row.better_than:
            mine, theirs = self.interval95, others[name].interval95
            if mine is None or theirs is None or mine[0] <= theirs[1]:
                missed.append(f"its interval does not lie above that of {name}")
        if not self.row.better_than:
            return self
        return replace(
            self, met=self.met is not False and not missed, remarks=(*self.remarks, *missed)
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        row = self.row
        return {
            "row": row.name,
            "method": row.algorithm,
            "environment": row.environment,
            "steps": row.steps,
            "hyper_parameters": dict(row.hyper_parameters),
            "best_checkpoint": bool(row.evaluate_every),
            "measure": row.measure,
            "seeds": [
                {
                    "seed": result.seed,
                    "value": value,
                    "seconds": result.seconds,
                    "evaluation": result.evaluation,
                    "error": result.error or None,
                }
                for result, value in zip(self.results, self.values, strict=True)
            ],
            "episodes_each": row.episodes,
            "mean": self.mean,
            "interval95": list(self.interval95) if self.interval95 else None,
            "bar": row.bar,
            "better_than": list(row.better_than),
            "met": self.met,
            "remarks": list(self.remarks),
            "reference": row.reference,
        }


def judge(row: Row, results: Sequence[SeedResult], curves: Sequence[Curve] = ()) -> Outcome:
    """Takes the seeds of a row together; a seed that failed misses the bar."""
    values = [result.value(row.measure) for result in results]
    found = [value for value in values if value is not None]
    remarks = [f"seed {result.seed}: {result.error}" for result in results if result.error]
    if len(found) < len(values):
        if not remarks:
            remarks = [f"{row.environment} does not say what success is"]
        return Outcome(row, tuple(results), tuple(curves), None, None, False, tuple(remarks))
    mean = sum(found) / len(found)
    if row.measure == "success":
        trials = len(found) * row.episodes
        interval: tuple[float, float] | None = wilson_interval(round(mean * trials), trials)
    else:
        interval = mean_interval(found)
    met = None if row.bar is None else mean >= row.bar
    return Outcome(row, tuple(results), tuple(curves), mean, interval, met)
