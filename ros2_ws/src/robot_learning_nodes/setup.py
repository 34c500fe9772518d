"""Installs the nodes as executables that `ros2 run` and launch files find."""

from setuptools import find_packages, setup

NAME = "robot_learning_nodes"
NODES = [
    "arbiter",
    "arm_driver",
    "bench_chain",
    "bench_hand",
    "bench_mover",
    "bench_probe",
    "bench_streams",
    "black_box",
    "calibration_views",
    "camera",
    "camera_capture",
    "demonstrator",
    "episode_player",
    "exciter",
    "grasp_learner",
    "grasp_policy",
    "gripper_action",
    "gripper_driver",
    "learner",
    "lifecycle_manager",
    "operator_call",
    "policy",
    "recorder",
    "reward_monitor",
    "safety_monitor",
    "scene",
    "self_test",
    "shadow",
    "sim",
    "sim_operator",
    "stand_in_robot",
    "teleop_gamepad",
    "teleop_keyboard",
    "teleop_leader",
    "teleop_spacemouse",
]

setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(),
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ],
    entry_points={"console_scripts": [f"{node} = {NAME}.{node}:main" for node in NODES]},
)
