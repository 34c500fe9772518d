from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from robot_learning.contract import load_contract
from robot_learning.hardware import JointPoint
from sim.hardware import SimHardware

ROOT = Path(__file__).resolve().parents[2]


def numbers(hardware: SimHardware) -> np.ndarray:
    """Everything that a state and the scene say, without the stamp."""
    state = hardware.read_state()
    return np.concatenate(
        [
            state.position_rad,
            state.velocity_rad_s,
            state.effort_nm,
            [state.gripper_width_m, state.gripper_speed_m_s, state.gripper_force_n],
            state.wrench,
            hardware.read_scene()["target_position_m"],
        ]
    )


def episode(hardware: SimHardware, actions_seed: int, steps: int = 100) -> np.ndarray:
    """A random motion that presses on the table now and then; gripper too."""
    rng = np.random.default_rng(actions_seed)
    target = np.array([j.home_position_rad for j in hardware.contract.robot.arm.joints])
    trace = [numbers(hardware)]
    for index in range(steps):
        target = target + rng.normal(0.0, 0.01, 7) + [0, 0.012, 0, 0, 0, 0, 0]
        hardware.write_joint_trajectory([JointPoint(0.05, target, np.zeros(7))])
        if index % 20 == 0:
            hardware.write_gripper(rng.uniform(0.0, 0.08), rng.uniform(5.0, 50.0))
        hardware.step(0.05)
        trace.append(numbers(hardware))
    return np.array(trace)


def digest() -> str:
    """What one fresh instance does, as a hash: for comparing processes."""
    with SimHardware(load_contract("panda"), seed=3) as hardware:
        return hashlib.sha256(episode(hardware, 7, 40).tobytes()).hexdigest()


def test_fresh_instances_called_alike_agree_bit_for_bit(opened, panda):
    first, second = (episode(opened(panda, seed=3), 7) for _ in range(2))
    assert first[:, 20:26].any(), "the motion should touch the table"
    np.testing.assert_array_equal(first, second)


def test_an_episode_after_a_reset_repeats_bit_for_bit_whatever_was_before(
    opened, panda, with_simulation
):
    contract = with_simulation(panda, position_noise_rad=0.001, state_latency_s=0.01)
    fresh, used = opened(contract), opened(contract, seed=8)
    fresh.reset(3)
    episode(used, 5, 70)
    used.step(0.0133)  # leave it between two physics steps
    used.reset(3)
    np.testing.assert_array_equal(episode(fresh, 7), episode(used, 7))


def test_the_constructors_seed_is_a_reset_with_that_seed(opened, panda):
    made, reset = opened(panda, seed=6), opened(panda)
    reset.reset(6)
    np.testing.assert_array_equal(episode(made, 7, 20), episode(reset, 7, 20))


def test_seeds_differ(opened, panda):
    targets = [opened(panda, seed=s).read_scene()["target_position_m"] for s in (1, 2)]
    assert (targets[0] != targets[1]).all()


def test_two_instances_here_and_two_in_other_processes_agree(opened, panda):
    command = [sys.executable, "-c", "import test_sim_determinism as t; print(t.digest())"]
    paths = [str(ROOT), str(Path(__file__).parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    children = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    busy = opened(panda)  # a world beside it in this process changes nothing
    busy.step(0.2)
    here = [digest(), digest()]
    there = [child.communicate(timeout=120)[0].split()[-1] for child in children]
    assert len({*here, *there}) == 1
