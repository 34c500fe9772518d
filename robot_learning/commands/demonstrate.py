"""`robot-learning demonstrate`: write a scripted expert's episodes to a file."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from robot_learning.commands.fail import fail, refuse
from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.training.progress import rate_with_interval


def demonstrate(
    out: Annotated[Path, typer.Option(help="File to write; for train --demonstrations.")],
    task: Annotated[
        str | None,
        typer.Argument(help="Task in config/tasks, or a path to YAML: lift, push, insertion."),
    ] = None,
    robot: Annotated[str, typer.Option(help="Robot in config/robots, or a path.")] = "panda",
    env: Annotated[
        str | None,
        typer.Option(help="Instead of a task: gymnasium:ID that there is a scripted expert for."),
    ] = None,
    import_module: Annotated[
        str | None, typer.Option("--import", help="Module to import first; registers the id.")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    noise_std: Annotated[
        float, typer.Option(min=0.0, help="Noise on its actions, in units of [-1, 1].")
    ] = 0.0,
    failures: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of episodes that fail on purpose.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Plays a scripted operator and writes every step, with the rate of success."""
    if (task is None) == (env is None):
        refuse("name a task (robot-learning demonstrate lift) or --env gymnasium:ID, not both")
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.contract import ContractError
    from robot_learning.demonstrations.operators import scripted_operator
    from robot_learning.demonstrations.record import Expert, record_demonstrations
    from robot_learning.demonstrations.scripted import scripted_expert
    from robot_learning.files import explain
    from robot_learning.replay import StepError
    from robot_learning.training.environments import (
        EnvironmentFailedError,
        EnvironmentRefusedError,
        make_environment,
    )
    from robot_learning.training.tasks import make_task_environment

    try:
        with foreign_output_to_stderr():
            expert: Expert
            sha256 = ""
            if task is not None:
                environment, contract = make_task_environment(task, robot)
                expert, sha256 = scripted_operator(contract), contract.sha256
            else:
                expert = scripted_expert(env or "")
                environment = make_environment(env or "", import_module)
            with Progress(console=Console(file=sys.stderr), transient=True) as progress:
                bar = progress.add_task("episodes", total=episodes)
                recorded = record_demonstrations(
                    environment,
                    expert,
                    out,
                    episodes=episodes,
                    seed=seed,
                    noise_std=noise_std,
                    failure_share=failures,
                    contract_sha256=sha256,
                    on_episode=partial(progress.advance, bar),
                )
    except LookupError as error:
        fail(str(error.args[0]), 2)
    except (EnvironmentFailedError, StepError) as error:
        fail(str(error), 1)
    except (ContractError, EnvironmentRefusedError, FileExistsError, ValueError) as error:
        fail(str(error), 2)
    except OSError as error:
        fail(explain(out, error), 1)
    facts = recorded.as_json()
    if as_json:
        print(json.dumps({"file": str(out), **facts}))
        return
    rate = rate_with_interval(facts["success_rate"], recorded.episodes, facts["wilson95"])
    asked = f", {recorded.failures_asked} episodes failing on purpose" if failures else ""
    print(f"{out}: {recorded.steps} steps, success {rate}{asked}")
