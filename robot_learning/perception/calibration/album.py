"""The pictures of a folder that may still be filled, each looked at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from robot_learning.perception.calibration.detection import (
    BoardDetector,
    CalibrationError,
    Detection,
)
from robot_learning.perception.calibration.views import pictures_in, read_picture


class Album:
    """What was seen in a folder's pictures.

    Attributes:
        folder: of the pictures.
        found: the board, by the picture's name.
        refused: why a picture is of no use, by its name.
        newest: path of the picture that the board was found in last; None: none yet.
    """

    def __init__(self, folder: Path, detector: BoardDetector) -> None:
        self.folder = folder
        self.found: dict[str, Detection] = {}
        self.refused: dict[str, str] = {}
        self.newest: Path | None = None
        self._detector = detector
        self._looked: dict[str, tuple[int, int]] = {}

    def look(self, on_picture: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Looks at what is new or has changed; how many pictures that was.

        Args:
            on_picture: told how many are done, and of how many, after each.

        Raises:
            CalibrationError: the folder is not there.
        """
        new = []
        for path in pictures_in(self.folder):
            facts = path.stat()
            mark = (facts.st_size, facts.st_mtime_ns)
            if self._looked.get(path.name) != mark:
                new.append((path, mark))
        for done, (path, mark) in enumerate(new, start=1):
            self._looked[path.name] = mark
            self.found.pop(path.name, None)
            self.refused.pop(path.name, None)
            try:
                self.found[path.name] = self._detector.find(read_picture(path))
                self.newest = path
            except CalibrationError as error:
                self.refused[path.name] = str(error)
            on_picture(done, len(new))
        return len(new)
