"""`robot-learning reward`: success from pictures, in the place of what a simulator knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from robot_learning.commands.fail import FAILED, fail, refuse
from robot_learning.commands.standard_output import foreign_output_to_stderr
from robot_learning.training.progress import ProgressView

app = typer.Typer(
    help="Success from pictures: label frames, learn a classifier of them, look at it.",
    no_args_is_help=True,
)

REPORT_FILE, PICTURE_FILE = "success_classifier.json", "success_classifier.png"
_Frames = Annotated[Path, typer.Argument(help="Folder of labelled frames.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def collect(
    task: Annotated[str, typer.Argument(help="Task with a success_image: lift, or YAML.")],
    out: Annotated[Path, typer.Option(help="Folder of labelled frames.")],
    robot: Annotated[str, typer.Option(help="Robot in config/robots, or a path.")] = "panda",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes.")] = 200,
    failures: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of episodes that fail on purpose.")
    ] = 0.5,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a policy that plays instead: one that was trained by a classifier's "
            "word shows what that is wrong about."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    as_json: _Json = False,
) -> None:
    """Plays a scripted operator in simulation, and labels what the camera sees by the task."""
    from robot_learning.contract import load_contract
    from robot_learning.hardware import open_hardware
    from robot_learning.rewards.pixels.collecting import collect_frames
    from robot_learning.rewards.pixels.frames import FrameStore, PictureView
    from robot_learning.training.policy_file import load_policy

    with _refusals():
        contract = load_contract(robot, task)
        player = load_policy(policy, contract) if policy else None
        store = FrameStore(out, PictureView.of(contract))
        with (
            foreign_output_to_stderr(),
            closing(open_hardware("sim", contract)) as hardware,
            Progress(console=Console(stderr=True), transient=True) as progress,
        ):
            pictures, successes = collect_frames(
                hardware,
                store,
                episodes=episodes,
                seed=seed,
                failure_share=0.0 if player else failures,
                on_episode=partial(progress.advance, progress.add_task("episodes", total=episodes)),
                policy=player,
            )
    facts = {"episodes": episodes, "pictures": pictures, "of_success": successes}
    if as_json:
        print(json.dumps({"folder": str(out), **facts}))
    else:
        print(f"{out}: {pictures} pictures of {episodes} episodes, {successes} of success")


@app.command()
def extract(
    store: Annotated[Path, typer.Argument(help="Folder of recorded episodes.")],
    out: Annotated[Path, typer.Option(help="Folder of labelled frames; more are added.")],
    unsure_s: Annotated[
        float,
        typer.Option(min=0.0, help="Left out before a success that only a person said, s."),
    ] = 2.0,
    as_json: _Json = False,
) -> None:
    """Takes pictures out of recorded episodes, labelled by how the episodes went."""
    from robot_learning.demonstrations.store import Store
    from robot_learning.rewards.pixels.recorded import take_frames

    episodes = Store(store)
    if not (total := len(episodes.whole())):
        refuse(f"{store}: there are no episodes; record some: launch/record_demos.launch.xml")
    with _refusals(), Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("episodes", total=total)
        taken = take_frames(
            episodes, out, unsure_s=unsure_s, on_episode=partial(progress.advance, bar)
        )
    for line in taken.left_out:
        Console(stderr=True).print(f"robot-learning: {line}", markup=False, soft_wrap=True)
    facts = {
        "episodes": taken.episodes,
        "left_out": len(taken.left_out),
        "pictures": taken.pictures,
        "of_success": taken.of_success,
    }
    if as_json:
        print(json.dumps({"folder": str(out), **facts}))
    if not taken.episodes:
        fail(f"{store}: none of {total} episodes has pictures to take", FAILED)
    if not as_json:
        print(
            f"{out}: {taken.pictures} pictures of {taken.episodes} episodes, "
            f"{taken.of_success} of success; {len(taken.left_out)} episodes left out"
        )


@app.command()
def fit(
    frames: _Frames,
    out: Annotated[Path, typer.Option(help="Folder for the classifier and its report.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of division, weights, batches.")] = 0,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key=value for a setting; repeat.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Learns a classifier, and reports on episodes that it did not learn from."""
    # Late: torch takes seconds to import, and `--help` should not.
    from robot_learning.files import write_atomic
    from robot_learning.rewards.pixels.fitting import divide, fit_classifier
    from robot_learning.rewards.pixels.frames import FrameStore, view_of
    from robot_learning.rewards.pixels.report import draw_report, judge_held_out
    from robot_learning.rewards.pixels.settings import ClassifierSettings
    from robot_learning.training.settings import with_overrides

    with _refusals():
        settings = with_overrides("the classifier", ClassifierSettings, overrides or [])
        store = FrameStore(frames, view_of(frames))
        episodes = list(store.episodes())
        for line in store.damaged:
            Console(stderr=True).print(f"robot-learning: {line}", markup=False, soft_wrap=True)
        division = divide(episodes, settings, seed)
        with ProgressView() as progress:

            def say(updates: int, loss: float) -> None:
                title = f"success of {store.view.task}"
                message = f"loss on episodes kept for tuning {loss:.4f}"
                goal = {"steps": updates, "steps_goal": settings.updates}
                progress.show({"title": title, "phase": "fitting", **goal, "message": message})

            classifier = fit_classifier(division, store.view, settings, seed, say)
        held_out, scores = judge_held_out(classifier, division.held_out)
        classifier.about["held_out"] = held_out.plain()
        classifier.about["episodes"] = {
            "learn": len(division.learn),
            "tune": len(division.tune),
            "held_out": [episode.name for episode in division.held_out],
        }
        classifier.save(out)
        report = {
            "view": store.view.task,
            "threshold": classifier.threshold,
            "hold_steps": classifier.hold_steps,
            **classifier.about,
        }
        write_atomic(out / REPORT_FILE, json.dumps(report, indent=1).encode())
        draw_report(classifier, division.held_out, scores, held_out, out / PICTURE_FILE)
    _show(report, as_json)
    if not as_json:
        Console(soft_wrap=True).print(f"look at: {out / PICTURE_FILE}", highlight=False)


@app.command()
def show(
    classifier: Annotated[Path, typer.Argument(help="Folder of a classifier.")],
    as_json: _Json = False,
) -> None:
    """Says what a classifier judges, and how good it was on held-out episodes."""
    from robot_learning.rewards.pixels.classifier import read_success_classifier

    with _refusals():
        found = read_success_classifier(classifier)
    task, limits = found.view.task, {"threshold": found.threshold, "hold_steps": found.hold_steps}
    _show({"view": task, **limits, **found.about}, as_json)


@app.command()
def label(
    frames: _Frames,
    episode: Annotated[str, typer.Argument(help="Name of the episode.")],
    word: Annotated[Literal["success", "failure"], typer.Argument(help="What they show.")],
    by: Annotated[str, typer.Option(help="Who says so.")],
    why: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
    first: Annotated[int, typer.Option(min=0, help="First picture.")] = 0,
    last: Annotated[
        int | None, typer.Option(min=0, help="Last picture; by default the episode's.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Changes labels of an episode's pictures; who did, and why, is written down."""
    from robot_learning.rewards.pixels.frames import FrameStore, view_of

    with _refusals():
        store = FrameStore(frames, view_of(frames))
        changed = store.relabel(episode, word == "success", by, why, first, last)
    if as_json:
        print(json.dumps({"episode": episode, "changed": changed}))
    else:
        print(f"{episode}: {changed} labels changed to {word}")


@contextmanager
def _refusals() -> Iterator[None]:
    """One line for what can go wrong."""
    from robot_learning.contract import ContractError
    from robot_learning.files import FileWriteError, explain
    from robot_learning.rewards.pixels.classifier import ClassifierError
    from robot_learning.rewards.pixels.frames import FramesError
    from robot_learning.training.policy_file import PolicyFileError
    from robot_learning.training.settings import SettingsError

    try:
        yield
    except (FramesError, ClassifierError, SettingsError, ContractError, PolicyFileError) as error:
        refuse(str(error))
    except LookupError as error:
        refuse(str(error.args[0]))
    except FileWriteError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(explain(Path(error.filename or "."), error), FAILED)


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(report))
        return
    held_out = report["held_out"]
    table = Table(
        title=f"success of {report['view']}, on held-out episodes",
        show_header=False,
        title_justify="left",
    )
    names = {
        "false_positives": "failures taken for success, pictures",
        "false_negatives": "successes not seen, pictures",
        "false_episodes": "failed episodes called a success",
        "early_episodes": "successes said too early, episodes",
        "missed_episodes": "successes never said, episodes",
    }
    for key, text in names.items():
        table.add_row(text, _percent(held_out[key]))
    table.add_row("calibration error", f"{held_out['calibration_error']:.3f}")
    table.add_row("threshold", f"{report['threshold']:.3f}, for {report['hold_steps']} in a row")
    Console(soft_wrap=True).print(table)


def _percent(row: dict[str, Any]) -> str:
    """A share that may be below one in a hundred, with its sample size and Wilson interval."""
    if row["share"] is None:
        return "none there"
    low, high = row["wilson95"]
    return f"{row['share']:.2%} (n = {row['n']}, 95 % {low:.2%} to {high:.2%})"
