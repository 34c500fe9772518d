"""The report of a verification: Markdown for people, JSON for programs, one picture of curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robot_learning.files import write_atomic
from robot_learning.verification.curves import plot_curves
from robot_learning.verification.outcome import Outcome

MARKDOWN, JSON, CURVES = "verification.md", "verification.json", "learning_curves.png"


def write_report(out: Path, outcomes: Sequence[Outcome], about: Mapping[str, Any]) -> None:
    """Writes all three into `out`.

    Args:
        out: the folder of the verification.
        outcomes: of the rows that were run.
        about: machine, revision, date.

    Raises:
        FileWriteError: disk full or the like; what was there before is intact.
    """
    plot_curves(outcomes, out / CURVES)
    write_atomic(out / MARKDOWN, markdown(outcomes, about).encode())
    report = as_json(outcomes, about)
    write_atomic(out / JSON, (json.dumps(report, indent=2, allow_nan=False) + "\n").encode())


def all_met(outcomes: Sequence[Outcome]) -> bool:
    """No bar was missed."""
    return all(outcome.met is not False for outcome in outcomes)


def as_json(outcomes: Sequence[Outcome], about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, as plain values."""
    rows = [outcome.as_json() for outcome in outcomes]
    return {"met": all_met(outcomes), **about, "rows": rows}


def markdown(outcomes: Sequence[Outcome], about: Mapping[str, Any]) -> str:
    """The report as a page."""
    lines = [
        "# Verification",
        "",
        *(f"- {key}: {value}" for key, value in about.items()),
        "",
        "Each seed is trained with `robot-learning train`, or `grasp train`, and its policy judged",
        "without exploration on episodes it did not train on. Interval of a return: of the mean",
        "over seeds, Student's t, 95 %. Interval of a success rate: of all episodes together,",
        "Wilson, 95 %.",
        "",
        "| row | environment | length | measure | mean | 95 % interval | seeds | n | bar | "
        "| ms a decision | reference |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(outcome) for outcome in outcomes),
        "",
        *(f"- {outcome.row.name}: {text}" for outcome in outcomes for text in outcome.remarks),
        "",
        f"![learning curves]({CURVES})",
        "",
        "Curves: training episodes, with exploration; line: mean over seeds; band: lowest to",
        "highest seed; diamonds: the evaluations; dashed: the bar.",
    ]
    return "\n".join(lines) + "\n"


def figures(outcome: Outcome) -> dict[str, str]:
    """Mean, interval, seeds, bar and verdict as they are printed."""
    row, interval = outcome.row, outcome.interval95
    digits = 3 if row.measure == "success" else 1
    numbers = ["failed" if v is None else f"{v:.{digits}f}" for v in outcome.values]
    return {
        "mean": "none" if outcome.mean is None else f"{outcome.mean:.{digits}f}",
        "interval": (
            f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}" if interval else "one seed"
        ),
        "seeds": ", ".join(numbers),
        "n": f"{len(outcome.results)} x {row.episodes}",
        "bar": "" if row.bar is None else f"{row.bar:g}",
        "decision": _decision(outcome),
        "verdict": {True: "met", False: "**missed**", None: ""}[outcome.met],
    }


def _line(outcome: Outcome) -> str:
    row, shown = outcome.row, figures(outcome)
    measure = f"{row.measure}, best checkpoint" if row.evaluate_every else row.measure
    cells = [
        *(row.name, row.environment, row.length, measure),
        *(shown["mean"], shown["interval"], shown["seeds"], shown["n"]),
        *(shown["bar"], shown["verdict"], shown["decision"], row.reference),
    ]
    return f"| {' | '.join(cells)} |"


def _decision(outcome: Outcome) -> str:
    """Median time of a decision, ms, mean over seeds; empty where evaluations do not say."""
    said = [result.evaluation.get("decision_ms") for result in outcome.results if result.evaluation]
    known = [times["median"] for times in said if times]
    return f"{sum(known) / len(known):.1f}" if known else ""
