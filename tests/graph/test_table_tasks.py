"""Tasks about an object, over the graph: where things are reaches everybody who needs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from launched import run_launch

from robot_learning.contract import load_contract
from robot_learning.demonstrations.operators import scripted_operator
from robot_learning.demonstrations.record import record_demonstrations
from robot_learning.envs.observation import field_slices
from robot_learning.replay import read_steps
from robot_learning.replay.audit import audit_journal
from robot_learning.training.tasks import make_task_environment

OVERRIDES = {
    "hidden_sizes": [16],
    "batch_size": 16,
    "pretraining_updates": 5,
    "updates_per_step": 0.1,
}

pytestmark = [pytest.mark.graph, pytest.mark.timeout(300)]


@pytest.mark.slow
def test_a_lift_is_trained_on_demonstrations_over_the_graph(tmp_path: Path) -> None:
    """Every step shows where the object is at its own moment, and no episode is given up."""
    environment, contract = make_task_environment("lift", "panda")
    shown, out = tmp_path / "shown", tmp_path / "run"
    recorded = record_demonstrations(
        environment,
        scripted_operator(contract),
        shown,
        episodes=2,
        seed=0,
        contract_sha256=contract.sha256,
    )
    environment.close()
    assert recorded.successes == 2
    launched = run_launch(
        "sim_train",
        out / "log",
        {
            "task": "lift",
            "algorithm": "ddpgfd",
            "demonstrations": str(shown),
            "steps": "100",
            "evaluation_episodes": "1",
            "out": str(out),
            "overrides": json.dumps(OVERRIDES),
        },
    )
    assert launched.code == 0, launched.said
    audit = audit_journal(out / "checkpoint")
    assert audit.training_steps >= 100 and audit.missing == 0
    status = json.loads((out / "status.json").read_text())
    assert status["updates"] >= OVERRIDES["pretraining_updates"] + 10
    steps = [step for _, step in read_steps(next((out / "checkpoint").glob("*.journal")))]
    region = load_contract("panda", "lift").task.object.region
    at = field_slices(contract)["object_position_m"]
    firsts = np.array([step.observation[at] for step in steps if step.episode_step == 0])
    assert len(firsts) >= 3 and len(np.unique(firsts[:, 0])) == len(firsts)
    error_m = contract.task.randomisation.position_error_m
    assert (firsts[:, :2] > np.subtract(region.min_m, error_m) - 1e-6).all()
    assert (firsts[:, :2] < np.add(region.max_m, error_m) + 1e-6).all()
    assert all(step.desired_goal.size == 0 and step.executed_action.size == 4 for step in steps)
