"""What a user of any Gymnasium library would write; run by launch/gymnasium.launch.xml."""

from __future__ import annotations

import json
import sys

import gymnasium
import numpy as np

env = gymnasium.make("robot_learning_nodes.gymnasium_link:robot_learning/Graph-v0")
episodes = []
for seed in range(2):
    observation, info = env.reset(seed=seed)
    total, steps, over = 0.0, 0, False
    while not over:
        way = observation["desired_goal"] - observation["achieved_goal"]
        action = np.clip(8.0 * way, -1.0, 1.0).astype(np.float32)
        observation, reward, terminated, truncated, info = env.step(action)
        total, steps, over = total + float(reward), steps + 1, terminated or truncated
    episodes.append({"return": total, "steps": steps, "success": info["is_success"]})
env.close()
print("RESULT " + json.dumps(episodes), file=sys.stderr, flush=True)
