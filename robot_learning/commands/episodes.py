"""`robot-learning episodes`: what was recorded, whether it is whole, and what it was worth."""

from __future__ import annotations

import getpass
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from robot_learning.commands.fail import FAILED, USED_WRONGLY, fail, refuse
from robot_learning.demonstrations.bag_reader import BagError
from robot_learning.demonstrations.catalogue import CatalogueError
from robot_learning.demonstrations.check_store import (
    Checked,
    check_catalogue,
    check_files,
    check_unfinished,
)
from robot_learning.demonstrations.episode_info import OUTCOMES
from robot_learning.demonstrations.file_lock import BusyError
from robot_learning.demonstrations.message_codec import CodecError
from robot_learning.demonstrations.store import Store, StoreError

DEFAULT_STORE = Path("runs/demonstrations")

app = typer.Typer(help="Recorded episodes: list, check, repair, label, exchange.")

StoreOption = Annotated[Path, typer.Option("--store", help="Folder that `recorder` wrote to.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Episode = Annotated[str, typer.Argument(help="Its name, the beginning or end of it, or `last`.")]


@app.command("list")
def list_episodes(
    store: StoreOption = DEFAULT_STORE,
    outcome: Annotated[str, typer.Option(help="Only those that ended so.")] = "",
    task: Annotated[str, typer.Option(help="Only those of this task.")] = "",
    as_json: Json = False,
) -> None:
    """Lists episodes from the catalogue, the oldest first."""
    if outcome and outcome not in OUTCOMES:
        refuse(f"outcome {outcome!r} is not one of {', '.join(OUTCOMES)}")
    opened = open_store(store)
    with told():
        lines = opened.catalogue.all()
    chosen = [line for line in lines if outcome in ("", line.outcome) and task in ("", line.task)]
    if as_json:
        print(json.dumps({"store": str(store), "episodes": [asdict(line) for line in chosen]}))
        return
    table = Table()
    for header in ("episode", "outcome", "steps", "s", "MB", "lost", "operator"):
        table.add_column(header, no_wrap=True)
    table.add_column("notes", no_wrap=True, overflow="ellipsis")
    for line in chosen:
        table.add_row(
            line.id,
            line.outcome + (" (repaired)" if line.state == "repaired" else ""),
            str(line.steps),
            f"{line.duration_s:.1f}",
            f"{line.bytes / 1e6:.1f}",
            str(line.lost),
            line.operator,
            line.notes,
        )
    Console().print(table)
    counted = ", ".join(
        f"{sum(line.outcome == name for line in chosen)} {name}"
        for name in OUTCOMES
        if any(line.outcome == name for line in chosen)
    )
    print(f"{len(chosen)} episodes" + (f": {counted}" if counted else ""))


@app.command()
def show(episode: Episode, store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Shows one episode as its file has it: about it, and every stream with its rate."""
    opened = open_store(store)
    with told():
        path = opened.find(episode)
        read, summary = opened.read(path)
    labels = [asdict(label) for label in opened.labels(path)]
    picture = opened.picture_file(summary.id)
    if as_json:
        facts: dict[str, Any] = asdict(summary) | {"path": str(path), "labels": labels}
        facts["picture"] = str(picture) if picture.exists() else None
        facts["clock"] = read.info.clock
        print(json.dumps(facts))
        return
    console = Console()
    about = Table(show_header=False)
    for key, value in asdict(summary).items():
        if key != "streams":
            about.add_row(key, str(value))
    about.add_row("clock", read.info.clock)
    for label in labels:
        about.add_row("label", "{outcome} by {by} at {at} {note}".format(**label))
    about.add_row("picture", str(picture) if picture.exists() else "none: episodes picture")
    console.print(about)
    streams = Table()
    for header in ("topic", "type", "messages", "Hz", "longest gap s", "lost"):
        streams.add_column(header, overflow="fold")
    for stream in summary.streams:
        streams.add_row(
            stream.topic,
            stream.type_name,
            str(stream.messages),
            f"{stream.rate_hz:.2f}",
            f"{stream.longest_gap_s:.3f}",
            str(stream.lost),
        )
    console.print(streams)


@app.command()
def verify(
    episodes: Annotated[list[str] | None, typer.Argument(help="Which; all when none.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Reads every byte and checks files, steps, streams and the catalogue; exits with 1 for errors.

    Warnings are facts worth knowing (no camera, a rate below the contract's, a repaired file) and
    do not fail.
    """
    opened = open_store(store)
    with told():
        paths = [opened.find(text) for text in episodes] if episodes else opened.whole()
        with Progress(transient=True, disable=as_json, console=Console(stderr=True)) as progress:
            bar = progress.add_task("verifying", total=len(paths))
            checked, summaries = check_files(opened, paths, lambda: progress.advance(bar))
        if not episodes:
            checked += [*check_unfinished(opened), check_catalogue(opened, summaries)]
    _print_checked(store, checked, as_json)


def _print_checked(store: Path, checked: Sequence[Checked], as_json: bool) -> None:
    good = all(one.good for one in checked)
    if as_json:
        files = [
            {
                "name": one.name,
                "good": one.good,
                "findings": [asdict(finding) for finding in one.findings],
            }
            for one in checked
        ]
        print(json.dumps({"store": str(store), "good": good, "files": files}))
    else:
        for one in checked:
            for finding in one.findings:
                print(f"{one.name}: {finding.level}: {finding.text}")
        bad = sum(not one.good for one in checked)
        print(f"{len(checked)} checked, {bad} with errors")
    if not good:
        raise typer.Exit(FAILED)


@app.command()
def repair(
    episodes: Annotated[list[str] | None, typer.Argument(help="Whole ones to repair too.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Makes episodes whole whose recording was cut, and damaged ones that are named.

    What is whole stays; what is taken out is kept beside the file. One that is being recorded is
    left alone.
    """
    opened = open_store(store)
    done = []
    with told():
        for text in episodes or ():
            done.append(opened.repair(opened.find(text)))
        done += opened.repair_unfinished()
        for path in {*opened.uncatalogued(), *(one.path for one in done)}:
            opened.catalogue.put(opened.read(path)[1])
    if as_json:
        rows = [
            {
                "file": one.path.name,
                "messages": one.messages,
                "damages": [asdict(damage) for damage in one.damages],
                "kept_in": one.kept_in.name if one.kept_in else None,
            }
            for one in done
        ]
        print(json.dumps({"store": str(store), "repaired": rows}))
        return
    for one in done:
        kept = f"; what was taken out is in {one.kept_in.name}" if one.kept_in else ""
        print(f"{one.path.name}: {one.messages} messages are whole{kept}")
    print(f"{len(done)} repaired")


@app.command()
def label(
    episode: Episode,
    outcome: Annotated[str, typer.Argument(help=f"One of {', '.join(OUTCOMES)}.")],
    note: Annotated[str, typer.Option(help="Why, one line.")] = "",
    by: Annotated[str, typer.Option(help="Who says so; you when not given.")] = "",
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Says how an episode really ended; what was said before stays on record."""
    if outcome not in OUTCOMES:
        refuse(f"outcome {outcome!r} is not one of {', '.join(OUTCOMES)}")
    opened = open_store(store)
    with told():
        summary = opened.label(opened.find(episode), outcome, by or getpass.getuser(), note)
    if as_json:
        print(json.dumps(asdict(summary)))
    else:
        print(f"{summary.id}: {summary.outcome}")


@app.command()
def rebuild(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Makes the catalogue anew from the files; exits with 1 where one cannot be read."""
    opened = open_store(store)
    with told():
        checked, summaries = check_files(opened, opened.whole())
        opened.catalogue.replace_all(summaries)
    unread = [one for one in checked if one.name not in {line.file for line in summaries}]
    if as_json:
        names = [one.name for one in unread]
        print(json.dumps({"store": str(store), "episodes": len(summaries), "unreadable": names}))
    else:
        for one in unread:
            print(f"{one.name}: {one.findings[0].text}")
        print(f"{len(summaries)} episodes in {opened.catalogue.path}")
    if unread:
        raise typer.Exit(FAILED)


@app.command()
def picture(
    episodes: Annotated[list[str] | None, typer.Argument(help="Which; all without one.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Draws the summary picture of episodes: camera, joints, actions, rewards, who acted."""
    from robot_learning.demonstrations.picture import draw_episode

    opened = open_store(store)
    written: list[Path] = []
    with told():
        if episodes:
            paths = [opened.find(text) for text in episodes]
        else:
            paths = [
                path
                for path in opened.whole()
                if not opened.picture_file(path.name.removesuffix(".mcap")).exists()
            ]
        for path in paths:
            read, summary = opened.read(path)
            draw_episode(read, summary, opened.picture_file(summary.id))
            written.append(opened.picture_file(summary.id))
    if as_json:
        print(json.dumps({"store": str(store), "pictures": [str(path) for path in written]}))
    else:
        for path in written:
            print(path)


@app.command()
def play(
    episode: Episode,
    store: StoreOption = DEFAULT_STORE,
    rate: Annotated[float, typer.Option(min=0.01, max=100.0, help="Times as fast.")] = 1.0,
    under: Annotated[str, typer.Option(help="Namespace that its topics are put under.")] = "replay",
    domain: Annotated[int | None, typer.Option(min=0, max=101, help="ROS domain.")] = None,
) -> None:
    """Publishes an episode's streams again, under a namespace: nothing that moves listens there."""
    from robot_learning.workspace import WorkspaceError, graph_environment, workspace_dir

    opened = open_store(store)
    if not under.strip("/"):
        refuse("--under: a namespace is needed, or a played command would move what listens to it")
    with told():
        path = opened.find(episode)
    try:
        environment = graph_environment(domain)
    except WorkspaceError as error:
        refuse(str(error))
    node = workspace_dir() / "install" / "robot_learning_nodes" / "lib" / "robot_learning_nodes"
    command = [str(node / "episode_player"), "--ros-args", "-p", f"file:='{path}'"]
    command += ["-p", f"rate:={rate!r}", "-p", f"under:='{under}'"]
    done = subprocess.run(command, env=environment)
    if done.returncode:
        raise typer.Exit(FAILED)


def open_store(folder: Path) -> Store:
    """The store in a folder, which must be there."""
    if not folder.is_dir():
        refuse(
            f"{folder}: no such folder; record some episodes first: "
            "robot-learning launch launch/record_demos.launch.xml, or say --store FOLDER"
        )
    return Store(folder)


@contextmanager
def told() -> Iterator[None]:
    """Turns what can go wrong with episodes into one line and an exit code."""
    try:
        yield
    except StoreError as error:
        fail(str(error), USED_WRONGLY)
    except (BagError, CodecError, CatalogueError, BusyError, ValueError) as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"{error.filename or ''}: {error.strerror or error}", FAILED)
