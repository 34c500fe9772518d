"""Which camera a task looks through, and what becomes of its images."""

from __future__ import annotations

from robot_learning.contract import BinGraspTask, Contract
from robot_learning.contract.robot import CameraContract
from robot_learning.perception.image_pipeline import ImagePipeline


def task_camera(contract: Contract) -> CameraContract:
    """The camera of the task's picture; the robot's first one where the task has none."""
    cameras = contract.robot.cameras
    if isinstance(contract.task, BinGraspTask):
        name = contract.task.image.camera
        return next(camera for camera in cameras if camera.name == name)
    return cameras[0]


def task_pipeline(contract: Contract, size_px: int, *, is_region: bool = False) -> ImagePipeline:
    """What makes the observation image.

    Args:
        contract: robot and task.
        size_px: side of the image where the task does not say.
        is_region: the camera's driver cuts the task's part out by itself, and gives it at the
            task's size; it is only checked and rectified here.

    Raises:
        ValueError: the task names no part of the image.
    """
    camera, task = task_camera(contract), contract.task
    if not isinstance(task, BinGraspTask):
        if is_region:
            raise ValueError(f"region: task {task.name} names no part of the camera's image")
        return ImagePipeline(size_px, camera.width_px, camera.height_px)
    size_px = task.image.size_px
    if is_region:
        return ImagePipeline(size_px, size_px, size_px)
    crop_px = task.image.crop_px(camera.width_px, camera.height_px)
    return ImagePipeline(size_px, camera.width_px, camera.height_px, crop_px)
