"""The benchmark of the gate: its adversary meets the limits, and its ruler can fail."""

import numpy as np

from robot_learning.benchmark.gate import ROBOTS, GateTrial, measure_gate, opened
from robot_learning.benchmark.gate_ruler import GateRuler
from robot_learning.contract import load_contract
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.collision_model import CollisionModel


def test_nothing_that_is_sent_exceeds_a_limit():
    summary, *rows, time_row = measure_gate(1_500, 3, lambda text: None)
    assert summary["met"] and summary["exceeded"] == {} and summary["commands"] == 1_500
    assert len(rows) == 2 * len(ROBOTS) and all(sum(row["acted"].values()) > 0 for row in rows)
    assert 0.0 < time_row["median_us"] <= time_row["p99_us"] <= time_row["max_us"]


def test_the_adversary_reaches_collisions():
    trial = GateTrial(opened(load_contract("panda")), 1)
    for _ in range(8):
        trial.run(500)
    counts = trial.gate.limit_counts
    assert counts["self_collision"] + counts["table_collision"] > 0
    assert not trial.ruler.exceeded
    assert min(trial.ruler.nearest_m.values()) < 0.02


def test_the_ruler_sees_every_limit_exceeded():
    contract = load_contract("panda")
    kinematics = ArmKinematics(contract.robot.arm)
    ruler = GateRuler(contract, kinematics, CollisionModel(contract.robot, kinematics))
    home = kinematics.home_position_rad
    away = home.copy()
    away[1] += 1.7  # into the table
    ruler.judge([(home, 0.01)] * 4 + [(away, 0.01)] * 3)
    wanted = {
        "joint_velocity",
        "joint_acceleration",
        "joint_jerk",
        "tcp_speed",
        "tcp_angular_speed",
        "workspace",
        "table_collision",
    }
    assert wanted <= set(ruler.exceeded)
    beyond = home.copy()
    beyond[6] = 2.95
    folded = np.array([0.0, 0.0, 0.0, -3.0, 0.0, 0.05, 0.8])
    ruler.judge([(beyond, 0.01), (folded, 0.01)])
    assert {"joint_position", "self_collision"} <= set(ruler.exceeded)
