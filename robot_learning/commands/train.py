"""`robot-learning train`: learn a policy in this process, or over the graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from robot_learning.commands.fail import fail, refuse
from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.commands.train_over_graph import play_command, train_over_graph
from robot_learning.contract import ContractError, load_contract
from robot_learning.training.progress import ProgressView, rate_with_interval
from robot_learning.training.run_directory import RunDirectory, RunDirectoryError, next_free

_TASK_STEPS, _ENVIRONMENT_STEPS = 12_000, 20_000


def train(
    task: Annotated[
        str | None, typer.Argument(help="Task in config/tasks, or a path to YAML.")
    ] = None,
    robot: Annotated[str, typer.Option(help="Robot in config/robots, or a path.")] = "panda",
    env: Annotated[
        str | None, typer.Option(help="Instead of a task: gymnasium:ID, any Gymnasium id.")
    ] = None,
    import_module: Annotated[
        str | None, typer.Option("--import", help="Module to import first; registers the id.")
    ] = None,
    frame_stack: Annotated[
        int,
        typer.Option(min=1, help="With --env: see so many of the newest observations as one."),
    ] = 1,
    algorithm: Annotated[str, typer.Option(help="Learning method.")] = "td3",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Environment steps: 12000 for a task, 20000 for --env."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run; by default a new one under runs/.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key=value for a hyper-parameter; repeat.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    evaluation_episodes: Annotated[
        int, typer.Option(min=0, help="Evaluation episodes at the end.")
    ] = 100,
    evaluate_every: Annotated[
        int, typer.Option(min=0, help="Steps between evaluations; the best policy is in best/.")
    ] = 0,
    expert: Annotated[
        str | None,
        typer.Option(help="Whom to imitate: a policy's folder, scripted, or module:function."),
    ] = None,
    demonstrations: Annotated[
        Path | None,
        typer.Option(help="Steps to learn from too: of `demonstrate`, or a store."),
    ] = None,
    success_classifier: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a classifier (see `reward`) whose word on pictures is the only reward; "
            "figures of success are its own then, and `evaluate` judges by the task."
        ),
    ] = None,
    anticipate: Annotated[
        bool,
        typer.Option(
            "--anticipate",
            help="See the arm where it is told to be, for an arm that follows late; evaluate and "
            "play the policy so too.",
        ),
    ] = False,
    over_graph: Annotated[
        bool, typer.Option("--over-graph", help="Train over the ROS 2 graph instead.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learns a policy and leaves it, its figures and its checkpoint in a folder."""
    if (task is None) == (env is None):
        refuse("name a task (robot-learning train reach) or --env gymnasium:ID, one of the two")
    if env and success_classifier:
        refuse("--success-classifier judges a task's pictures; --env has its own rewards")
    if task and frame_stack > 1:
        refuse("--frame-stack is for --env; what a task's policy sees is in its contract")
    if anticipate and (env or success_classifier or over_graph):
        refuse("--anticipate is for a task in this process, judged by the task")
    if resume and out is None:
        refuse("--resume needs --out, the folder of the run to go on with")
    steps = steps or (_TASK_STEPS if task else _ENVIRONMENT_STEPS)
    if out is None:
        label = task or (env or "").rpartition(":")[2]
        out = next_free(Path("runs"), f"{Path(label).stem}-{algorithm}-seed{seed}")
    if over_graph:
        if task is None:
            refuse("--over-graph trains a task, not --env")
        if evaluate_every:
            refuse("--evaluate-every is for training in process, not --over-graph")
        train_over_graph(
            task=task,
            robot=robot,
            algorithm=algorithm,
            steps=steps,
            seed=seed,
            out=out,
            overrides=overrides or [],
            demonstrations=demonstrations,
            success_classifier=success_classifier,
            resume=resume,
            evaluation_episodes=evaluation_episodes,
            json=as_json,
        )
        return
    # What was asked for, as it goes into config.yaml.
    request = {
        "task": task,
        "robot": robot if task else None,
        "env": env,
        "import": import_module,
        "frame_stack": frame_stack,
        "algorithm": algorithm,
        "steps": steps,
        "seed": seed,
        "evaluation_episodes": evaluation_episodes,
        "evaluate_every": evaluate_every,
        "expert": expert,
        "demonstrations": str(demonstrations) if demonstrations else None,
        "success_classifier": str(success_classifier) if success_classifier else None,
        "anticipate": anticipate,
    }
    directory = RunDirectory(out)
    with foreign_output_to_stderr():
        report = _train_in_process(request, overrides or [], directory, resume)
    next_command = _next_command(request, out)
    if as_json:
        print(json.dumps(report.as_json() | {"next": next_command}))
    else:
        _print_report(report, directory, next_command)


def _train_in_process(
    request: dict[str, Any], overrides: list[str], directory: RunDirectory, resume: bool
) -> Any:
    """Trains; the run's `Report`."""
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.demonstrations import DemonstrationsError
    from robot_learning.dynamics import DynamicsError
    from robot_learning.files import FileWriteError, explain
    from robot_learning.planning.objectives import ObjectiveError
    from robot_learning.replay import JournalError, StepError
    from robot_learning.rewards.pixels.classifier import ClassifierError
    from robot_learning.training.checkpoint import CheckpointError
    from robot_learning.training.demonstrated import with_demonstrations
    from robot_learning.training.environments import EnvironmentFailedError, EnvironmentRefusedError
    from robot_learning.training.expert import ExpertError, find_expert
    from robot_learning.training.guarded_updates import DivergedError
    from robot_learning.training.interrupt import Interrupted
    from robot_learning.training.learner_types import require_steps
    from robot_learning.training.open_trainer import open_trainer
    from robot_learning.training.policy_file import PolicyFileError
    from robot_learning.training.run import TrainingRun
    from robot_learning.training.settings import SettingsError

    try:
        make_environment, settings, title = _prepare(request, overrides)
        require_steps(settings)
        if request["demonstrations"]:
            settings = with_demonstrations(settings, Path(request["demonstrations"]))
        asked = find_expert(settings, request["expert"])
        config = request | {"hyper_parameters": settings.hyper.model_dump(mode="json")}
        if settings.contract:
            config["contract_sha256"] = settings.contract_sha256
            config["contract"] = settings.contract.model_dump(mode="json")
        directory.begin(config, resume=resume)
        with ProgressView() as progress:

            def view(status: Mapping[str, Any], now: bool) -> None:
                progress.show(status, now=now)

            environment = make_environment()
            trainer = open_trainer(
                settings,
                environment,
                make_environment,
                directory.checkpoint,
                resume=resume,
                expert=asked,
            )
            directory.write_config(config)
            return TrainingRun(
                trainer,
                environment,
                directory,
                title=title,
                view=view,
                evaluate_every=request["evaluate_every"],
            ).run()
    except (SettingsError, EnvironmentRefusedError, LookupError, ContractError) as error:
        refuse(str(error.args[0] if error.args else error))
    except (RunDirectoryError, CheckpointError, JournalError) as error:
        refuse(str(error))
    except (DemonstrationsError, ExpertError, PolicyFileError, ClassifierError) as error:
        refuse(str(error))
    except ObjectiveError as error:
        refuse(str(error))
    except Interrupted:
        fail(
            f"stopped; the checkpoint is in {directory.path}. "
            "Go on with the same command and --resume",
            130,
        )
    except (StepError, EnvironmentFailedError, DivergedError, FloatingPointError) as error:
        fail(str(error), 1)
    except DynamicsError as error:
        fail(str(error), 1)
    except FileWriteError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(explain(Path(error.filename or directory.path), error), 1)


def _prepare(request: dict[str, Any], overrides: list[str]) -> tuple[Callable[[], Any], Any, str]:
    """What makes the environment, the settings of the run, and a title."""
    from robot_learning.training.environments import make_environment
    from robot_learning.training.open_trainer import environment_settings, task_settings
    from robot_learning.training.tasks import make_contract_environment

    plan = {key: request[key] for key in ("seed", "steps", "evaluation_episodes")}
    algorithm = request["algorithm"]
    if request["task"]:
        contract = load_contract(request["robot"], request["task"])
        settings = task_settings(contract, algorithm, overrides, **plan)
        title = f"{contract.task.name} on {contract.robot.name}, {algorithm}"
        if not (folder := request["success_classifier"]):
            make_task = partial(
                make_contract_environment, contract, anticipate=request["anticipate"]
            )
            return make_task, settings, title
        title += ", judged by pictures"
        return partial(make_contract_environment, contract, Path(folder)), settings, title
    stack = request["frame_stack"]
    make = partial(make_environment, request["env"], request["import"], stack)
    settings = environment_settings(
        make(), request["env"], algorithm, overrides, **plan, frame_stack=stack
    )
    return make, settings, f"{request['env']}, {algorithm}"


def _print_report(report: Any, directory: RunDirectory, next_command: str) -> None:
    table = Table(title="trained", show_header=False, title_justify="left")
    table.add_row("environment steps", f"{report.steps} ({report.steps_per_s:.0f}/s)")
    table.add_row("episodes", f"{report.episodes}")
    table.add_row("gradient updates", f"{report.updates} ({report.updates_per_s:.0f}/s)")
    table.add_row("time", f"{report.elapsed_s:.0f} s")
    if report.training_success_rate is not None:
        text = rate_with_interval(
            report.training_success_rate,
            report.training_success_n,
            report.training_success_wilson95,
        )
        table.add_row("success while training", text)
    if evaluation := report.evaluation:
        if evaluation.success_rate is not None:
            text = rate_with_interval(evaluation.success_rate, evaluation.n, evaluation.wilson95)
            table.add_row("success in evaluation", text)
        table.add_row(
            "return in evaluation",
            f"{evaluation.mean_return:.1f} ± {evaluation.std_return:.1f} (n = {evaluation.n})",
        )
    table.add_row("policy", f"{directory.path}/policy.safetensors")
    table.add_row("its SHA-256", report.weights_sha256[:16])
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"learning curve: {directory.learning_curve}", highlight=False)
    console.print(f"next: {next_command}", highlight=False)


def _next_command(request: dict[str, Any], out: Path) -> str:
    if request["task"]:
        command = play_command(str(out), request["task"], request["robot"])
        return command + (" anticipate:=true" if request["anticipate"] else "")
    more = f" --import {request['import']}" if request["import"] else ""
    return f"robot-learning evaluate {out}{more} --episodes 100"
