"""What a policy sees, tries and gets: videos, a sheet of failures, a chart of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from robot_learning.contract import BinGraspTask, task_of
from robot_learning.control.tool_command import read_action
from robot_learning.envs.grasp_env import GraspEnv
from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.policy import GraspPolicy, Judged
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32

SIDE_PX = 512
"""Of a video's picture."""
_BAR_PX = 28
_LOOK_AHEAD_STEPS = 3.0  # how far ahead along its way a tried action is drawn
_SHEET_COLUMNS, _SHEET_SIDE_PX = 8, 128


class EpisodeVideo:
    """Draws one episode, step by step, into an MP4 file.

    Each picture shows what the policy saw, a dot for every action that its search tried, at where
    the tool would go, red for worthless to green for sure, and a bar for the value of the best.
    """

    def __init__(self, env: GraspEnv) -> None:
        self._env = env
        self._task = task_of(env.contract, BinGraspTask)
        cameras = {camera.name: camera for camera in env.contract.robot.cameras}
        self._geometry = PictureGeometry(cameras[self._task.image.camera], self._task.image)
        self.frames: list[UInt8] = []

    def add(self, image: UInt8, judged: Judged) -> None:
        """Draws one step: the picture before it, and what was tried for it."""
        scale = SIDE_PX / self._task.image.size_px
        canvas = cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_NEAREST)
        state = self._env.arm.state
        assert state is not None
        tool = self._env.arm.kinematics.tcp_position(state.position_rad)
        order = np.argsort(judged.values)  # the best on top
        for action, value in zip(judged.tried[order], judged.values[order], strict=True):
            point = self._target(tool, action)
            column, row = self._geometry.project(point) * scale + scale / 2
            centre = (round(float(column)), round(float(row)))
            cv2.circle(canvas, centre, 3, _colour(float(value)), cv2.FILLED, cv2.LINE_AA)
        self.frames.append(np.vstack([canvas, self._bar(judged)]))

    def save(self, path: Path, success: bool) -> None:
        """Writes the file, its last picture held for a second.

        Raises:
            OSError: it cannot be written.
        """
        rate_hz = self._task.control_hz
        size = (SIDE_PX, SIDE_PX + _BAR_PX)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, size)
        if not writer.isOpened():
            raise OSError(f"{path}: the video cannot be written")
        last = self.frames[-1].copy()
        colour = (40, 200, 40) if success else (220, 40, 40)
        cv2.rectangle(last, (0, 0), (SIDE_PX - 1, SIDE_PX - 1), colour, 8)
        for frame in [*self.frames, *[last] * round(rate_hz)]:
            writer.write(frame[..., ::-1])
        writer.release()

    def _target(self, tool_m: NDArray[np.float64], action: Float32) -> NDArray[np.float64]:
        command = read_action(self._task.action, action.astype(float), float(tool_m[2]))
        point: NDArray[np.float64] = tool_m + command.velocity_m_s * (
            _LOOK_AHEAD_STEPS / self._task.control_hz
        )
        return point

    def _bar(self, judged: Judged) -> UInt8:
        bar = np.full((_BAR_PX, SIDE_PX, 3), 32, np.uint8)
        length = round(judged.value * SIDE_PX)
        cv2.rectangle(bar, (0, 0), (length, _BAR_PX), _colour(judged.value), cv2.FILLED)
        gripper = "close" if judged.best[5] > max(0.0, float(judged.best[6])) else "open"
        words = f"Q {judged.value:.2f}  {gripper}" + ("  end" if judged.best[7] > 0.0 else "")
        cv2.putText(bar, words, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 1)
        return bar


class EvaluationPictures:
    """A policy that is watched while it is evaluated; and what is drawn of it in the end.

    Attributes:
        name: the policy's.
    """

    def __init__(self, policy: GraspPolicy, env: Any, folder: Path, videos: int) -> None:
        """Begins.

        Args:
            policy: that acts.
            env: in which; of another benchmark than the contract's there are no videos.
            folder: for the files; it is made.
            videos: of so many successes, and of as many failures.

        Raises:
            OSError: the folder cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.name = policy.name
        self._policy, self._env, self._folder = policy, env, folder
        self._left = {True: videos, False: videos}
        self._video: EpisodeVideo | None = None
        self._failed: list[GraspEpisode] = []

    def begin(self, rng: np.random.Generator, image: UInt8) -> None:
        """A new episode."""
        self._policy.begin(rng, image)
        filmed = any(self._left.values()) and isinstance(self._env, GraspEnv)
        self._video = EpisodeVideo(self._env) if filmed else None

    def act(self, image: UInt8, state: Float32) -> Float32:
        """The policy's action."""
        judged = self._policy.judge(image, state)
        if self._video is not None:
            self._video.add(image, judged)
        return judged.best

    def take(self, episode: GraspEpisode) -> None:
        """An episode has ended."""
        if not episode.success:
            self._failed.append(episode)
        if self._video is not None and self._left[episode.success]:
            self._left[episode.success] -= 1
            outcome = "success" if episode.success else "failure"
            self._video.save(self._folder / f"{outcome}-{episode.seed}.mp4", episode.success)

    def finish(self, by_object: Mapping[int, tuple[int, int]]) -> None:
        """Draws the sheet of failures and the chart of objects."""
        failure_sheet(self._failed, self._folder / "failures.png")
        if by_object:
            object_chart(by_object, self._folder / "objects.png")


def failure_sheet(episodes: Sequence[GraspEpisode], path: Path) -> None:
    """The last picture of every episode that failed, with its seed, as one PNG.

    Raises:
        OSError: it cannot be written.
    """
    cells = []
    for episode in episodes:
        size = (_SHEET_SIDE_PX, _SHEET_SIDE_PX)
        cell = cv2.resize(episode.images[-1], size, interpolation=cv2.INTER_NEAREST)
        words = f"{episode.seed}  {len(episode)} steps"
        cv2.putText(cell, words, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 2)
        cv2.putText(cell, words, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1)
        cells.append(cell)
    blank = np.zeros((_SHEET_SIDE_PX, _SHEET_SIDE_PX, 3), np.uint8)
    cells += [blank] * (-len(cells) % _SHEET_COLUMNS or (0 if cells else _SHEET_COLUMNS))
    rows = [
        np.hstack(cells[first : first + _SHEET_COLUMNS])
        for first in range(0, len(cells), _SHEET_COLUMNS)
    ]
    if not cv2.imwrite(str(path), np.vstack(rows)[..., ::-1]):
        raise OSError(f"{path}: the sheet cannot be written")


def object_chart(by_object: Mapping[int, tuple[int, int]], path: Path) -> None:
    """Of each object, how often it was there and how often it was lifted, as one PNG.

    Raises:
        OSError: it cannot be written.
    """
    ordered = sorted(by_object.items(), key=lambda item: (-item[1][0] / item[1][1], item[0]))
    height = 1.2 + 0.14 * max(4, len(ordered))
    figure = Figure(figsize=(9.0, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    places = np.arange(len(ordered))
    axes.barh(places, [seen for _, (_, seen) in ordered], color="0.85", label="in the bin")
    axes.barh(places, [lifted for _, (lifted, _) in ordered], color="tab:green", label="lifted")
    axes.set_yticks(places, [f"{number:03d}" for number, _ in ordered], fontsize=6)
    axes.invert_yaxis()
    axes.set_xlabel("episodes")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("Objects, most often lifted first")
    axes.legend()
    figure.savefig(path)


def _colour(value: float) -> tuple[int, int, int]:
    """Red for 0 to green for 1, as RGB."""
    share: Any = min(1.0, max(0.0, value))
    return int(230 * (1.0 - share)), int(200 * share), 40
