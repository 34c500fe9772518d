"""A task that is seen in numbers, judged by pictures: the classifier in the place of positions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from robot_learning.contract import Contract, ContractError, StateTask, task_of
from robot_learning.hardware import RobotState, Scene
from robot_learning.replay.images import UInt8
from robot_learning.rewards.judge import Judged, StateJudge
from robot_learning.rewards.pixels.classifier import SuccessClassifier, read_success_classifier
from robot_learning.rewards.pixels.frames import PictureView
from robot_learning.rewards.pixels.judge import PixelJudge


class PixelStateJudge(StateJudge):
    """Success as a classifier of pictures says it; then the reward is 1 and the task ends."""

    def __init__(
        self, classifier: SuccessClassifier, period_s: float, look: Callable[[], UInt8]
    ) -> None:
        """Judges.

        Args:
            classifier: of the task's picture.
            period_s: of control.
            look: the picture of the present moment, shape (size, size, 3).
        """
        self._judge, self._look = PixelJudge(classifier, period_s), look

    def begin(self) -> None:
        """Nothing has been held yet."""
        self._judge.begin()

    def judge(self, state: RobotState, scene: Scene) -> Judged:
        """Judges the present picture; of state and scene no more than the time is looked at."""
        del scene
        success = self._judge.judge(self._look(), state.stamp_s).success
        return Judged(float(success), success, success, math.nan)


def classifier_of(directory: Path, contract: Contract) -> SuccessClassifier:
    """Reads a classifier for a contract's pictures.

    Raises:
        ContractError: the task names no picture of success, or has goals, of which a picture says
            nothing.
        ClassifierError: there is none, it is damaged, or judges other pictures.
    """
    if not task_of(contract, StateTask).terminates:
        raise ContractError(
            f"task {contract.task.name} has goals: a classifier of pictures cannot judge it"
        )
    return read_success_classifier(directory, PictureView.of(contract))
