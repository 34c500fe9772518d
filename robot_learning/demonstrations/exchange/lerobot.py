"""LeRobotDataset, format 3.0 (huggingface/lerobot): what its files and features are called.

Its readers take a picture as a compressed file in the table as readily as a video's frame; so
pictures stay as the camera made them, byte for byte. Timestamps are the sources' own, never a
count of frames. Beside its own files lies one of ours, with what the format has no place for.
"""

from __future__ import annotations

VERSION = "v3.0"
INFO, STATS, TASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
EPISODES = "meta/episodes/chunk-{chunk:03d}/file-{file:03d}.parquet"
DATA = "data/chunk-{chunk:03d}/file-{file:03d}.parquet"
DATA_PATTERN = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
OURS = "meta/robot_learning.json"
CHUNK_FILES = 1000
DATA_FILE_MB, VIDEO_FILE_MB = 100, 200

STATE, ACTION, IMAGES = "observation.state", "action", "observation.images."
STAMP = "stamp_ns"
PICTURE_STAMP = "picture_stamp_ns."
# Features by column; those of size 0 are left out. LeRobot's policies take every feature whose
# name begins with `action` or `observation` as theirs: only what a policy may see is named so.
VECTOR_FEATURES = {
    "observation": STATE,
    "executed_action": ACTION,
    "requested_action": "requested_action",
    "gated_action": "gated_action",
    "achieved_goal": "achieved_goal",
    "desired_goal": "observation.environment_state",
    "next_observation": "next.observation.state",
    "next_achieved_goal": "next.achieved_goal",
}
SCALAR_FEATURES = {
    "reward": "next.reward",
    "terminated": "next.terminated",
    "truncated": "next.truncated",
    "success": "next.success",
    "is_intervention": "is_intervention",
    "policy_version": "policy_version",
    "step_number": "step_number",
    "observation_age_s": "age_of_observation_s",
}
DONE = "next.done"
OWN_FEATURES = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
