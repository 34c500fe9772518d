"""A user's program for a task about an object: a scripted operator does it through Gymnasium.

Run by launch/gymnasium.launch.xml; TASK says which task the graph runs.
"""

from __future__ import annotations

import json
import os
import sys

import gymnasium
import numpy as np

from robot_learning.demonstrations.operators import scripted_operator
from robot_learning.envs import field_slices

env = gymnasium.make(
    "robot_learning_nodes.gymnasium_link:robot_learning/Graph-v0",
    task=os.environ["TASK"],
    patience_s=40.0,
)
contract = env.unwrapped.contract
operator, at = scripted_operator(contract), field_slices(contract)
shown = "object_position_m" if "object_position_m" in at else "target_offset_m"
episodes = []
for seed in range(2):
    observed, info = env.reset(seed=seed)
    seen = observed["observation"] if contract.task.has_goal else observed
    first = {"place": np.asarray(seen[at[shown]], float).tolist(), "info": sorted(info)}
    total, steps, over = 0.0, 0, False
    while not over:
        if contract.task.has_goal:
            action = operator.act(observed["observation"], observed["desired_goal"])
        else:
            action = operator.act(observed)
        observed, reward, terminated, truncated, info = env.step(action)
        total, steps, over = total + float(reward), steps + 1, terminated or truncated
    ends = {"return": total, "steps": steps, "success": info["is_success"]}
    episodes.append(first | ends | {"terminated": terminated, "lasted_s": info["stamp_s"]})
env.close()
print("RESULT " + json.dumps(episodes), file=sys.stderr, flush=True)
