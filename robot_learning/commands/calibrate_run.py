"""What the verbs of `calibrate` have in common: look, guide, show, and write if asked to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from robot_learning.contract import load_robot
from robot_learning.contract.calibration import CameraCalibration
from robot_learning.contract.edit import difference, edited_file
from robot_learning.contract.load import robot_file
from robot_learning.contract.robot import CameraContract, RobotContract
from robot_learning.files import write_atomic
from robot_learning.perception.calibration.album import Album
from robot_learning.perception.calibration.board import Board, load_board
from robot_learning.perception.calibration.coverage import Coverage, coverage
from robot_learning.perception.calibration.detection import BoardDetector, CalibrationError
from robot_learning.perception.calibration.report_picture import draw_report
from robot_learning.perception.calibration.views import read_picture

_LOOK_PERIOD_S = 0.5
_REPORT = "report"


class _Result(Protocol):
    """What a calibration comes to, as far as all of them are alike."""

    @property
    def left_out(self) -> Sequence[str]: ...


_Found = TypeVar("_Found", bound=_Result)


class UsageError(ValueError):
    """The command was used wrongly; one line."""


@dataclass
class CalibrationRun:
    """What a run is about.

    Attributes:
        folder: of the pictures.
        path: of the robot's file.
        robot: its contract.
        camera: that is calibrated.
        board: that is shown.
        album: of the pictures.
        as_json: standard output is for one JSON object; what guides goes to standard error.
    """

    folder: Path
    path: Path
    robot: RobotContract
    camera: CameraContract
    board: Board
    album: Album
    as_json: bool

    @classmethod
    def open(cls, folder: Path, robot: str, camera: str | None, board: str, as_json: bool) -> Self:
        """Reads robot and board.

        Raises:
            ContractError: one of the files is malformed.
            UsageError: the robot has no such camera.
        """
        contract, sheet = load_robot(robot), load_board(board)
        cameras = {each.name: each for each in contract.cameras}
        name = camera or next(iter(cameras), "")
        if name not in cameras:
            raise UsageError(
                f"robot {contract.name} has no camera {name!r}; known: "
                f"{', '.join(cameras) or 'none'}"
            )
        found = cameras[name]
        detector = BoardDetector(sheet, found.width_px, found.height_px)
        album = Album(folder, detector)
        return cls(folder, robot_file(robot), contract, found, sheet, album, as_json)

    @property
    def console(self) -> Console:
        """For what guides."""
        return Console(stderr=True, soft_wrap=True, highlight=False)

    def covered(self, names: list[str] | None = None) -> Coverage:
        """What the views cover; all of them, or those named."""
        found = self.album.found
        seen = list(found.values()) if names is None else [found[name] for name in names]
        return coverage(seen, self.camera.width_px, self.camera.height_px)

    def look(self) -> None:
        """Looks at new pictures, and says which are of no use."""
        before = set(self.album.refused)
        with Progress(console=self.console, transient=True) as progress:
            bar = progress.add_task("pictures")
            self.album.look(lambda done, total: progress.update(bar, completed=done, total=total))
        for name in self.album.refused.keys() - before:
            self.console.print(f"  {name}: {self.album.refused[name]}", markup=False)

    def guide(self, covered: Coverage, advice: str | None) -> None:
        """Shows the grid, and what to do next."""
        grid = Table(show_header=False, title=f"{len(self.album.found)} views", pad_edge=False)
        for row in covered.counts:
            grid.add_row(*(str(count) if count else "·" for count in row))
        self.console.print(grid)
        self.console.print(f"next: {advice}" if advice else "there are enough")

    def watch(self, advise: Callable[[], tuple[Coverage, str | None]]) -> None:
        """Looks again and again, until there is nothing more to advise or somebody interrupts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.console.print(f"watching {self.folder}; Ctrl-C computes from what is there")
        shown = -1
        try:
            while True:
                self.look()
                if len(self.album.found) != shown:
                    shown = len(self.album.found)
                    covered, advice = advise()
                    self.guide(covered, advice)
                    if advice is None:
                        return
                time.sleep(_LOOK_PERIOD_S)
        except KeyboardInterrupt:
            return

    def require_pictures(self) -> None:
        """There must be something to compute from.

        Raises:
            UsageError: the folder is not there, or holds no picture.
            CalibrationError: no picture shows the board.
        """
        if not self.folder.is_dir():
            raise UsageError(f"{self.folder}: no such folder")
        album = self.album
        if not album.found and not album.refused:
            raise UsageError(f"{self.folder}: there are no pictures in it")
        if not album.found:
            name, reason = next(iter(album.refused.items()))
            raise CalibrationError(
                f"{self.folder}: none of {len(album.refused)} pictures is of use; {name} {reason}"
            )

    def gather(self, advise: Callable[[], tuple[Coverage, str | None]], watch: bool) -> str | None:
        """Looks at the pictures that are there, or that come; what to add to them, if anything.

        Raises:
            UsageError, CalibrationError: as `require_pictures`.
        """
        if watch:
            self.watch(advise)
        if self.folder.is_dir():
            self.look()
        self.require_pictures()
        covered, advice = advise()
        self.guide(covered, advice)
        return advice

    def compute(self, kind: str, calibrate: Callable[[], _Found]) -> _Found:
        """What comes of the pictures; says which were left out.

        Raises:
            CalibrationError: nothing; says what picture to look at.
        """
        try:
            with self.console.status("computing ..."):
                found = calibrate()
        except CalibrationError as error:
            picture = self.draw(kind, f"{self.camera.name}: {error}", {})
            raise CalibrationError(f"{error}; look at {picture}") from None
        for line in found.left_out:
            self.console.print(f"  left out {line}", markup=False)
        return found

    def show(
        self, kind: str, figures: str, names: list[str], errors_px: NDArray[np.float64]
    ) -> dict[str, Any]:
        """Draws and says the result; the facts of it that every calibration has."""
        title = f"{self.robot.name} {self.camera.name}: {len(names)} views, {figures}"
        picture = self.draw(kind, title, dict(zip(names, errors_px.tolist(), strict=True)))
        self.console.print(title)
        return {
            "camera": self.camera.name,
            "views": len(names),
            "coverage": self.covered(names).share,
            "picture": str(picture),
        }

    def draw(self, kind: str, title: str, errors_px: dict[str, float]) -> Path:
        """Writes the picture to look at; its path."""
        path = self.folder / _REPORT / f"{kind}.png"
        newest = read_picture(self.album.newest) if self.album.newest else None
        size = self.camera.width_px, self.camera.height_px
        draw_report(path, title, newest, self.album.found, self.covered(), errors_px, size)
        return path

    def finish(
        self,
        facts: dict[str, Any],
        calibration: CameraCalibration,
        accepted: bool,
        write: bool,
    ) -> bool:
        """Shows the change to the file, makes it if asked to, and says what came of it."""
        before = self.path.read_text(encoding="utf-8")
        place = f"cameras.{self.robot.cameras.index(self.camera)}.calibration"
        after = edited_file(self.path, {place: calibration.model_dump(exclude_none=True)})
        written = write and accepted
        if written:
            write_atomic(self.path.with_name(f"{self.path.name}.bak"), before.encode())
            write_atomic(self.path, after.encode())
        facts |= {
            "accepted": accepted,
            "calibration": calibration.model_dump(mode="json", exclude_none=True),
            "file": str(self.path),
            "written": written,
            "refused": self.album.refused,
        }
        if self.as_json:
            print(json.dumps(facts))
            return accepted
        console = Console(soft_wrap=True, highlight=False)
        console.print(difference(before, after, self.path), markup=False)
        if written:
            console.print(f"written: {self.path} (as it was before: {self.path.name}.bak)")
        elif accepted:
            console.print("nothing is written: add --write")
        console.print(f"look at: {facts['picture']}")
        return accepted
