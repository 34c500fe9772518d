"""Measures the simulator on the machine it runs on."""

from __future__ import annotations

import time
from typing import Any

from robot_learning.contract import Contract
from sim.hardware import SimHardware


def camera_speedup(
    contract: Contract, size_px: tuple[int, int] = (64, 64), images: int = 40
) -> dict[str, Any]:
    """Frame rate of the first camera with decimated meshes against stock ones, in one run.

    Images are taken in turns and the median counts, so that other load on the machine hits both.

    Raises:
        ValueError: the robot has no camera.
    """
    if not contract.robot.cameras:
        raise ValueError(f"robot {contract.robot.name} has no camera to measure")
    name = contract.robot.cameras[0].name
    durations: dict[str, list[float]] = {"stock": [], "decimated": []}
    with (
        SimHardware(contract, camera_size_px=size_px, visuals="stock") as stock,
        SimHardware(contract, camera_size_px=size_px) as decimated,
    ):
        for index in range(images + 2):
            for kind, hardware in (("stock", stock), ("decimated", decimated)):
                begin = time.perf_counter()
                hardware.read_camera(name)
                if index >= 2:  # the first images touch memory for the first time
                    durations[kind].append(time.perf_counter() - begin)
    stock_hz, decimated_hz = (
        1.0 / sorted(durations[kind])[images // 2] for kind in ("stock", "decimated")
    )
    return {
        "robot": contract.robot.name,
        "width_px": size_px[0],
        "height_px": size_px[1],
        "images": images,
        "stock_images_per_s": stock_hz,
        "decimated_images_per_s": decimated_hz,
        "ratio": decimated_hz / stock_hz,
    }


def physics_rate(contract: Contract, seconds: float = 10.0) -> dict[str, Any]:
    """Simulated against real time, and the cost of one control period, arm held at home.

    Args:
        contract: robot and task.
        seconds: simulated time to measure over.
    """
    with SimHardware(contract) as hardware:
        hardware.step(0.5)
        periods = max(1, round(seconds / contract.control_period_s))
        begin = time.perf_counter()
        for _ in range(periods):
            hardware.step(contract.control_period_s)
            hardware.read_state()
        spent = time.perf_counter() - begin
    simulated = periods * contract.control_period_s
    return {
        "robot": contract.robot.name,
        "physics_steps_per_s": simulated * contract.robot.simulation.physics_hz / spent,
        "real_time_factor": simulated / spent,
        "control_period_cost_s": spent / periods,
    }
