"""Episodes made up, and a learner small enough for a test."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from robot_learning.grasping.episode import GraspEpisode
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import ContractWorld, GraspSpaces
from robot_learning.replay.images import ImageBatch

WORLD = ContractWorld("panda", "bin_grasp")
CONTRACT = WORLD.contract
SIZE_PX, STATE_SIZE, ACTION_SIZE = 32, WORLD.spaces.state_size, 8
SPACES = GraspSpaces(
    SIZE_PX, (-1.0,) * STATE_SIZE, (1.0,) * STATE_SIZE, ACTION_SIZE, "tcp_grasp", 40, "c" * 64
)


def make_episode(
    seed: int, steps: int = 4, size_px: int = 64, *, terminated: bool = True
) -> GraspEpisode:
    """Whose pictures and numbers are random, and whose last reward is 1."""
    rng = np.random.default_rng(seed)
    rewards = np.zeros(steps, np.float32)
    rewards[-1] = 1.0
    return GraspEpisode(
        rng.integers(0, 256, (steps + 1, size_px, size_px, 3), dtype=np.uint8),
        rng.normal(size=(steps + 1, STATE_SIZE)).astype(np.float32),
        rng.uniform(-1.0, 1.0, (steps, ACTION_SIZE)).astype(np.float32),
        rng.uniform(-1.0, 1.0, (steps, ACTION_SIZE)).astype(np.float32),
        rewards,
        terminated,
        terminated,
        "scripted",
        seed,
    )


def make_learner(seed: int = 0, **changes: Any) -> GraspQTOpt:
    """QT-Opt on single pictures of 32 px, by Bellman's targets alone, unless that is changed."""
    torch.set_num_threads(1)  # as every learner does; the tests are many processes
    small = {
        "cem_samples": 16,
        "cem_elites": 4,
        "monte_carlo_share": 0.0,
        "negative_weight": 0.0,
    }
    hyper = GraspHyperParameters(**(small | changes))
    return GraspQTOpt(hyper, SPACES, seed)


def make_batch(n: int = 6, seed: int = 0, **changes: Any) -> ImageBatch:
    """Random transitions that do not end and give nothing, but for what is changed."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (2, n, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    states = rng.normal(size=(2, n, STATE_SIZE)).astype(np.float32)
    parts: dict[str, Any] = {
        "images": pictures[0],
        "states": states[0],
        "actions": rng.uniform(-1.0, 1.0, (n, ACTION_SIZE)).astype(np.float32),
        "requested": rng.uniform(-1.0, 1.0, (n, ACTION_SIZE)).astype(np.float32),
        "rewards": np.zeros(n, np.float32),
        "returns_to_go": np.zeros(n, np.float32),
        "next_images": pictures[1],
        "next_states": states[1],
        "terminated": np.zeros(n, np.float32),
    }
    return ImageBatch(**(parts | changes))
