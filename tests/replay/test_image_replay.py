from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robot_learning.replay.images import ImageReplay

SHAPE = (4, 6, 3)
ENDS = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=6)
# The folder is shared by examples on purpose: each writes its own files anew.
EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def opened(path: Path, capacity: int = 100) -> ImageReplay:
    return ImageReplay(path, capacity, SHAPE, 2, 2)


def image(episode: int, step: int) -> Any:
    """Says in its first two bytes which it is, and in all others both together."""
    pixels = np.full(SHAPE, 16 * episode + step, np.uint8)
    pixels[0, 0, :2] = episode, step
    return pixels


def state(episode: int, step: int) -> Any:
    return np.array([episode, step], np.float32)


def add(replay: ImageReplay, episode: int, step: int, *, terminated: bool = False) -> None:
    action = np.array([-episode, -step], np.float32)
    reward = 100.0 * episode + step
    replay.add(
        image(episode, step),
        state(episode, step),
        action,
        reward,
        terminated,
        requested=2.0 * action,
        return_to_go=-reward,
    )


def play(replay: ImageReplay, ends: list[tuple[int, bool]]) -> None:
    """An episode for each (length, terminated)."""
    for episode, (length, terminated) in enumerate(ends):
        for step in range(length):
            add(replay, episode, step, terminated=terminated and step == length - 1)
        replay.end_episode(image(episode, length), state(episode, length))


def transitions(replay: ImageReplay, size: int = 600) -> set[tuple[int, int]]:
    """Those that are drawn, each of them checked."""
    batch = replay.sample(size, np.random.default_rng(0))
    for row, (episode, step) in enumerate(batch.states.astype(int).tolist()):
        assert np.array_equal(batch.images[row], image(episode, step))
        assert np.array_equal(batch.next_images[row], image(episode, step + 1))
    following = batch.states + np.array([0, 1], np.float32)
    np.testing.assert_array_equal(batch.next_states, following)
    np.testing.assert_array_equal(batch.actions, -batch.states)
    np.testing.assert_array_equal(batch.requested, 2.0 * batch.actions)
    np.testing.assert_array_equal(batch.rewards, batch.states @ np.array([100.0, 1.0]))
    np.testing.assert_array_equal(batch.returns_to_go, -batch.rewards)
    return {(int(episode), int(step)) for episode, step in batch.states}


@EXAMPLES
@given(ends=ENDS, since=st.integers(0, 60))
def test_what_is_drawn_since_a_position_was_added_from_there_on(
    tmp_path: Path, ends: list[tuple[int, bool]], since: int
) -> None:
    path = tmp_path / "images"
    path.unlink(missing_ok=True)
    with opened(path) as replay:
        play(replay, ends)
        frames, position = [], 0
        for length, _ in ends:
            frames += range(position, position + length)
            position += length + 1
        expected = {place for place in frames if place >= since}
        if not expected:
            with pytest.raises(ValueError, match="holds no transition"):
                replay.draw(1, np.random.default_rng(0), since)
            return
        drawn = set(replay.draw(600, np.random.default_rng(0), since).tolist())
        assert drawn == expected
        assert replay.holds(np.array(sorted(drawn))).all()


@EXAMPLES
@given(ends=ENDS, capacity=st.integers(3, 60))
def test_every_transition_that_is_whole_is_drawn_and_none_across_an_episodes_end(
    tmp_path: Path, ends: list[tuple[int, bool]], capacity: int
) -> None:
    path = tmp_path / "images"
    path.unlink(missing_ok=True)
    with opened(path, capacity) as replay:
        play(replay, ends)
        frames = [(episode, step) for episode, (n, _) in enumerate(ends) for step in range(n + 1)]
        kept = frames[-capacity:]
        assert len(replay) == len(kept)
        whole = {(episode, step) for episode, step in kept if step < ends[episode][0]}
        assert transitions(replay) == whole


def test_a_terminated_end_is_told_from_a_truncated_one(tmp_path: Path) -> None:
    with opened(tmp_path / "images") as replay:
        play(replay, [(3, True), (3, False)])
        batch = replay.sample(300, np.random.default_rng(0))
        expected = (batch.states == np.array([0, 2], np.float32)).all(axis=1)
        assert np.array_equal(batch.terminated == 1.0, expected) and expected.any()


def test_a_batch_that_is_given_back_is_filled_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "images") as replay:
        play(replay, [(5, False)])
        rng = np.random.default_rng(0)
        first = replay.sample(8, rng)
        second = replay.sample(8, rng, out=first)
        assert second.images is first.images and second.next_images is first.next_images
        for row, (episode, step) in enumerate(second.states.astype(int).tolist()):
            assert np.array_equal(second.images[row], image(episode, step))
            assert np.array_equal(second.next_images[row], image(episode, step + 1))


def test_the_newest_step_waits_for_what_follows_it(tmp_path: Path) -> None:
    with opened(tmp_path / "images") as replay:
        add(replay, 0, 0)
        with pytest.raises(ValueError, match="holds no transition"):
            replay.sample(1, np.random.default_rng(0))
        add(replay, 0, 1)
        assert transitions(replay) == {(0, 0)}


@pytest.mark.parametrize("flushed", [True, False])
def test_no_transition_leads_across_a_restart(tmp_path: Path, flushed: bool) -> None:
    replay = opened(tmp_path / "images")
    for step in range(4):
        add(replay, 0, step)
    if flushed:
        replay.flush()
    replay.close()
    with opened(tmp_path / "images") as replay:
        assert transitions(replay) == {(0, 0), (0, 1), (0, 2)}
        play(replay, [(2, False)])
        for step in range(3):
            add(replay, 5, step)
        assert transitions(replay) == {(0, 0), (0, 1), (0, 2), (5, 0), (5, 1)}


def test_an_empty_replay_holds_no_transition(tmp_path: Path) -> None:
    with opened(tmp_path / "images") as replay:
        with pytest.raises(ValueError, match="holds no transition"):
            replay.sample(1, np.random.default_rng(0))
        replay.end_episode(image(0, 0), state(0, 0))
        with pytest.raises(ValueError, match="holds no transition"):
            replay.sample(1, np.random.default_rng(0))
