"""Replay beside its yardsticks, in the same run: cpprb, and the bare copying of memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from robot_learning.replay import Priorities, PrioritisedReplay, Step
from robot_learning.replay.images import ImageReplay

PRIORITISED_RATIO_MIN, IMAGES_RATIO_MAX = 1.0, 1.3
_BATCH, _REPEATS = 256, 50
_CAPACITY, _OBSERVATION, _ACTION, _EPISODE = 1_000_000, 17, 6, 1_000
_FRAMES, _IMAGE = 100_000, (64, 64, 3)  # 1.2 GB: far beyond every cache
_COPIED_BYTES = 512 * 2**20

Work = Callable[[], None]


def measure_replay(rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measures prioritised and image replay; rows for the report.

    Args:
        rounds: windows of each side; the median of the ratios within a round is what counts.
        say: is told how far it is.

    Raises:
        ImportError: cpprb is not installed.
    """
    say(f"prioritised replay: filling {_CAPACITY:,} transitions, twice")
    ours, theirs = _our_prioritised(), _their_prioritised()
    say("prioritised replay: measuring")
    times = [(_seconds(ours), _seconds(theirs)) for _ in range(rounds)]
    del ours, theirs
    with tempfile.TemporaryDirectory(prefix="robot-learning-bench-") as folder:
        say(f"image replay: filling {_FRAMES:,} images")
        with ImageReplay(Path(folder) / "images", _FRAMES, _IMAGE, 2, 8) as replay:
            _fill(replay)
            say("image replay: measuring")
            images = _measure_images(replay, rounds)
    return [_prioritised_row(times), images]


def _our_prioritised() -> Work:
    replay = PrioritisedReplay(_CAPACITY, _OBSERVATION, 0, _ACTION, priorities=Priorities())
    rng, steps = np.random.default_rng(0), _episode()
    actions = np.stack([step.executed_action for step in steps])
    for _ in range(_CAPACITY // _EPISODE):
        replay.add(steps, actions)
    errors = rng.random(_BATCH)

    def work() -> None:
        for _ in range(_REPEATS):
            replay.sample(_BATCH, rng)
            replay.update_priorities(errors)

    for _ in range(20):
        work()
    return work


def _their_prioritised() -> Work:
    import cpprb

    fields = {
        "obs": {"shape": _OBSERVATION},
        "act": {"shape": _ACTION},
        "rew": {},
        "next_obs": {"shape": _OBSERVATION},
        "done": {},
    }
    replay = cpprb.PrioritizedReplayBuffer(_CAPACITY, fields, alpha=0.6)
    rng = np.random.default_rng(0)
    shapes = {"obs": _OBSERVATION, "next_obs": _OBSERVATION, "act": _ACTION, "rew": 1, "done": 1}
    for _ in range(_CAPACITY // _EPISODE):
        replay.add(**{name: rng.random((_EPISODE, n), np.float32) for name, n in shapes.items()})
    errors = rng.random(_BATCH)

    def work() -> None:
        for _ in range(_REPEATS):
            batch = replay.sample(_BATCH, beta=0.4)
            replay.update_priorities(batch["indexes"], errors)

    for _ in range(20):
        work()
    return work


def _episode() -> list[Step]:
    rng, nothing = np.random.default_rng(1), np.zeros(0, np.float32)
    observations = rng.random((_EPISODE + 1, _OBSERVATION), np.float32)
    action = rng.random(_ACTION, np.float32)
    first = Step(
        actor_id="bench",
        step_number=0,
        episode=0,
        episode_step=0,
        is_evaluation=False,
        is_intervention=False,
        observation=observations[0],
        achieved_goal=nothing,
        desired_goal=nothing,
        requested_action=action,
        gated_action=action,
        executed_action=action,
        reward=0.0,
        next_observation=observations[1],
        next_achieved_goal=nothing,
        terminated=False,
        truncated=False,
        success=False,
        policy_version=0,
        stamp_s=0.0,
    )
    return [
        replace(
            first,
            episode_step=index,
            observation=observations[index],
            next_observation=observations[index + 1],
            truncated=index == _EPISODE - 1,
        )
        for index in range(_EPISODE)
    ]


def _fill(replay: ImageReplay) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (64, *_IMAGE), np.uint8)
    state, action = np.zeros(2, np.float32), np.zeros(8, np.float32)
    for index in range(_FRAMES):
        if index % 20 == 19:
            replay.end_episode(pictures[index % 64], state)
        else:
            replay.add(pictures[index % 64], state, action, 0.0, False)
    replay.flush()


def _measure_images(replay: ImageReplay, rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    source = np.ones(_COPIED_BYTES, np.uint8)
    target = np.zeros_like(source)
    batch_bytes = 2 * _BATCH * int(np.prod(_IMAGE))

    batch = replay.sample(_BATCH, rng)

    def sample() -> None:
        for _ in range(_REPEATS):
            replay.sample(_BATCH, rng, out=batch)

    sample()
    times = list[tuple[float, float]]()
    for _ in range(rounds):
        copied_s = _seconds(lambda: np.copyto(target, source))
        bare_s = copied_s / _COPIED_BYTES * batch_bytes * _REPEATS
        times.append((_seconds(sample), bare_s))
    ratios = sorted(ours / bare for ours, bare in times)
    gathered, bare = (statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(ratios)
    to_gb = batch_bytes * _REPEATS / 1e9
    return {
        "what": f"image replay, {2 * _BATCH} of {_FRAMES:,} images of 64x64 a batch",
        "value": f"{1e3 * gathered / _REPEATS:.2f} ms ({to_gb / gathered:.1f} GB/s)",
        "against": f"bare copy: {1e3 * bare / _REPEATS:.2f} ms ({to_gb / bare:.1f} GB/s)",
        "ratio": ratio,
        "spread": f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        "bar": f"<= {IMAGES_RATIO_MAX:g}",
        "met": ratio <= IMAGES_RATIO_MAX,
    }


def _prioritised_row(times: Sequence[tuple[float, float]]) -> dict[str, Any]:
    ratios = sorted(theirs / ours for ours, theirs in times)
    ours, theirs = (1e6 * statistics.median(side) / _REPEATS for side in zip(*times, strict=True))
    ratio = statistics.median(ratios)
    return {
        "what": f"prioritised replay, sample and update {_BATCH} of {_CAPACITY:,}",
        "value": f"{ours:.0f} us",
        "against": f"cpprb: {theirs:.0f} us",
        "ratio": ratio,
        "spread": f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        "bar": f">= {PRIORITISED_RATIO_MIN:g}",
        "met": ratio >= PRIORITISED_RATIO_MIN,
    }


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
