"""A judge of one episode: the classifier's word, held for a while, or a person's instead."""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from robot_learning.replay.images import UInt8
from robot_learning.rewards.pixels.classifier import SuccessClassifier

_GAP_PERIODS = 2.5  # between pictures; after a longer one nothing is known to have held


class PixelJudgement(NamedTuple):
    """What is thought of a picture.

    Attributes:
        probability: that it shows success; NaN before any was seen.
        held_steps: pictures in a row, this one the last, above the threshold.
        success: they are enough, or a person said so.
        overridden: a person's word stands in the place of the classifier's.
    """

    probability: float
    held_steps: int
    success: bool
    overridden: bool


class PixelJudge:
    """Judges the pictures of one episode after the other, in their order.

    Success is said once the classifier's number of pictures in a row are above its threshold and
    as much time has passed from the first to the last as there was between so many when it was
    learned: a camera that is faster than the actions makes nothing hold sooner.
    """

    def __init__(
        self, classifier: SuccessClassifier, period_s: float, audit: Path | None = None
    ) -> None:
        """Begins an episode.

        Args:
            classifier: that judges.
            period_s: of control, which is that of the pictures that it learned from.
            audit: JSON lines to which every word of a person is added; its folder is made.
        """
        self._classifier, self._audit = classifier, audit
        self._hold_s = (classifier.hold_steps - 1) * period_s
        self._gap_max_s = _GAP_PERIODS * period_s
        self.begin()

    @property
    def present(self) -> PixelJudgement:
        """What is thought at present, after the newest picture or word."""
        enough = self._held >= self._classifier.hold_steps
        success = enough and self._newest_s - self._since_s >= self._hold_s - 1e-6
        if self._word is not None:
            success = self._word
        return PixelJudgement(self._last, self._held, success, self._word is not None)

    def begin(self) -> None:
        """A new episode."""
        self._held = 0
        self._since_s = self._newest_s = -math.inf
        self._last = math.nan
        self._word: bool | None = None

    def judge(self, picture: UInt8, stamp_s: float) -> PixelJudgement:
        """Judges the next picture, shape (size, size, 3).

        Args:
            picture: of the classifier's view.
            stamp_s: when it was taken, on its source's clock.

        Raises:
            ValueError: it has another size than the classifier's.
        """
        self._last = self._classifier.probability(picture)
        in_a_row = self._held > 0 and 0.0 < stamp_s - self._newest_s <= self._gap_max_s
        self._newest_s = stamp_s
        if self._last < self._classifier.threshold:
            self._held = 0
        elif in_a_row:
            self._held += 1
        else:
            self._held, self._since_s = 1, stamp_s
        return self.present

    def override(self, success: bool, by: str, episode: str) -> PixelJudgement:
        """A person's word; it holds until the episode ends, and is written down first.

        Args:
            success: whether the episode has succeeded.
            by: who says so.
            episode: its number or name.

        Raises:
            OSError: the audit cannot be written; the word does not hold then.
        """
        before = self.present
        if self._audit is not None:
            line = {
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "episode": episode,
                "success": success,
                "by": by,
                "probability": None if math.isnan(before.probability) else before.probability,
                "held_steps": before.held_steps,
                "threshold": self._classifier.threshold,
                "classifier_success": before.success,
            }
            self._audit.parent.mkdir(parents=True, exist_ok=True)
            with self._audit.open("a") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self._word = success
        return self.present
