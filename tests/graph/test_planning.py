"""Models over the graph: learned by the ordinary learner, planned in under a deadline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Graph
from launched import Launched, run_launch

from robot_learning.algorithms.pets import PETS
from robot_learning.contract import load_contract
from robot_learning.replay import read_steps
from robot_learning.replay.audit import audit_journal
from robot_learning.training.policy_file import PolicyFile, load_policy, save_policy
from robot_learning.training.task_settings import task_learner_settings

MODEL = {"members": 3, "elites": 3, "hidden_sizes": [16], "epochs": 2}
# The paper's networks: weights of nearly 2 MB have to go through a topic.
PLANS = {
    "hidden_sizes": [200, 200, 200], "epochs": 1, "horizon": 3, "population": 32, "rounds": 2,
    "warmup_steps": 60, "update_every_steps": 60, "updates_per_step": 0.2,
}  # fmt: skip
BRANCHES = {
    "model": MODEL, "warmup_steps": 60, "updates_per_step": 0.5, "refit_every_steps": 60,
    "rollouts": 100, "hidden_sizes": [16], "batch_size": 16,
}  # fmt: skip

pytestmark = [pytest.mark.graph, pytest.mark.timeout(300)]


def launch(file: str, out: Path, **arguments: str) -> Launched:
    """Runs a launch file to its end."""
    return run_launch(file, out / "log", {"out": str(out)} | arguments, {"OMP_NUM_THREADS": "1"})


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where 110 steps over the graph left a policy that plans."""
    out = tmp_path_factory.mktemp("pets")
    launched = launch(
        "sim_mbrl",
        out,
        steps="110",
        evaluation_episodes="1",
        overrides=json.dumps(PLANS),
    )
    assert launched.code == 0, launched.said
    return out


def test_a_planner_acts_at_random_until_its_model_is_fitted_and_then_plans(planner: Path) -> None:
    audit = audit_journal(planner / "checkpoint")
    assert audit.training_steps >= 110 and audit.missing == 0
    steps = [step for _, step in read_steps(next((planner / "checkpoint").glob("*.journal")))]
    chosen = [step for step in steps if step.policy_version]
    assert all(step.policy_version == 0 for step in steps[:60])
    assert chosen and any(step.is_evaluation for step in chosen)
    assert load_policy(planner).ready
    assert (planner / "policy.safetensors").stat().st_size > 1_500_000
    assert json.loads((planner / "evaluation.json").read_text())["n"] == 1


def test_in_real_time_every_period_is_answered_and_what_is_too_heavy_is_said(
    planner: Path, tmp_path: Path
) -> None:
    """A thousandth of a second is too little for any plan, and is kept to all the same."""
    launched = launch(
        "sim_play",
        tmp_path,
        policy=str(planner),
        episodes="1",
        replan_budget_s="0.001",
    )
    said = "\n".join(launched.lines)
    assert launched.code == 0, said
    # An episode that misses control periods is given up, and would not be counted.
    assert json.loads((tmp_path / "evaluation.json").read_text())["n"] == 1
    assert "lower one of population (32), rounds (2), horizon (3), particles (1)" in said
    assert "plans are cut short" in said or "the deadline cannot be met" in said


def test_a_planner_whose_model_was_never_fitted_is_not_played(graph: Graph) -> None:
    contract = load_contract("panda", "reach")
    settings = task_learner_settings(
        contract, "pets", {"hidden_sizes": [8]}, seed=0, steps=10, evaluation_episodes=0
    )
    method = PETS(settings.spaces, settings.hyper, 0)
    file = PolicyFile(method.policy(), "pets", {}, contract, None, {})
    save_policy(graph.folder / "policy", file)
    node = graph.node("policy", policy=str(graph.folder / "policy"))
    graph.node("lifecycle_manager", nodes="policy")
    assert node.wait(timeout=60) == 2
    assert "plans in a model that was never fitted: train it with more steps" in graph.log("policy")


def test_mbpo_learns_from_branches_of_its_model_through_the_ordinary_learner(
    tmp_path: Path,
) -> None:
    launched = launch(
        "sim_mbrl",
        tmp_path,
        algorithm="mbpo",
        steps="110",
        evaluation_episodes="1",
        overrides=json.dumps(BRANCHES),
    )
    assert launched.code == 0, launched.said
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["updates"] >= 20
    figures = (tmp_path / "metrics.jsonl").read_text()
    assert "model_error" in figures and "critic" in figures
    assert load_policy(tmp_path).action_size == 3
