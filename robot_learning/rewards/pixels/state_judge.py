"""A task that is seen in numbers, judged by pictures: the classifier in the place of positions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from robot_learning.contract import Contract, ContractError
from robot_learning.hardware import RobotState, Scene
from robot_learning.perception.task_camera import task_picture
from robot_learning.replay.images import UInt8
from robot_learning.rewards.judge import Judged, StateJudge
from robot_learning.rewards.pixels.classifier import SuccessClassifier, read_success_classifier
from robot_learning.rewards.pixels.frames import PictureView
from robot_learning.rewards.pixels.judge import PixelJudge


class PixelStateJudge(StateJudge):
    """Success as a classifier of pictures says it; then the reward is 1 and the task ends."""

    def __init__(self, classifier: SuccessClassifier, look: Callable[[], UInt8]) -> None:
        """Judges.

        Args:
            classifier: of the task's picture.
            look: the picture of the present moment, shape (size, size, 3).
        """
        self._judge, self._look = PixelJudge(classifier), look

    def begin(self) -> None:
        """Nothing has been held yet."""
        self._judge.begin()

    def judge(self, state: RobotState, scene: Scene) -> Judged:
        """Judges the present picture; neither state nor scene is looked at."""
        del state, scene
        success = self._judge.judge(self._look()).success
        return Judged(float(success), success, success, math.nan)


def success_view(contract: Contract) -> PictureView:
    """The view of a contract's pictures of success.

    Raises:
        ContractError: its task names none.
    """
    picture = task_picture(contract)
    if picture is None:
        raise ContractError(f"task {contract.task.name} names no picture: give it success_image")
    return PictureView.of(contract.task.name, picture)


def classifier_of(directory: Path, contract: Contract) -> SuccessClassifier:
    """Reads a classifier for a contract's pictures.

    Raises:
        ContractError: the task names no picture, or has goals, of which a picture says nothing.
        ClassifierError: there is none, it is damaged, or judges other pictures.
    """
    if not contract.task.terminates:
        raise ContractError(
            f"task {contract.task.name} has goals: a classifier of pictures cannot judge it"
        )
    return read_success_classifier(directory, success_view(contract))
