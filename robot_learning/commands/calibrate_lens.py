"""`robot-learning calibrate intrinsics`: pictures are taken or read, and a lens comes out."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import cv2
import numpy as np

from robot_learning.commands.calibrate_run import CalibrationRun
from robot_learning.contract.calibration import CameraCalibration
from robot_learning.files import write_atomic
from robot_learning.perception.calibration.coverage import Coverage, next_lens_view
from robot_learning.perception.calibration.detection import (
    BoardDetector,
    CalibrationError,
    Detection,
)
from robot_learning.perception.calibration.lens import (
    LENS_ERROR_MAX_PERCENT,
    View,
    calibrate_lens,
)
from robot_learning.perception.calibration.taking import ViewTaker
from robot_learning.perception.capture import VideoSource
from robot_learning.perception.geometry import camera_matrix

_SILENT_MAX_S = 20.0
_KIND = "intrinsics"


def run_lens(run: CalibrationRun, *, device: str | None, watch: bool, write: bool) -> bool:
    """Calibrates a lens; whether the result is good enough."""

    def views() -> list[View]:
        return [View(name, seen) for name, seen in sorted(run.album.found.items())]

    def advise() -> tuple[Coverage, str | None]:
        covered = run.covered()
        matrix, width_px = camera_matrix(run.camera), run.camera.width_px
        return covered, next_lens_view(views(), covered, width_px, matrix, np.zeros(5))

    if device is not None:
        _take_pictures(run, device, advise)
    advice = run.gather(advise, watch and device is None)
    camera = run.camera
    lens = run.compute(_KIND, lambda: calibrate_lens(views(), camera.width_px, camera.height_px))
    measured = lens.measured(datetime.datetime.now(datetime.UTC).date())
    figures = (
        f"{measured.reprojection_error_px:.3f} px, focal length +- "
        f"{measured.focal_error_percent:.2f} %, principal point +- "
        f"{measured.centre_error_px:.2f} px"
    )
    facts = run.show(_KIND, figures, [view.name for view in lens.views], lens.errors_px)
    if not lens.is_known:
        run.console.print(
            f"twice the standard errors are to be within {LENS_ERROR_MAX_PERCENT} % of the focal "
            f"length: {advice or 'take more views, tilted and near'}"
        )
    before = camera.calibration
    if before is not None and before.pose is not None:
        run.console.print(
            "the camera's place was found with another lens and is taken out: run hand-eye again"
        )
    facts |= {"left_out": list(lens.left_out), "next": advice}
    return run.finish(facts, CameraCalibration(lens=measured), lens.is_known, write)


def _take_pictures(
    run: CalibrationRun, device: str, advise: Callable[[], tuple[Coverage, str | None]]
) -> None:
    """Keeps frames of a camera in the folder, where the board rests in a new place."""
    camera, album = run.camera, run.album
    run.folder.mkdir(parents=True, exist_ok=True)
    run.look()
    detector = BoardDetector(run.board, camera.width_px, camera.height_px)
    taker, until = ViewTaker(camera.width_px), threading.Event()
    for seen in album.found.values():
        taker.remember(seen)
    source = VideoSource(device, camera.width_px, camera.height_px, camera.rate_hz)
    run.console.print(f"taking pictures from {device}; hold the board still; Ctrl-C ends")
    run.guide(*advise())
    good_s, said = time.monotonic(), None
    try:
        while True:
            frame = source.read(until)
            if frame is None:
                if source.trouble != said:
                    said = source.trouble
                    run.console.print(f"  {said}", markup=False)
                ended = source.losses > 0 and not source.is_live
                if ended or time.monotonic() - good_s > _SILENT_MAX_S:
                    if not source.frames:
                        raise CalibrationError(source.trouble or f"{device}: gives no frames")
                    return
                continue
            good_s = time.monotonic()
            detection: Detection | None = None
            with suppress(CalibrationError):
                detection = detector.find(frame.bgr)
            if not taker.is_view(detection):
                continue
            numbers = [int(p.stem[5:]) for p in run.folder.glob("view-[0-9]*.png")]
            path = run.folder / f"view-{max(numbers, default=0) + 1:04d}.png"
            _, data = cv2.imencode(".png", frame.bgr)
            write_atomic(path, data.tobytes())
            run.look()
            covered, advice = advise()
            run.guide(covered, advice)
            if advice is None:
                return
    except KeyboardInterrupt:
        return
    finally:
        source.close()
