"""Which camera a task looks through, and what becomes of its images."""

from __future__ import annotations

from robot_learning.contract import BinGraspTask, Contract, TabletopTask
from robot_learning.contract.grasp import ImageContract
from robot_learning.contract.robot import CameraContract
from robot_learning.perception.geometry import camera_matrix
from robot_learning.perception.image_pipeline import ImagePipeline


def task_picture(contract: Contract) -> ImageContract | None:
    """The picture that the task is seen or judged by; None where there is none."""
    task = contract.task
    if isinstance(task, BinGraspTask):
        return task.image
    return task.success_image if isinstance(task, TabletopTask) else None


def task_camera(contract: Contract) -> CameraContract:
    """The camera of the task's picture; the robot's first one where the task has none."""
    cameras, picture = contract.robot.cameras, task_picture(contract)
    if picture is not None:
        return next(camera for camera in cameras if camera.name == picture.camera)
    return cameras[0]


def task_pipeline(contract: Contract, size_px: int, *, is_region: bool = False) -> ImagePipeline:
    """What makes the observation image.

    Where the camera is calibrated, points are projected by that: images come out as the calibrated
    lens would take them, whatever the camera's driver was told of it.

    Args:
        contract: robot and task.
        size_px: side of the image where the task does not say.
        is_region: the camera's driver cuts the task's part out by itself, and gives it at the
            task's size; it is only checked and rectified here.

    Raises:
        ValueError: the task names no part of the image.
    """
    camera, picture = task_camera(contract), task_picture(contract)
    matrix = camera_matrix(camera) if camera.calibration else None
    if picture is None:
        if is_region:
            name = contract.task.name
            raise ValueError(f"region: task {name} names no part of the camera's image")
        return ImagePipeline(size_px, camera.width_px, camera.height_px, matrix=matrix)
    size_px = picture.size_px
    if is_region:
        return ImagePipeline(size_px, size_px, size_px)
    crop_px = picture.crop_px(camera.width_px, camera.height_px)
    return ImagePipeline(size_px, camera.width_px, camera.height_px, crop_px, matrix)
