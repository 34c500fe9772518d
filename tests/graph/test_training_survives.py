"""Training over the graph while its processes are killed: it goes on, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from conftest import Graph

from robot_learning.contract import config_dir
from robot_learning.launch import LaunchSession
from robot_learning.replay.audit import audit_journal
from robot_learning.training.policy_file import load_policy

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = 1000
OVERRIDES = {"warmup_steps": 300, "hidden_sizes": [32, 32], "batch_size": 64}

pytestmark = [pytest.mark.graph, pytest.mark.timeout(420)]


class Run:
    """A training launch that a test pokes at."""

    def __init__(self, session: LaunchSession, out: Path) -> None:
        self.session, self.out = session, out
        self.lines: list[str] = []

    def steps(self) -> int:
        path = self.out / "status.json"
        return int(json.loads(path.read_text())["steps"]) if path.exists() else 0

    def poll_until(self, steps: int, timeout_s: float = 120) -> None:
        end = time.monotonic() + timeout_s
        while self.steps() < steps:
            assert self.session.poll(0.1) is None, "the launch ended early:\n" + self.text()
            assert time.monotonic() < end, f"{self.steps()} of {steps} steps:\n" + self.text()

    def kill(self, name: str) -> None:
        label = next(p for p in self.session.processes if p.label.startswith(f"{name}-"))
        assert label.pid is not None
        os.kill(label.pid, signal.SIGKILL)

    def text(self) -> str:
        return "\n".join(self.lines[-80:])


def launch(out: Path, environment: dict[str, str], **arguments: str) -> Run:
    run: Run
    session = LaunchSession(
        REPOSITORY / "launch" / "sim_train.launch.xml",
        {
            "out": str(out),
            "steps": str(STEPS),
            "evaluation_episodes": "3",
            "overrides": json.dumps(OVERRIDES),
        }
        | arguments,
        environment=environment,
        log_dir=out / "log",
        on_line=lambda label, line: run.lines.append(f"[{label}] {line}"),
        quiet=True,
    )
    run = Run(session, out)
    return run


def test_kill_9_of_each_node_in_turn_loses_no_step_and_the_run_reaches_its_goal(
    graph: Graph, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    robot = tmp_path / "panda.yaml"  # with a small camera, so that the time goes into the graph
    text = (config_dir() / "robots" / "panda.yaml").read_text()
    robot.write_text(
        text.replace("width_px: 640", "width_px: 64")
        .replace("height_px: 480", "height_px: 48")
        .replace("rate_hz: 30.0", "rate_hz: 5.0")
    )
    run = launch(out, graph.environment, camera="true", robot=str(robot))
    with run.session:
        run.session.start()
        for share, name in enumerate(["learner", "policy", "sim", "camera"], start=1):
            run.poll_until(share * STEPS // 6)
            run.kill(name)
        while (code := run.session.poll(0.5)) is None:
            pass
    assert code == 0, run.text()
    respawned = {p.label.rsplit("-", 1)[0]: p.respawns for p in run.session.processes}
    assert [respawned[n] for n in ("learner", "policy", "sim", "camera")] == [1, 1, 1, 1]
    # Said what was missing.
    assert "silent" in run.text() or "is back" in "\n".join(run.lines)
    audit = audit_journal(out / "checkpoint")
    assert audit.repeated == 0 and audit.missing == 0
    assert audit.training_steps >= STEPS
    assert len(audit.actors) == 2, "the killed policy came back as another actor"
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["n"] == 3 and len(evaluation["wilson95"]) == 2
    assert load_policy(out).action_size == 3
    assert (out / "learning_curve.png").stat().st_size > 10_000
