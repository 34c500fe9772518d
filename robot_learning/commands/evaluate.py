"""`robot-learning evaluate`: how good is a policy, by a fixed protocol."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from robot_learning.commands.fail import fail
from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.contract import ContractError
from robot_learning.training.progress import rate_with_interval


def evaluate(
    policy_dir: Annotated[Path, typer.Argument(help="Folder of policy.safetensors, policy.json.")],
    task: Annotated[
        str | None, typer.Option(help="Task; by default the policy's own contract.")
    ] = None,
    robot: Annotated[str, typer.Option(help="Robot, with --task.")] = "panda",
    env: Annotated[
        str | None, typer.Option(help="gymnasium:ID; by default the policy's own.")
    ] = None,
    import_module: Annotated[
        str | None, typer.Option("--import", help="Module to import first; registers the id.")
    ] = None,
    anticipate: Annotated[
        bool,
        typer.Option(
            "--anticipate",
            help="With --task: show the policy where the arm is told to be, not where it is "
            "measured; for an arm that follows late.",
        ),
    ] = False,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the list of episodes.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Runs a policy without exploration and prints return, success and interval."""
    from robot_learning.evaluation.decisions import Decisions
    from robot_learning.evaluation.rollout import evaluate as run_episodes
    from robot_learning.training.environments import EnvironmentFailedError, EnvironmentRefusedError
    from robot_learning.training.policy_file import PolicyFileError, read_policy

    try:
        with foreign_output_to_stderr():
            file = read_policy(policy_dir)
            environment, has_success = _environment_for(
                file, policy_dir, task, robot, env, import_module, anticipate
            )
            contract = file.contract
            decisions = Decisions(contract.robot.operation.doubt if contract else None)
            with Progress(console=Console(file=sys.stderr), transient=True) as progress:
                bar = progress.add_task("episodes", total=episodes)
                result = run_episodes(
                    environment,
                    file.policy,
                    episodes=episodes,
                    seed=seed,
                    hold_steps=contract.task.hold_steps if contract else 1,
                    has_success=has_success,
                    on_episode=lambda _: progress.advance(bar),
                    on_decision=decisions.add,
                )
    except (PolicyFileError, EnvironmentRefusedError, ContractError) as error:
        fail(str(error), 2)
    except LookupError as error:
        fail(str(error.args[0]), 2)
    except (ValueError, EnvironmentFailedError) as error:
        fail(str(error), 1)
    facts = {
        **result.as_json(),
        "contract": contract.sha256 if contract else None,
        "policy_version": file.policy.version,
        **decisions.as_json(),
    }
    if as_json:
        print(json.dumps(facts))
        return
    table = Table(title=f"{policy_dir}", show_header=False, title_justify="left")
    if result.success_rate is not None and result.wilson95 is not None:
        table.add_row("success", rate_with_interval(result.success_rate, result.n, result.wilson95))
    table.add_row("return", f"{result.mean_return:.1f} ± {result.std_return:.1f} (n = {result.n})")
    took_ms, doubt = facts["decision_ms"], facts.get("doubt")
    table.add_row(
        "decision", f"{took_ms['median']:.1f} ms, at most {took_ms['p99']:.1f} ms in 99 of 100"
    )
    if doubt:
        table.add_row(
            "doubt",
            f"{doubt['median']:.1f}, at most {doubt['p99']:.1f} in 99 of 100; "
            f"slowed {doubt['slowed']:.1%}, refused {doubt['refused']:.1%} of the actions",
        )
    table.add_row("policy version", f"{file.policy.version}")
    table.add_row("contract", facts["contract"] or f"none ({file.environment})")
    Console(soft_wrap=True).print(table)


def _environment_for(
    file: Any,
    policy_dir: Path,
    task: str | None,
    robot: str,
    env: str | None,
    import_module: str | None,
    anticipate: bool,
) -> tuple[Any, bool]:
    """The environment to evaluate on, and whether it knows success; sizes are checked."""
    from robot_learning.contract import load_contract
    from robot_learning.training.environments import make_environment, spaces_of
    from robot_learning.training.policy_file import PolicyFileError, require_contract
    from robot_learning.training.tasks import make_contract_environment

    what = f"the policy in {policy_dir}"
    if task is not None and env is not None:
        raise PolicyFileError("give --task or --env, not both")
    if task is not None:
        contract = load_contract(robot, task)
        require_contract(file, contract, what)
        # The arm as this file describes it: how it follows is not what a policy was made for.
        return make_contract_environment(contract, anticipate=anticipate), True
    if anticipate:
        raise PolicyFileError("--anticipate is for a task: give --task too")
    if env is None and file.contract is not None:
        return make_contract_environment(file.contract), True
    environment = make_environment(env or file.environment, import_module, file.frame_stack)
    spaces = spaces_of(environment)
    needs = (file.policy.observation_size, file.policy.goal_size, file.policy.action_size)
    if needs != (spaces.observation_size, spaces.goal_size, spaces.action_size):
        raise PolicyFileError(
            f"{what} takes (observation, goal, action) of sizes {needs}, {env or file.environment} "
            f"has {(spaces.observation_size, spaces.goal_size, spaces.action_size)}"
        )
    return environment, spaces.goal_size > 0
