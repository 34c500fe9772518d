"""Whether an episode's file is what it says it is: whole, complete, and of its contract."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robot_learning.contract import BinGraspTask, Contract
from robot_learning.demonstrations.episode_file import STATE_TYPE, EpisodeFile
from robot_learning.envs.observation import observation_size
from robot_learning.replay.step import Step, StepError, check_step

# A stream below this share of its contract's rate is worth a word.
RATE_SHARE = 0.9
RATE_OVER_NS = 1_000_000_000  # of a shorter episode a rate says nothing
GAP_PERIODS = 5.0
# What lies further apart may have a pause in between.
PAUSE_PERIODS = 1.5

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: an error makes the file useless or untrue."""

    level: Level
    text: str


def check_episode(episode: EpisodeFile) -> list[Finding]:
    """Everything that is wrong with an episode; nothing for a good one."""
    return [
        *_file(episode),
        *_contract(episode),
        *_steps(episode),
        *_streams(episode),
    ]


def _file(episode: EpisodeFile) -> Iterator[Finding]:
    for damage in episode.bag.damages:
        yield _error(f"damaged, {damage}: episodes repair")
    if not episode.bag.damages and not episode.bag.finished:
        yield _error("the file was never closed: episodes repair")
    end = episode.end
    if end is None:
        yield _error("it does not say how it ended: episodes repair")
        return
    if end.state == "repaired":
        yield _warning(end.note or "the recording was cut and repaired")
    if end.dropped:
        yield _warning(f"{end.dropped} messages came faster than the disk took them")
    if end.steps is not None and len(episode.steps) != end.steps:
        level = _warning if end.state == "repaired" else _error
        yield level(f"holds {len(episode.steps)} steps, its actor took {end.steps}")


def _contract(episode: EpisodeFile) -> Iterator[Finding]:
    info = episode.info
    others = sorted(sha256 for sha256 in episode.step_contracts if sha256 != info.contract_sha256)
    if others:
        yield _error(
            f"steps were made under contract {others[0][:12]}, the file is of "
            f"{info.contract_sha256[:12] or 'none'}"
        )
    if info.contract is None:
        yield _warning("no contract is known: what its numbers mean is not written in it")
        return
    try:
        contract = episode.contract()
    except ValueError as error:
        yield _warning(f"its contract is of another version of this software: {error}"[:300])
        return
    assert contract is not None
    if contract.sha256 != info.contract_sha256:
        yield _error(f"its contract has SHA-256 {contract.sha256[:12]}, not the one it names")
    if isinstance(contract.task, BinGraspTask) and contract.task.image.camera not in {
        name.removesuffix("_observation") for name in episode.cameras()
    }:
        yield _error(
            f"no pictures of camera {contract.task.image.camera}, by which task "
            f"{contract.task.name} is done: was the camera on?"
        )
    elif not episode.cameras():
        yield _warning("no pictures: nothing can be learned or judged from pixels")


def _steps(episode: EpisodeFile) -> Iterator[Finding]:
    steps = episode.steps
    if not steps:
        yield _warning("no aligned steps: nobody acted, or the actor sends none")
        return
    numbers = [step.episode_step for step in steps]
    if numbers != list(range(len(steps))):
        gaps = sorted(set(range(numbers[-1] + 1)) - set(numbers))
        yield _error(f"steps are missing or repeated: {gaps[:5] or numbers[:5]}")
    if any(np.diff(episode.stamps_ns) <= 0):
        yield _error("stamps of steps do not increase")
    ends = [step.episode_step for step in steps[:-1] if step.terminated or step.truncated]
    if ends:
        yield _error(f"the episode goes on after step {ends[0]}, where it ended")
    if steps[-1].terminated and steps[-1].truncated:
        yield _error("the last step is terminated and truncated at once")
    yield from _sizes(episode, steps)
    # Between steps that a pause parts, in which nobody acted, the world may have moved on.
    on = [not gap for gap in _pauses(episode)]
    pairs = itertools.compress(itertools.pairwise(steps), on)
    broken = next((s for s, after in pairs if _torn(s, after)), None)
    if broken is not None:
        yield _warning(f"what step {broken.episode_step} led to is not what the next began with")


def _pauses(episode: EpisodeFile) -> list[bool]:
    """After which steps time passed that belongs to none."""
    contract = _readable_contract(episode)
    if contract is None:
        return [False] * (len(episode.steps) - 1)
    period_ns = contract.control_period_s * 1e9
    return [bool(gap) for gap in np.diff(episode.stamps_ns) > PAUSE_PERIODS * period_ns]


def _torn(step: Step, after: Step) -> bool:
    return not np.array_equal(step.next_observation, after.observation, equal_nan=True)


def _sizes(episode: EpisodeFile, steps: list[Step]) -> Iterator[Finding]:
    """Sizes of the contract where there is one, else those of the first step; all finite."""
    first = steps[0]
    sizes = (first.observation.size, first.desired_goal.size, first.executed_action.size)
    contract = _readable_contract(episode)
    if contract is not None:
        wanted = (observation_size(contract), contract.task.action.size)
        if (sizes[0], sizes[2]) != wanted:
            yield _error(
                f"observation and action have {sizes[0]} and {sizes[2]} numbers, the contract "
                f"says {wanted[0]} and {wanted[1]}"
            )
            return
    try:
        for step in steps:
            check_step(step, *sizes)
    except StepError as error:
        yield _error(str(error))


def _readable_contract(episode: EpisodeFile) -> Contract | None:
    try:
        return episode.contract()
    except ValueError:
        return None


def _streams(episode: EpisodeFile) -> Iterator[Finding]:
    for facts in episode.facts.values():
        if facts.lost:
            yield _warning(f"{facts.topic}: {facts.lost} messages were lost on their way")
        if facts.backwards and facts.type_name == STATE_TYPE:
            yield _warning(f"{facts.topic}: {facts.backwards} stamps go backwards")
    contract = _readable_contract(episode)
    if contract is None or episode.info.clock != "real_time":
        return
    rates = dict.fromkeys(episode.of_type(STATE_TYPE), contract.robot.rates.state_hz)
    for camera in contract.robot.cameras:
        if topic := episode.cameras().get(camera.name):
            rates[topic] = camera.rate_hz
    for topic, rate_hz in rates.items():
        facts = episode.facts[topic]
        if facts.last_ns - facts.first_ns < RATE_OVER_NS:
            continue
        if facts.rate_hz < RATE_SHARE * rate_hz:
            yield _warning(f"{topic}: {facts.rate_hz:.1f} Hz, the contract says {rate_hz:g}")
        gap_s = facts.longest_gap_ns * 1e-9
        if gap_s > GAP_PERIODS / rate_hz:
            yield _warning(f"{topic}: nothing for {gap_s:.3f} s")


def _error(text: str) -> Finding:
    return Finding("error", text)


def _warning(text: str) -> Finding:
    return Finding("warning", text)
