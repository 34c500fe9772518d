"""Planning over the graph under a deadline: how soon requests go out, and what plans lose by it.

The same planner plays the same scenes twice: over the graph in real time, within the time that the
policy node gives it, and in one process without any limit. Everything runs on two cores.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robot_learning.benchmark.graph import BenchmarkError, executable
from robot_learning.contract import Contract, ReachTask, task_of
from robot_learning.evaluation.rollout import evaluate
from robot_learning.launch import LaunchSession
from robot_learning.planning.deadline import plan_budget_s
from robot_learning.planning.policy import PlannerPolicy
from robot_learning.planning.settings import PlannerSettings
from robot_learning.training.environments import (
    Environment,
    begin_episode,
    episode_seed,
    reward_function,
    take_apart,
)
from robot_learning.training.learner import Learner
from robot_learning.training.play import PLAY_STREAM
from robot_learning.training.policy_file import load_policy, save_policy
from robot_learning.training.task_settings import task_learner_settings
from robot_learning.training.tasks import make_task_environment
from robot_learning.training.trainer import Trainer
from robot_learning.workspace import graph_environment, workspace_dir

LAUNCH_FILE = Path("launch") / "sim_play.launch.xml"
TASK, ROBOT = "reach", "panda"
P99_BAR_MS = 50.0
SEED = 0
# The paper's networks; short plans while it learns, the default ones afterwards.
TRAINING = {
    "hidden_sizes": [200, 200, 200],
    "population": 32,
    "rounds": 2,
    "horizon": 10,
    "epochs": 25,
}
TRAINING_STEPS = 700
_START_S, _EPISODE_S = 60.0, 15.0  # at most, of the graph and of an episode with its way home
VALUE_STATES, VALUE_PARTICLES = 40, 20

Say = Callable[[str], None]


def measure_plan_graph(
    domain: int, policy: Path | None, budget_s: float, episodes: int, say: Say
) -> list[dict[str, Any]]:
    """Everything that `robot-learning bench plan-graph` reports.

    Args:
        domain: ROS domain.
        policy: folder of a planner for `reach` on the panda; None learns one first.
        budget_s: time for a plan; 0 leaves it to the policy node.
        episodes: to play, each way.
        say: takes what is under way.

    Raises:
        BenchmarkError: the graph did not run, or the policy is no planner for the task.
        WorkspaceError: the workspace is not built.
        PolicyFileError: the policy cannot be read, or is for another contract.
    """
    torch.set_num_threads(1)
    environment, contract = make_task_environment(TASK, ROBOT)
    with (
        tempfile.TemporaryDirectory(prefix="robot-learning-bench-") as folder,
        _two_cores() as cores,
    ):
        if policy is None:
            say(f"learning a model on {TRAINING_STEPS} steps of {TASK} ...")
            policy = _learn(environment, contract, Path(folder) / "policy")
        planner = load_policy(policy, contract)
        if not isinstance(planner, PlannerPolicy):
            raise BenchmarkError(f"{policy} holds no planner: train one with --algorithm pets")
        say(f"{episodes} episodes over the graph in real time, on {cores} cores ...")
        heard, played = _play(domain, policy, budget_s, episodes, Path(folder))
        say(f"the same {episodes} scenes in process, without a limit ...")
        unlimited = evaluate(
            environment,
            planner.within(None),
            episodes=episodes,
            seed=SEED,
            hold_steps=task_of(contract, ReachTask).success.hold_steps,
            has_success=True,
            stream=PLAY_STREAM,
        ).as_json()
        limit_s = plan_budget_s(contract, budget_s, real_time=True)
        say(f"{VALUE_STATES} plans each way, valued in the model ...")
        values = _values(environment, planner, planner.within(limit_s))
    environment.close()
    return _rows(heard, played, unlimited, values, contract)


def _rows(
    heard: Mapping[str, Any],
    played: Mapping[str, Any],
    unlimited: Mapping[str, Any],
    values: Mapping[str, float],
    contract: Contract,
) -> list[dict[str, Any]]:
    answers_ms = np.array(heard["answers_ms"])
    if len(answers_ms) < 20:
        raise BenchmarkError(f"only {len(answers_ms)} requests were heard")
    period_ms, said = 1e3 * contract.control_period_s, heard["policy"]
    late, p99_ms = int((answers_ms > period_ms).sum()), float(np.quantile(answers_ms, 0.99))
    rate = f"{contract.task.control_hz:g} Hz, state to request"
    budget = f"budget {said.get('plan_budget_ms')} ms"

    def success(figures: Mapping[str, Any]) -> str:
        low, high = figures["wilson95"]
        return (
            f"{figures['mean_return']:.1f}, success {figures['success_rate']:.2f} "
            f"(n = {figures['n']}, 95 % {low:.2f} to {high:.2f})"
        )

    return [
        {
            "what": f"{rate}, p50",
            "value": f"{np.median(answers_ms):.1f} ms",
            "spread": f"n = {len(answers_ms)}",
            "met": None,
        },
        {
            "what": f"{rate}, p99",
            "value": f"{p99_ms:.1f} ms",
            "spread": f"max {answers_ms.max():.1f} ms",
            "bar": f"< {P99_BAR_MS:g} ms",
            "met": p99_ms < P99_BAR_MS,
        },
        {
            "what": "requests later than a control period",
            "value": f"{late} of {len(answers_ms)}",
            "ratio": late / len(answers_ms),
            "met": None,
        },
        {
            "what": "plans, as the policy counts them",
            "value": f"p50 {said.get('plan_p50_ms')} ms, p99 {said.get('plan_p99_ms')} ms",
            "against": budget,
            "met": None,
        },
        {
            "what": "plans that were complete",
            "value": f"{said.get('plans_complete')} of {said.get('plans')}",
            "against": f"{said.get('plans_late')} late, "
            f"{said.get('plans_without_a_score')} without a score",
            "met": None,
        },
        {
            "what": "return under the deadline, over the graph",
            "value": success(played),
            "against": f"no limit, in process: {success(unlimited)}",
            "met": None,
        },
        {
            "what": "value of a plan in the model, above rest",
            "value": f"{values['limited']:.3f}",
            "against": f"no limit: {values['unlimited']:.3f}",
            "ratio": values["limited"] / values["unlimited"],
            "spread": f"{VALUE_STATES} states",
            "met": None,
        },
    ]


@contextmanager
def _two_cores() -> Iterator[int]:
    """This process and those that it starts run on two cores, where there are more."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:2])
    try:
        yield min(2, len(before))
    finally:
        os.sched_setaffinity(0, before)


def _learn(environment: Environment, contract: Contract, out: Path) -> Path:
    """A planner with the default's networks and search, on a model of few steps."""
    settings = task_learner_settings(
        contract, "pets", TRAINING, seed=SEED, steps=TRAINING_STEPS, evaluation_episodes=0
    )
    learner = Learner(out / "run", settings, reward_function(environment))
    Trainer(environment, learner).run()
    file = learner.policy_file(version=1)
    assert isinstance(file.policy, PlannerPolicy)
    default = replace(file.policy, settings=PlannerSettings.model_validate({}))
    save_policy(out, replace(file, policy=default))
    learner.close()
    return out


def _play(
    domain: int, policy: Path, budget_s: float, episodes: int, out: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the probe heard, and what the episodes came to."""
    environment = graph_environment(domain)
    prefix = workspace_dir() / "install" / "robot_learning_nodes"
    session = LaunchSession(
        workspace_dir().parent / LAUNCH_FILE,
        {
            "policy": str(policy.resolve()),
            "robot": ROBOT,
            "task": TASK,
            "episodes": str(episodes),
            "seed": str(SEED),
            "replan_budget_s": str(float(budget_s)),
            "out": str(out / "play"),
        },
        environment=environment,
        log_dir=out / "log",
        quiet=True,
    )
    probe = subprocess.Popen(
        [str(executable(prefix, "bench_probe")), "--seconds", "86400", "--answers"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with session:
            session.start()
            code = _end_of(session, _START_S + episodes * _EPISODE_S)
        if code:
            raise BenchmarkError(f"the graph ended with {code}: run {LAUNCH_FILE} by hand")
        probe.send_signal(signal.SIGINT)
        output, _ = probe.communicate(timeout=10)
    finally:
        probe.kill()
        probe.wait()
    played = json.loads((out / "play" / "evaluation.json").read_text(encoding="utf-8"))
    return json.loads(output.splitlines()[-1]), played


def _end_of(session: LaunchSession, timeout_s: float) -> int:
    """Waits for the graph's end: its exit code."""
    end_s = time.monotonic() + timeout_s
    while (code := session.poll(0.5)) is None:
        if time.monotonic() > end_s:
            raise BenchmarkError(
                f"the episodes are not played after {timeout_s:.0f} s: the machine is too busy for "
                "real time, episodes are given up and begun again"
            )
    return code


def _values(
    environment: Environment, unlimited: PlannerPolicy, limited: PlannerPolicy
) -> dict[str, float]:
    """What plans of both are worth above the plan of rest, on the states of the unlimited one.

    Both go on from their own plan before; both are judged by the same particles.
    """
    gains: dict[str, list[float]] = {"unlimited": [], "limited": []}
    seen, _ = begin_episode(environment, episode_seed(SEED, PLAY_STREAM, 0))
    unlimited.begin()
    limited.begin()
    for number in range(VALUE_STATES):
        action = unlimited.act(seen.observation, seen.desired_goal)
        limited.act(seen.observation, seen.desired_goal)
        assert unlimited.newest is not None and limited.newest is not None
        found = unlimited.newest.actions, limited.newest.actions
        plans = torch.stack((*found, torch.zeros_like(found[0])))
        goal = torch.from_numpy(seen.desired_goal)
        judge = replace(unlimited.imagination(goal), particles=VALUE_PARTICLES)
        start = torch.from_numpy(seen.observation)
        worth = judge.value(start, plans, torch.Generator().manual_seed(number))
        gains["unlimited"].append(float(worth[0] - worth[2]))
        gains["limited"].append(float(worth[1] - worth[2]))
        observed, _, terminated, truncated, _ = environment.step(action)
        seen = take_apart(observed)
        if terminated or truncated:
            break
    return {name: float(np.mean(found)) for name, found in gains.items()}
