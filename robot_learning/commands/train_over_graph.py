"""`robot-learning train TASK --over-graph`: the launch file, a live view, a report at the end."""

from __future__ import annotations

import json as json_module
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.commands.fail import refuse
from robot_learning.contract import Contract, load_contract
from robot_learning.launch import LaunchError, LaunchSession
from robot_learning.replay.audit import audit_journal
from robot_learning.training.progress import ProgressView, rate_with_interval
from robot_learning.training.run_directory import STATUS_FILE
from robot_learning.training.settings import parse_overrides
from robot_learning.workspace import WorkspaceError, graph_environment, workspace_dir

LAUNCH_FILE = Path("launch") / "sim_train.launch.xml"
# Lines of the nodes' logs that a person should see during the run.
_ALARMS = ("[ERROR]", "[FATAL]", "[WARN]")


def train_over_graph(
    *,
    task: str,
    robot: str,
    algorithm: str,
    steps: int,
    seed: int,
    out: Path,
    overrides: list[str],
    demonstrations: Path | None,
    success_classifier: Path | None,
    resume: bool,
    evaluation_episodes: int,
    json: bool,
) -> None:
    """Runs the graph to the end of the run and reports what came of it."""
    if (out / "config.yaml").exists() and not resume:
        refuse(f"{out} already holds a run: add --resume to go on with it, or choose another --out")
    contract = load_contract(robot, task)
    # What every node would refuse is refused before any is started.
    _require_settings(contract, algorithm, overrides, demonstrations)
    if success_classifier:
        _require_classifier(contract, success_classifier)
    arguments = {
        "task": task,
        "robot": robot,
        "algorithm": algorithm,
        "steps": str(steps),
        "seed": str(seed),
        "out": str(out.absolute()),
        "overrides": json_module.dumps(parse_overrides(overrides)),
        "demonstrations": str(demonstrations.absolute()) if demonstrations else "",
        "success_classifier": str(success_classifier.absolute()) if success_classifier else "",
        "resume": str(resume).lower(),
        "evaluation_episodes": str(evaluation_episodes),
    }
    begun_s = time.monotonic()
    log_dir = out / "log" / time.strftime("%Y%m%d-%H%M%S")
    try:
        with (
            ProgressView() as view,
            LaunchSession(
                workspace_dir().parent / LAUNCH_FILE,
                arguments,
                environment=graph_environment(),
                log_dir=log_dir,
                on_line=_Alarms(view),
                quiet=True,
            ) as session,
        ):
            session.start()
            while (code := session.poll(0.2)) is None:
                status = _read(out / STATUS_FILE)
                if not status:
                    status = {"title": f"{task} on {robot}", "phase": "starting the graph"}
                status["elapsed_s"] = time.monotonic() - begun_s
                view.show(status)
            restarts = {p.label: p.respawns for p in session.processes if p.respawns}
    except (LaunchError, WorkspaceError) as error:
        refuse(str(error))
    if code != 0:
        if code != 130 and session.failure:
            label, _ = session.failure
            print(
                f"robot-learning: {label} ended the run; see {log_dir}/{label}.log",
                file=sys.stderr,
            )
        elif code == 130:
            print(f"robot-learning: stopped; go on with --resume --out {out}", file=sys.stderr)
        raise typer.Exit(code)
    play = play_command(_shown(out), task, robot)
    _report(out, time.monotonic() - begun_s, restarts, play, json)


def _require_settings(
    contract: Contract, algorithm: str, overrides: list[str], demonstrations: Path | None
) -> None:
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.demonstrations import DemonstrationsError
    from robot_learning.training.demonstrated import with_demonstrations
    from robot_learning.training.settings import SettingsError
    from robot_learning.training.task_settings import task_learner_settings

    try:
        settings = task_learner_settings(
            contract, algorithm, overrides, seed=0, steps=1, evaluation_episodes=0
        )
        if demonstrations:
            with_demonstrations(settings, demonstrations)
    except (SettingsError, LookupError, DemonstrationsError) as error:
        refuse(str(error.args[0]))


def _require_classifier(contract: Contract, folder: Path) -> None:
    from robot_learning.contract import ContractError
    from robot_learning.rewards.pixels.classifier import ClassifierError
    from robot_learning.rewards.pixels.state_judge import classifier_of

    try:
        classifier_of(folder, contract)
    except (ContractError, ClassifierError) as error:
        refuse(str(error))


class _Alarms:
    """Shows warnings and errors of the nodes above the live view."""

    def __init__(self, view: ProgressView) -> None:
        self._view = view

    def __call__(self, label: str, line: str) -> None:
        if any(mark in line for mark in _ALARMS):
            self._view.say(f"[{label}] {line}")


def play_command(policy: str, task: str, robot: str) -> str:
    """What plays a policy over the graph, with robot and task where they are not the defaults."""
    command = f"robot-learning launch launch/sim_play.launch.xml policy:={policy}"
    command += f" robot:={robot}" if robot != "panda" else ""
    return command + (f" task:={task}" if task != "reach" else "")


def _report(
    out: Path, elapsed_s: float, restarts: dict[str, int], play: str, as_json: bool
) -> None:
    status, evaluation = _read(out / STATUS_FILE), _read(out / "evaluation.json")
    audit = audit_journal(out / "checkpoint")
    if as_json:
        print(
            json_module.dumps(
                {
                    "directory": str(out),
                    "status": status,
                    "evaluation": evaluation,
                    "elapsed_s": elapsed_s,
                    "restarts": restarts,
                    "journal": asdict(audit),
                    "next": play,
                }
            )
        )
        return
    table = Table(title="trained over the ROS 2 graph", show_header=False, title_justify="left")
    table.add_row("environment steps", f"{status['steps']}")
    table.add_row("episodes", f"{status['episodes']}")
    table.add_row("gradient updates", f"{status['updates']}")
    table.add_row(
        "steps in the journal",
        f"{audit.training_steps} of training, {audit.evaluation_steps} of evaluation, "
        f"{audit.repeated} twice, {audit.missing} missing",
    )
    table.add_row("steps that arrived again", f"{status['duplicates']}")
    table.add_row("time", f"{elapsed_s:.0f} s")
    if restarts:
        shown = ", ".join(f"{label} {count} times" for label, count in restarts.items())
        table.add_row("restarted", shown)
    window = int(status["success_window"])
    if window:
        low, high = status["success_wilson95"]
        table.add_row(
            "success while training",
            rate_with_interval(status["success_rate"], window, (low, high)),
        )
    if evaluation:
        low, high = evaluation["wilson95"]
        table.add_row(
            "success in evaluation",
            rate_with_interval(evaluation["success_rate"], evaluation["n"], (low, high)),
        )
    table.add_row("policy", f"{_shown(out)}/policy.safetensors")
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"learning curve: {_shown(out)}/learning_curve.png", highlight=False)
    console.print(f"next: {play}", highlight=False)


def _shown(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _read(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json_module.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value
