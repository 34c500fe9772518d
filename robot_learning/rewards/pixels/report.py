"""How good a success classifier is on held-out episodes: figures, and a picture of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from robot_learning.evaluation import wilson_interval
from robot_learning.rewards.pixels.classifier import SuccessClassifier
from robot_learning.rewards.pixels.frames import LabelledEpisode

_BINS = 10
_WORST = 8  # of the mistakes that are shown
_SUCCESS, _FAILURE, _GREY = "#0a7d6c", "#b3541e", "#5f6b76"


class Rate(NamedTuple):
    """A share of pictures or episodes.

    Attributes:
        found: of them.
        n: all.
        wilson95: interval of the share.
    """

    found: int
    n: int
    wilson95: tuple[float, float]

    @classmethod
    def of(cls, found: int, n: int) -> Rate:
        """With its interval."""
        return cls(found, n, wilson_interval(found, n))

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        share = self.found / self.n if self.n else None
        return {"found": self.found, "n": self.n, "share": share, "wilson95": list(self.wilson95)}


class HeldOut(NamedTuple):
    """A classifier on episodes that it never saw.

    Attributes:
        false_positives: of the pictures that show no success, those above the threshold.
        false_negatives: of the pictures that show success, those below it.
        false_episodes: of the episodes without a success, those in which one was said.
        early_episodes: of the episodes with one, those in which it was said before it was there.
        missed_episodes: of the episodes with one, those in which none was said.
        calibration_error: mean distance of stated probabilities and frequencies (Naeini et al.
            2015), 0 to 1.
    """

    false_positives: Rate
    false_negatives: Rate
    false_episodes: Rate
    early_episodes: Rate
    missed_episodes: Rate
    calibration_error: float

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: value.plain() if isinstance(value, Rate) else value
            for name, value in self._asdict().items()
        }


def judge_held_out(
    classifier: SuccessClassifier, episodes: Sequence[LabelledEpisode]
) -> tuple[HeldOut, list[NDArray[np.float64]]]:
    """Figures, and every picture's probability, an array an episode."""
    scores = [classifier.probabilities(episode.images) for episode in episodes]
    flat, labels = np.concatenate(scores), np.concatenate([each.labels for each in episodes])
    above = flat >= classifier.threshold
    without = said = early = missed = successes = 0
    for episode, score in zip(episodes, scores, strict=True):
        first = first_said(score >= classifier.threshold, classifier.hold_steps)
        if not episode.labels.any():
            without += 1
            said += first is not None
            continue
        successes += 1
        missed += first is None
        # The pictures that it was held for are part of the word.
        early += first is not None and not episode.labels[first]
    result = HeldOut(
        Rate.of(int((above & ~labels).sum()), int((~labels).sum())),
        Rate.of(int((~above & labels).sum()), int(labels.sum())),
        Rate.of(said, without),
        Rate.of(early, successes),
        Rate.of(missed, successes),
        calibration_error(flat, labels),
    )
    return result, scores


def first_said(above: NDArray[np.bool_], hold_steps: int) -> int | None:
    """The first picture with which `hold_steps` in a row are above the threshold, or None."""
    held = 0
    for index, high in enumerate(above):
        held = held + 1 if high else 0
        if held >= hold_steps:
            return index
    return None


def calibration_error(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equal width."""
    error = 0.0
    for low, mean, frequency, n in calibration(scores, labels):
        del low
        error += n / len(scores) * abs(mean - frequency)
    return error


def calibration(
    scores: NDArray[np.float64], labels: NDArray[np.bool_]
) -> list[tuple[float, float, float, int]]:
    """Of each bin that is not empty: its lower edge, mean probability, frequency and number."""
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    rows = []
    for index in range(_BINS):
        inside = bins == index
        if inside.any():
            mean, frequency = float(scores[inside].mean()), float(labels[inside].mean())
            rows.append((index / _BINS, mean, frequency, int(inside.sum())))
    return rows


def draw_report(
    classifier: SuccessClassifier,
    episodes: Sequence[LabelledEpisode],
    scores: Sequence[NDArray[np.float64]],
    held_out: HeldOut,
    path: Path,
) -> None:
    """Draws calibration, the two kinds of pictures apart, and the worst mistakes, into a PNG."""
    images = np.concatenate([episode.images for episode in episodes])
    labels = np.concatenate([episode.labels for episode in episodes])
    flat = np.concatenate(list(scores))
    figure = Figure(figsize=(9.0, 7.5), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(4, _WORST, height_ratios=[1.6, 1.6, 1.0, 1.0])
    _draw_calibration(figure.add_subplot(grid[:2, : _WORST // 2]), flat, labels, held_out)
    _draw_apart(figure.add_subplot(grid[:2, _WORST // 2 :]), flat, labels, classifier.threshold)
    for row, (success, order) in enumerate(((False, -flat), (True, flat))):
        kind = np.flatnonzero(labels == success)
        worst = kind[np.argsort(order[kind])][:_WORST]
        for column, index in enumerate(worst):
            panel = figure.add_subplot(grid[2 + row, column])
            panel.imshow(images[index])
            wrong = (flat[index] >= classifier.threshold) != success
            panel.set_title(
                f"{flat[index]:.3f}", fontsize=8, color=_FAILURE if wrong else _GREY, pad=2
            )
            panel.set_xticks([])
            panel.set_yticks([])
            if column == 0:
                panel.set_ylabel("likest failures" if not success else "least like success")
                panel.yaxis.label.set_fontsize(7)
    positives = held_out.false_positives
    low, high = positives.wilson95
    share = positives.found / positives.n if positives.n else 0.0
    figure.suptitle(
        f"success of {classifier.view.task} by {classifier.view.camera}: false positives "
        f"{share:.2%} of pictures (n = {positives.n}, 95 % {low:.2%} to {high:.2%}), "
        f"{held_out.false_episodes.found} of {held_out.false_episodes.n} failed episodes",
        fontsize=10,
        x=0.02,
        ha="left",
    )
    figure.savefig(path)


def _draw_calibration(
    panel: Axes, scores: NDArray[np.float64], labels: NDArray[np.bool_], held_out: HeldOut
) -> None:
    rows = calibration(scores, labels)
    panel.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    means, frequencies = [row[1] for row in rows], [row[2] for row in rows]
    intervals = [wilson_interval(round(row[2] * row[3]), row[3]) for row in rows]
    panel.errorbar(
        means,
        frequencies,
        yerr=[
            [max(0.0, f - low) for f, (low, _) in zip(frequencies, intervals, strict=True)],
            [max(0.0, high - f) for f, (_, high) in zip(frequencies, intervals, strict=True)],
        ],
        fmt="o-",
        color=_SUCCESS,
        markersize=4,
        capsize=3,
    )
    panel.set_xlabel("stated probability of success")
    panel.set_ylabel("frequency (Wilson 95 %)")
    panel.set_title(f"calibration error {held_out.calibration_error:.3f}", fontsize=9, loc="left")


def _draw_apart(
    panel: Axes, scores: NDArray[np.float64], labels: NDArray[np.bool_], threshold: float
) -> None:
    edges = np.linspace(0.0, 1.0, 41).tolist()
    for kind, colour, name in ((False, _FAILURE, "failure"), (True, _SUCCESS, "success")):
        chosen = scores[labels == kind]
        panel.hist(chosen, edges, color=colour, alpha=0.6, label=f"{name} (n = {len(chosen)})")
    panel.axvline(threshold, color=_GREY, linewidth=1)
    panel.set_yscale("log")
    panel.set_xlabel(f"stated probability; threshold {threshold:.3f}")
    panel.set_ylabel("pictures")
    panel.legend(frameon=False, loc="upper center", fontsize=8)
