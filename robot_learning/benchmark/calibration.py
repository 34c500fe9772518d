"""How near calibration comes to the truth: whole runs on rendered boards, with random cameras.

In each setup lens, place of the camera and how the hand holds the board are drawn at random. The
lens is calibrated from rendered pictures; then, with that lens and not the true one, the camera's
place from pictures of the board in the arm's hand, through the robot's own kinematics. Joint
positions are read with noise. More pictures are taken until the calibration says that it is good
enough, as a person would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from robot_learning.benchmark.rendered_board import BoardPainter, Imperfection
from robot_learning.contract.robot import CameraContract, RobotContract
from robot_learning.kinematics.arm_kinematics import ArmKinematics
from robot_learning.perception.calibration.board import Board
from robot_learning.perception.calibration.chain import ArmView, LensError
from robot_learning.perception.calibration.detection import BoardDetector, CalibrationError
from robot_learning.perception.calibration.hand_eye import (
    POSITION_ERROR_MAX_MM,
    ROTATION_ERROR_MAX_DEG,
    HandEye,
    calibrate_hand_eye,
)
from robot_learning.perception.calibration.lens import (
    LENS_ERROR_MAX_PERCENT,
    Lens,
    View,
    calibrate_lens,
)
from robot_learning.perception.calibration.rigid import apart, inverse, rigid
from robot_learning.perception.geometry import intrinsics, nominal_pose

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]

VIEWS_FIRST, VIEWS_MORE, VIEWS_MAX = 30, 10, 60
JOINT_NOISE_RAD = 5e-4
_NEAR_FAR_M = 0.25, 0.55  # of the board in somebody's hand
_TILT_MAX_DEG = 45.0
_MARGIN_PX = 12.0
_POSTURES, _POSTURES_MAX = 400, 100_000
_HAND_MIN_M = 0.15  # of the tool above the table
# A sheet held by an edge in front of the fingers.
_HELD = rigid(Rotation.from_matrix([[0, 0, -1], [1, 0, 0], [0, -1, 0]]).as_matrix(), (0, 0, 0.02))


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """One robot with one camera, as it truly is.

    Attributes:
        robot: its contract.
        camera: of the contract, whose place and lens are nominal.
        board: in the hand.
        matrix: the true camera matrix.
        distortion: the true k1, k2, p1, p2, k3.
        base_to_camera: the true place.
        tcp_to_board: how the hand truly holds the board.
        painter: takes pictures.
        joint_noise_rad: standard deviation of a joint's reading.
    """

    robot: RobotContract
    camera: CameraContract
    board: Board
    matrix: Array
    distortion: Array
    base_to_camera: Array
    tcp_to_board: Array
    painter: BoardPainter
    joint_noise_rad: float


class ArmPicture(NamedTuple):
    """A picture of the board in the hand, and the joint positions that were read."""

    picture: UInt8
    position_rad: Array


def random_setup(
    robot: RobotContract,
    board: Board,
    rng: np.random.Generator,
    joint_noise_rad: float = JOINT_NOISE_RAD,
) -> Setup:
    """A camera that stands, and has a lens, other than the contract says."""
    camera = robot.cameras[0]
    matrix = intrinsics(camera.width_px, camera.height_px, camera.vertical_fov_rad)
    matrix[0, 0] *= rng.uniform(0.93, 1.07)
    matrix[1, 1] = matrix[0, 0] * rng.uniform(0.99, 1.01)
    matrix[:2, 2] += rng.uniform(-15.0, 15.0, 2)
    distortion = rng.uniform([-0.25, -0.05, -0.002, -0.002, 0.0], [0.1, 0.1, 0.002, 0.002, 0.0])
    nominal = nominal_pose(camera)
    moved = _small(rng, 0.08, 6.0)
    held = _HELD @ rigid(np.eye(3), -board.centre_m)
    spoil = Imperfection(
        blur_px=rng.uniform(0.4, 0.9),
        noise=rng.uniform(1.5, 4.0),
        light_slope=rng.uniform(0.1, 0.6),
        vignetting=rng.uniform(0.0, 0.35),
    )
    size = camera.width_px, camera.height_px
    return Setup(
        robot,
        camera,
        board,
        matrix,
        distortion,
        rigid(nominal.axes.T, nominal.position_m) @ moved,
        _small(rng, 0.03, 10.0) @ held,
        BoardPainter(board, matrix, distortion, *size, spoil),
        joint_noise_rad,
    )


def lens_pictures(setup: Setup, rng: np.random.Generator) -> Iterator[UInt8]:
    """The board in somebody's hand, led over the whole image, tilted, near and far; no end."""
    camera, matrix = setup.camera, setup.matrix
    size = np.array([camera.width_px, camera.height_px])
    cells = np.array([6, 5])
    for index in count():
        cell = np.array([index % cells[0], index // cells[0] % cells[1]])
        pixel = (cell + rng.uniform(0.2, 0.8, 2)) / cells * size
        for _ in range(200):
            ray = np.append((pixel - matrix[:2, 2]) / matrix[0, 0], 1.0)
            facing = Rotation.from_rotvec(np.cross((0.0, 0.0, 1.0), ray))
            about = np.radians(rng.uniform(0.0, 360.0))
            lean = np.radians(rng.uniform(0.0, _TILT_MAX_DEG))
            tilt = Rotation.from_rotvec(lean * np.array([np.cos(about), np.sin(about), 0.0]))
            roll = Rotation.from_euler("z", rng.uniform(-40.0, 40.0), degrees=True)
            place = ray * rng.uniform(*_NEAR_FAR_M)
            pose = rigid((facing * tilt * roll).as_matrix(), place)
            pose = pose @ rigid(np.eye(3), -setup.board.centre_m)
            if _corners_in_view(setup, pose).mean() >= 0.85:
                break
            pixel = 0.9 * pixel + 0.1 * matrix[:2, 2]
        yield setup.painter.paint(pose, rng)


def arm_pictures(setup: Setup, rng: np.random.Generator) -> Iterator[ArmPicture]:
    """The board in the arm's hand, in up to `VIEWS_MAX` postures that show it.

    Each turns the hand as far as can be from those before.

    Raises:
        CalibrationError: the arm cannot show the board to the camera.
    """
    postures, poses, turns = _postures(setup, rng)
    cosines = np.full(len(postures), -1.0)
    chosen = 0
    for _ in range(VIEWS_MAX):
        reading = postures[chosen] + rng.normal(0.0, setup.joint_noise_rad, 7)
        yield ArmPicture(setup.painter.paint(poses[chosen], rng), reading)
        traces = np.einsum("ij,nij->n", turns[chosen], turns)
        cosines = np.maximum(cosines, (traces - 1.0) / 2.0)
        chosen = int(cosines.argmin())


def _postures(setup: Setup, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Random ones near home that show the board: joints, the board's pose, the hand's turn."""
    arm = ArmKinematics(setup.robot.arm)
    postures, poses, turns = list[Array](), list[Array](), list[Array]()
    to_camera = inverse(setup.base_to_camera)
    margin = setup.robot.operation.position_margin_rad
    low, high = arm.position_min_rad + margin, arm.position_max_rad - margin
    for _ in range(_POSTURES_MAX):
        if len(postures) == _POSTURES:
            break
        posture = np.clip(arm.home_position_rad + rng.uniform(-0.9, 0.9, 7), low, high)
        place, turned = arm.tcp_pose(posture)
        pose = to_camera @ rigid(turned, place) @ setup.tcp_to_board
        towards = pose[:3, 3] / np.linalg.norm(pose[:3, 3])
        facing = float(pose[:3, 2] @ towards)
        if place[2] < _HAND_MIN_M or facing < np.cos(np.radians(_TILT_MAX_DEG)):
            continue
        if _corners_in_view(setup, pose).all():
            postures.append(posture)
            poses.append(pose)
            turns.append(turned)
    if len(postures) < VIEWS_MAX:
        raise CalibrationError(
            f"robot {setup.robot.name}: of {_POSTURES_MAX} random postures near home "
            f"{len(postures)} show the board to its camera, and {VIEWS_MAX} are needed"
        )
    return np.array(postures), np.array(poses), np.array(turns)


def lens_of(setup: Setup, pictures: Iterator[UInt8]) -> Lens:
    """Calibrates from as many pictures as it takes; those without a usable board do not count."""
    camera = setup.camera
    detector = BoardDetector(setup.board, camera.width_px, camera.height_px)
    views = list[View]()
    while True:
        for picture in islice(pictures, VIEWS_MORE if views else VIEWS_FIRST):
            with suppress(CalibrationError):
                views.append(View(f"lens-{len(views)}", detector.find(picture)))
        lens = calibrate_lens(views, camera.width_px, camera.height_px)
        if lens.is_known or len(views) > VIEWS_MAX - VIEWS_MORE:
            return lens


def hand_eye_of(setup: Setup, lens: Lens, pictures: Iterator[ArmPicture]) -> HandEye:
    """Calibrates with a lens that was found before, from as many pictures as it takes."""
    camera, arm = setup.camera, ArmKinematics(setup.robot.arm)
    detector = BoardDetector(setup.board, camera.width_px, camera.height_px)
    error = LensError(lens.focal_error_percent, lens.centre_error_px)
    views = list[ArmView]()
    while True:
        more = list(islice(pictures, VIEWS_MORE if views else VIEWS_FIRST))
        for picture, position_rad in more:
            with suppress(CalibrationError):
                place, turned = arm.tcp_pose(position_rad)
                detection = detector.find(picture)
                views.append(ArmView(f"arm-{len(views)}", detection, rigid(turned, place)))
        found = calibrate_hand_eye(views, lens.matrix, lens.distortion, error)
        if found.is_known or not more or len(views) > VIEWS_MAX - VIEWS_MORE:
            return found


def lens_errors_percent(setup: Setup, lens: Lens) -> Array:
    """Of fx, fy, cx and cy, each as a share of the focal length, percent; shape (4,)."""
    off = np.abs(lens.matrix - setup.matrix)
    shares: Array = np.array([off[0, 0], off[1, 1], off[0, 2], off[1, 2]]) / setup.matrix[0, 0]
    return 100.0 * shares


def measure_calibration(
    robot: RobotContract,
    board: Board,
    setups: int,
    seed: int,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Errors against the truth over random setups."""
    lens_errors, places, claims, used = list[Array](), list[Any](), list[Any](), list[Any]()
    for index in range(setups):
        rng = np.random.default_rng((seed, index))
        setup = random_setup(robot, board, rng)
        lens = lens_of(setup, lens_pictures(setup, rng))
        found = hand_eye_of(setup, lens, arm_pictures(setup, rng))
        lens_errors.append(lens_errors_percent(setup, lens))
        places.append(apart(setup.base_to_camera, found.base_to_camera))
        claims.append((found.position_error_mm, found.rotation_error_deg, lens.focal_error_percent))
        used.append((len(lens.views), len(found.views)))
        say(
            f"setup {index + 1} of {setups}: lens {lens_errors[-1].max():.3f} %, camera "
            f"{places[-1][0]:.2f} mm, {places[-1][1]:.3f} deg (said: {claims[-1][0]:.2f} mm, "
            f"{claims[-1][1]:.3f} deg), {used[-1][0]} and {used[-1][1]} views"
        )
    lenses, camera, said = np.array(lens_errors), np.array(places), np.array(claims)
    for_lens, in_hand = (f"{low} to {high} views" for low, high in _ranges(np.array(used)))
    return [
        _row(f"focal lengths, {for_lens}", lenses[:, :2].max(axis=1), "%",
             LENS_ERROR_MAX_PERCENT, said[:, 2]),
        _row(f"principal point, {for_lens}", lenses[:, 2:].max(axis=1), "% of f",
             LENS_ERROR_MAX_PERCENT, None),
        _row(f"camera's position, {in_hand}", camera[:, 0], "mm",
             POSITION_ERROR_MAX_MM, said[:, 0]),
        _row(f"camera's rotation, {in_hand}", camera[:, 1], "deg",
             ROTATION_ERROR_MAX_DEG, said[:, 1]),
    ]  # fmt: skip


def _ranges(used: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(column.min()), int(column.max())) for column in used.T]


def _row(what: str, errors: Array, unit: str, bar: float, said: Array | None) -> dict[str, Any]:
    median, p95, worst = np.quantile(errors, [0.5, 0.95, 1.0])
    row = {
        "what": what,
        "value": f"median {median:.3g}, p95 {p95:.3g}, max {worst:.3g} {unit} (n = {len(errors)})",
        "median": median,
        "p95": p95,
        "max": worst,
        "n": len(errors),
        "bar": f"max <= {bar:g} {unit}",
        "met": bool(worst <= bar),
    }
    if said is not None:
        row["against"] = f"standard error said: median {np.median(said):.3g} {unit}"
    return row


def _small(rng: np.random.Generator, reach_m: float, turn_deg: float) -> Array:
    turned = Rotation.from_rotvec(np.radians(rng.uniform(-turn_deg, turn_deg, 3)))
    return rigid(turned.as_matrix(), rng.uniform(-reach_m, reach_m, 3))


def _corners_in_view(setup: Setup, camera_to_board: Array) -> NDArray[np.bool_]:
    """Which corners of the pattern are well within the image."""
    points = setup.board.corners_m @ camera_to_board[:3, :3].T + camera_to_board[:3, 3]
    pixels, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), setup.matrix, setup.distortion)
    seen = pixels.reshape(-1, 2)
    edge = np.array([setup.camera.width_px, setup.camera.height_px]) - _MARGIN_PX
    inside: NDArray[np.bool_] = (
        (seen > _MARGIN_PX).all(axis=1) & (seen < edge).all(axis=1) & (points[:, 2] > 0.1)
    )
    return inside
