"""`robot-learning demonstrate`: write a scripted expert's episodes to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from robot_learning.commands.fail import fail
from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.training.progress import rate_with_interval


def demonstrate(
    env: Annotated[str, typer.Option(help="gymnasium:ID that there is a scripted expert for.")],
    out: Annotated[Path, typer.Option(help="File to write; for train --demonstrations.")],
    import_module: Annotated[
        str | None, typer.Option("--import", help="Module to import first; registers the id.")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    noise_std: Annotated[
        float, typer.Option(min=0.0, help="Noise on its actions, in units of [-1, 1].")
    ] = 0.0,
    failures: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of episodes played to a wrong goal.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Plays a scripted expert and writes every step, with the rate of success."""
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.demonstrations.record import record_demonstrations
    from robot_learning.demonstrations.scripted import scripted_expert
    from robot_learning.replay import StepError
    from robot_learning.training.environments import (
        EnvironmentFailedError,
        EnvironmentRefusedError,
        make_environment,
    )

    try:
        with foreign_output_to_stderr():
            expert = scripted_expert(env)
            recorded = record_demonstrations(
                make_environment(env, import_module),
                expert,
                out,
                episodes=episodes,
                seed=seed,
                noise_std=noise_std,
                failure_share=failures,
            )
    except LookupError as error:
        fail(str(error.args[0]), 2)
    except (EnvironmentFailedError, StepError) as error:
        fail(str(error), 1)
    except (EnvironmentRefusedError, FileExistsError, ValueError) as error:
        fail(str(error), 2)
    except OSError as error:
        fail(str(error), 1)
    facts = recorded.as_json()
    if as_json:
        print(json.dumps({"file": str(out), **facts}))
        return
    rate = rate_with_interval(facts["success_rate"], recorded.episodes, facts["wilson95"])
    asked = f", {recorded.failures_asked} episodes to a wrong goal" if failures else ""
    print(f"{out}: {recorded.steps} steps, success {rate}{asked}")
