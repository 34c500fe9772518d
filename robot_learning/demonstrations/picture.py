"""One picture that says what happened in an episode."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_learning.demonstrations.episode_file import COMPRESSED_TYPE, STATE_TYPE, EpisodeFile
from robot_learning.demonstrations.episode_summary import EpisodeSummary
from robot_learning.demonstrations.images import decode_image
from robot_learning.demonstrations.message_codec import CodecError
from robot_learning.demonstrations.stream_facts import source_stamp_ns
from robot_learning.files import write_atomic

FRAMES = 6


def draw_episode(episode: EpisodeFile, summary: EpisodeSummary, path: Path) -> None:
    """Writes a PNG: pictures of the cameras, joints, actions, rewards, who acted.

    Raises:
        OSError: it cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cameras = episode.cameras()
    heights = [1.6] * len(cameras) + [1.5, 1.5, 1.0]
    figure, rows = plt.subplots(
        len(heights), 1, figsize=(11, 1.4 * sum(heights)), height_ratios=heights
    )
    begin_ns = _begin_ns(episode)
    for row, (name, topic) in zip(rows, cameras.items(), strict=False):
        _strip(row, episode, name, topic, begin_ns)
    joints, actions, rewards = rows[len(cameras) :]
    _joints(joints, episode, begin_ns)
    _actions(actions, episode, begin_ns)
    _rewards(rewards, episode, begin_ns)
    for row in (joints, actions, rewards):
        _shade_interventions(row, episode, begin_ns)
        row.margins(x=0.01)
    rewards.set_xlabel("s after the first observation")
    figure.suptitle(
        f"{summary.id}: {summary.task} on {summary.robot}, {summary.outcome}"
        f"{', repaired' if summary.state == 'repaired' else ''}, {summary.steps} steps, "
        f"{summary.duration_s:.1f} s, return {summary.episode_return:g}"
        + (f", by {summary.operator}" if summary.operator else ""),
        fontsize=9,
    )
    figure.tight_layout()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=90)
    plt.close(figure)
    write_atomic(path, data.getvalue(), durable=False)


def _begin_ns(episode: EpisodeFile) -> int:
    if episode.stamps_ns:
        return episode.stamps_ns[0]
    starts = [
        facts.first_ns for facts in episode.facts.values() if facts.stamped and facts.first_ns
    ]
    return min(starts, default=episode.info.started_ns)


def _strip(row: Any, episode: EpisodeFile, name: str, topic: str, begin_ns: int) -> None:
    """Some frames beside each other, each with its time."""
    count = episode.facts[topic].messages
    wanted = set(np.linspace(0, count - 1, min(FRAMES, count)).astype(int).tolist())
    compressed = episode.streams[topic].type_name == COMPRESSED_TYPE
    frames, times = [], []
    try:
        for index, (received, message) in enumerate(_some(episode, topic, wanted)):
            image = decode_image(message, compressed=compressed)
            scale = 120 / image.shape[0]
            frames.append(cv2.resize(image, None, fx=scale, fy=scale))
            times.append((index, (source_stamp_ns(received.data) - begin_ns) * 1e-9))
    except (CodecError, ValueError) as error:
        row.text(0.5, 0.5, f"{name}: {error}"[:100], ha="center", fontsize=7)
    if frames:
        row.imshow(np.hstack(frames))
        width = frames[0].shape[1]
        row.set_xticks([(i + 0.5) * width for i, _ in times], [f"{t:.2f} s" for _, t in times])
    row.set_yticks([])
    row.tick_params(labelsize=7)
    row.set_title(name, fontsize=8, loc="left")


def _some(episode: EpisodeFile, topic: str, wanted: set[int]) -> Any:
    from robot_learning.demonstrations.message_codec import Decoder

    decoder, index = Decoder(), 0
    for received in episode.bag.messages():
        if received.topic == topic:
            if index in wanted:
                yield received, decoder.decode(episode.streams[topic], received.data)
            index += 1


def _joints(row: Any, episode: EpisodeFile, begin_ns: int) -> None:
    row.set_title("joint positions, rad", fontsize=8, loc="left")
    for topic in episode.of_type(STATE_TYPE)[:1]:
        try:
            pairs = [(source_stamp_ns(r.data), m) for r, m in episode.messages(topic)]
        except CodecError:
            return
        names = pairs[0][1].name if pairs else []
        same = [(stamp, m.position) for stamp, m in pairs if list(m.name) == list(names)]
        if same:
            seconds = (np.array([stamp for stamp, _ in same]) - begin_ns) * 1e-9
            row.plot(seconds, np.array([position for _, position in same]), lw=0.8)


def _actions(row: Any, episode: EpisodeFile, begin_ns: int) -> None:
    row.set_title("action: executed (solid), requested (dotted)", fontsize=8, loc="left")
    if episode.steps:
        seconds = _seconds(episode, begin_ns)
        colours = [f"C{i % 10}" for i in range(episode.steps[0].executed_action.size)]
        _steps(row, seconds, [s.executed_action for s in episode.steps], colours, "-")
        _steps(row, seconds, [s.requested_action for s in episode.steps], colours, ":")


def _steps(
    row: Any,
    seconds: NDArray[np.float64],
    values: Sequence[NDArray[np.float32]],
    colours: Sequence[str],
    style: str,
) -> None:
    for column, colour in zip(np.array(values).T, colours, strict=False):
        row.step(seconds, column, style, where="post", lw=0.8, color=colour)


def _rewards(row: Any, episode: EpisodeFile, begin_ns: int) -> None:
    row.set_title("reward (line), success (dots)", fontsize=8, loc="left")
    if episode.steps:
        seconds = _seconds(episode, begin_ns)
        rewards = np.array([step.reward for step in episode.steps])
        held = np.array([step.success for step in episode.steps])
        row.step(seconds, rewards, where="post", lw=0.8)
        row.plot(seconds[held], rewards[held], ".", color="green")


def _seconds(episode: EpisodeFile, begin_ns: int) -> NDArray[np.float64]:
    seconds: NDArray[np.float64] = (np.array(episode.stamps_ns) - begin_ns) * 1e-9
    return seconds


def _shade_interventions(row: Any, episode: EpisodeFile, begin_ns: int) -> None:
    """Where a person acted."""
    if not episode.interventions:
        return
    seconds = _seconds(episode, begin_ns)
    acted = np.array([step.is_intervention for step in episode.steps])
    low, high = row.get_ylim()
    row.fill_between(seconds, low, high, where=acted, step="post", color="orange", alpha=0.2)
    row.set_ylim(low, high)
