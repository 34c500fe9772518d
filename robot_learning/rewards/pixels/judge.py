"""A judge of one episode: the classifier's word, held for a while, or a person's instead."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from robot_learning.replay.images import UInt8
from robot_learning.rewards.pixels.classifier import SuccessClassifier


class PixelJudgement(NamedTuple):
    """What is thought of a picture.

    Attributes:
        probability: that it shows success.
        held_steps: pictures in a row, this one the last, above the threshold.
        success: they are enough, or a person said so.
        overridden: a person's word stands in the place of the classifier's.
    """

    probability: float
    held_steps: int
    success: bool
    overridden: bool


class PixelJudge:
    """Judges the pictures of one episode after the other, in their order."""

    def __init__(self, classifier: SuccessClassifier, audit: Path | None = None) -> None:
        """Begins an episode.

        Args:
            classifier: that judges.
            audit: JSON lines to which every word of a person is added.
        """
        self._classifier, self._audit = classifier, audit
        self.begin()

    def begin(self) -> None:
        """A new episode."""
        self._held = 0
        self._last = float("nan")
        self._word: bool | None = None

    def judge(self, picture: UInt8) -> PixelJudgement:
        """Judges the next picture, shape (size, size, 3).

        Raises:
            ValueError: it has another size than the classifier's.
        """
        self._last = self._classifier.probability(picture)
        self._held = self._held + 1 if self._last >= self._classifier.threshold else 0
        success = self._held >= self._classifier.hold_steps
        if self._word is not None:
            success = self._word
        return PixelJudgement(self._last, self._held, success, self._word is not None)

    def override(self, success: bool, by: str, episode: str) -> None:
        """A person's word; it holds until the episode ends, and is written down.

        Args:
            success: whether the episode has succeeded.
            by: who says so.
            episode: its number or name.

        Raises:
            OSError: the audit cannot be written; the word does not hold then.
        """
        if self._audit is not None:
            line = {
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "episode": episode,
                "success": success,
                "by": by,
                "probability": None if self._last != self._last else self._last,
                "held_steps": self._held,
                "threshold": self._classifier.threshold,
            }
            with self._audit.open("a") as file:
                file.write(json.dumps(line) + "\n")
        self._word = success
