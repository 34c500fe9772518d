"""A process that streams a motion for ever, until it is killed: `ROBOT_YAML ADDRESS`."""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from xarm_world import Heard

from robot_learning.backends import open_backend
from robot_learning.contract import load_robot
from robot_learning.hardware import JointPoint

SPEED_RAD_S = 0.1

backend = open_backend("xarm", load_robot(sys.argv[1]), sys.argv[2])
backend.connect(Heard())
while (state := backend.read()) is None:
    time.sleep(0.01)
velocity = np.array([SPEED_RAD_S, 0, 0, 0, 0, 0, 0])
points = [JointPoint(float(t), state.position_rad + t * velocity, velocity) for t in range(1, 600)]
backend.follow(points, 0.0)
print("streaming", flush=True)
time.sleep(600.0)
