"""`robot-learning episodes export|import`: other people's formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from robot_learning.commands.episodes import DEFAULT_STORE, Json, StoreOption, app, open_store, told
from robot_learning.commands.fail import FAILED, refuse
from robot_learning.contract import load_contract
from robot_learning.demonstrations.bag_reader import BagError
from robot_learning.demonstrations.episode_info import OUTCOMES, EpisodeInfo
from robot_learning.demonstrations.exchange.aligned import AlignedEpisode, align
from robot_learning.demonstrations.exchange.report import ExchangeError, Report
from robot_learning.demonstrations.exchange.write_episode import TopicNames, write_episode
from robot_learning.demonstrations.message_codec import CodecError
from robot_learning.demonstrations.store import Store

FORMATS = ("lerobot", "robomimic", "rosbag2")
__all__ = ["app"]
GRAPH_TOPICS = TopicNames("/episode_step", "/{camera}/color/image_raw/compressed")

Format = Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")]


@app.command()
def export(
    episodes: Annotated[list[str] | None, typer.Argument(help="Which; all when none.")] = None,
    kind: Format = "lerobot",
    out: Annotated[Path, typer.Option(help="New folder; for robomimic a new file.")] = Path(
        "runs/export"
    ),
    outcomes: Annotated[
        str, typer.Option(help="Outcomes to take, comma-separated; failures are data too.")
    ] = "success,failure,unlabelled",
    cameras: Annotated[
        str, typer.Option(help="Cameras to take, comma-separated; `all`, or `none`.")
    ] = "all",
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Writes episodes as a LeRobotDataset v3.0, robomimic's HDF5, or bags of `ros2 bag`.

    Timestamps are the sources' own. What the format cannot hold is said. Exits with 1 when an
    episode was left out that was asked for.
    """
    from robot_learning.demonstrations.exchange.lerobot_export import export_lerobot
    from robot_learning.demonstrations.exchange.robomimic import export_robomimic
    from robot_learning.demonstrations.exchange.rosbag import export_rosbag

    _require_format(kind)
    wanted = [outcome.strip() for outcome in outcomes.split(",")]
    unknown = [outcome for outcome in wanted if outcome not in OUTCOMES]
    if unknown:
        refuse(f"outcome {unknown[0]!r} is not one of {', '.join(OUTCOMES)}")
    opened = open_store(store)
    report = Report()
    with told():
        paths = [opened.find(text) for text in episodes] if episodes else opened.whole()
        chosen = _chosen(opened, paths, wanted, report, named=bool(episodes))
        if kind == "rosbag2":
            export_rosbag(opened, [path for path, _ in chosen], out, report)
        else:
            names = _cameras(cameras)
            aligned = _aligned(opened, chosen, names, report)
            (export_lerobot if kind == "lerobot" else export_robomimic)(aligned, out, report)
    _print(report, out, as_json, strict=bool(episodes))


@app.command("import")
def import_episodes(
    path: Annotated[Path, typer.Argument(help="Data set, HDF5 file, bag folder or MCAP.")],
    kind: Annotated[
        str, typer.Option("--format", help="As for export; found out when empty.")
    ] = "",
    robot: Annotated[str, typer.Option(help="Robot contract, for files that name none.")] = "",
    task: Annotated[str, typer.Option(help="Task contract, for files that name none.")] = "",
    operator: Annotated[
        str, typer.Option(help="Who demonstrated, for files that do not say.")
    ] = "",
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Takes episodes in from a LeRobotDataset v3.0, robomimic's HDF5, or a bag.

    What this software exported comes back as it was; of others what they know. What is not known
    is said.
    """
    from robot_learning.demonstrations.exchange.rosbag import import_rosbag
    from robot_learning.workspace import message_prefixes

    if not path.exists():
        refuse(f"{path}: no such file or folder")
    kind = kind or _found_format(path)
    _require_format(kind)
    report, opened = Report(), Store(store)
    about: dict[str, Any] = {"operator": operator}
    if robot or task:
        contract = load_contract(robot or "panda", task or "reach")
        about |= {
            "robot": contract.robot.name,
            "task": contract.task.name,
            "contract_sha256": contract.sha256,
            "contract": contract.model_dump(mode="json"),
        }
    written: list[Path] = []
    with told():
        if kind == "rosbag2":
            written = import_rosbag(path, opened, about, report)
        else:
            for episode in _tables(kind, path, about, report):
                written.append(write_episode(opened, episode, GRAPH_TOPICS, message_prefixes()))
        for file in written:
            _, summary = opened.read(file)
            opened.catalogue.put(summary)
            report.add(summary.id, summary.steps)
    _print(report, store, as_json, strict=True)


def _tables(
    kind: str, path: Path, about: dict[str, Any], report: Report
) -> Iterator[AlignedEpisode]:
    from robot_learning.demonstrations.exchange.lerobot_import import import_lerobot
    from robot_learning.demonstrations.exchange.robomimic import import_robomimic

    yield from (import_lerobot if kind == "lerobot" else import_robomimic)(path, about, report)


def _found_format(path: Path) -> str:
    if (path / "meta" / "info.json").is_file():
        return "lerobot"
    return "robomimic" if path.suffix in (".hdf5", ".h5") else "rosbag2"


def _require_format(kind: str) -> None:
    if kind not in FORMATS:
        refuse(f"format {kind!r} is not one of {', '.join(FORMATS)}")


def _cameras(text: str) -> list[str] | None:
    if text == "all":
        return None
    return [] if text == "none" else [name.strip() for name in text.split(",")]


def _chosen(
    store: Store, paths: list[Path], outcomes: list[str], report: Report, *, named: bool
) -> list[tuple[Path, str]]:
    """Files and outcomes of what is exported: of one contract, none for evaluation."""
    chosen: list[tuple[Path, str]] = []
    contracts: dict[str, EpisodeInfo] = {}
    for path in paths:
        try:
            episode, summary = store.read(path)
        except (BagError, CodecError) as error:
            report.skipped.append(str(error))
            continue
        if not named and summary.outcome not in outcomes:
            continue
        chosen.append((path, summary.outcome))
        contracts[summary.contract_sha256] = episode.info
    if len(contracts) > 1:
        which = ", ".join(
            f"{info.robot}/{info.task} {sha256[:12]}" for sha256, info in contracts.items()
        )
        raise ExchangeError(
            f"episodes are of several contracts ({which}), and their numbers mean different "
            "things; name those of one"
        )
    return chosen


def _aligned(
    store: Store, chosen: list[tuple[Path, str]], cameras: list[str] | None, report: Report
) -> Iterator[AlignedEpisode]:
    """Episodes as tables; without being told, the cameras that the first one has."""
    for path, outcome in chosen:
        episode, _ = store.read(path)
        try:
            aligned = align(episode, outcome, cameras, report)
        except ExchangeError as error:
            report.skipped.append(
                f"{path.name}: {error}" + ("; or export with --cameras none" if cameras else "")
            )
            continue
        if cameras is None:
            cameras = list(aligned.pictures)
        if store.labels(path):
            report.loses("who labelled an episode and when: its newest outcome is kept")
        yield aligned


def _print(report: Report, where: Path, as_json: bool, *, strict: bool) -> None:
    if as_json:
        print(json.dumps({"path": str(where), **asdict(report)}))
    else:
        for line in report.skipped:
            print(f"left out: {line}")
        for line in report.not_held:
            print(f"not held: {line}")
        print(f"{len(report.episodes)} episodes, {report.steps} steps: {where}")
    if not report.episodes or (strict and report.skipped):
        raise typer.Exit(FAILED)
