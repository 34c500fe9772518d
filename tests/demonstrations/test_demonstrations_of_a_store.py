"""Recorded episodes are demonstrations to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from episode_samples import MS, T0, episode_messages, feed, record, recorder

from robot_learning.algorithms.base import Spaces
from robot_learning.contract import load_contract
from robot_learning.demonstrations import DemonstrationsError, read_demonstrations
from robot_learning.demonstrations.store import Store

SPACES = Spaces(20, 3, (-1.0,) * 3, (1.0,) * 3)


def test_successes_and_failures_are_read_and_those_nobody_wants_are_not(tmp_path: Path) -> None:
    one = recorder(tmp_path)
    for number, outcome in enumerate(["success", "failure", "aborted", "success"]):
        feed(one, episode_messages(T0 + number * 5_000 * MS, number, steps=5, outcome=outcome))
    store = Store(tmp_path)
    store.label(store.whole()[3], "discarded", "ada")
    read = read_demonstrations(tmp_path, SPACES)
    assert [len(steps) for steps in read.episodes] == [5, 5]
    step = read.episodes[0][2]
    assert np.array_equal(step.executed_action, 0.25 * step.requested_action)
    assert read.sha256 == read_demonstrations(tmp_path, SPACES).sha256


def test_episodes_of_two_contracts_are_not_mixed(tmp_path: Path) -> None:
    record(tmp_path, steps=3)
    other = load_contract("fr3", "reach")
    feed(recorder(tmp_path), episode_messages(T0 + 60_000 * MS, 1, steps=3, contract=other))
    with pytest.raises(DemonstrationsError, match="are of 2 contracts"):
        read_demonstrations(tmp_path, SPACES)


def test_a_store_that_has_nothing_or_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemonstrationsError, match="episodes list"):
        read_demonstrations(tmp_path, SPACES)
    record(tmp_path, steps=3)
    with pytest.raises(DemonstrationsError, match=r"observation has shape \(20,\)"):
        read_demonstrations(tmp_path, Spaces(7, 3, (-1.0,) * 3, (1.0,) * 3))
