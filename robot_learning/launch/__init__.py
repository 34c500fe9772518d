"""Runs ROS 2 XML launch files without ROS 2: the subset that means the same to `ros2 launch`."""

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.session import LaunchSession, ProcessReport, run_launch

__all__ = ["LaunchError", "LaunchSession", "ProcessReport", "run_launch"]
