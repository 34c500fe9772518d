"""What somebody finds who knows Gymnasium and nothing of this package."""

from __future__ import annotations

import subprocess
import sys

import pytest


def python(program: str) -> str:
    """A fresh interpreter's output: nothing has been imported there yet."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_gymnasium_finds_the_environment_without_an_import_of_ours() -> None:
    pytest.importorskip("pybullet")
    program = """
import gymnasium
env = gymnasium.make("robot_learning.envs:robot_learning/Reach-v0", robot="iiwa7")
observation, info = env.reset(seed=0)
observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
print(env.unwrapped.contract.robot.name, sorted(observation), reward)
"""
    expected = "iiwa7 ['achieved_goal', 'desired_goal', 'observation'] -1.0"
    assert python(program).splitlines()[-1] == expected


def test_importing_the_environments_registers_them() -> None:
    program = """
import gymnasium, robot_learning.envs
print("robot_learning/Reach-v0" in gymnasium.registry)
"""
    assert python(program) == "True"
