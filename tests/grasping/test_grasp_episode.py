"""One attempt to grasp: what it holds, and what a step counts as a request for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grasp_samples import make_episode

from robot_learning.grasping.episode import asked_for

ASKED = np.array([0.5, -2.0, 0.0, 0.1, 0.2, 1.5, -1.0, -1.0], np.float32)
DONE = np.array([0.1, 0.0, 0.0, 0.1, 0.2, 1.0, -1.0, -1.0], np.float32)


def test_a_request_counts_as_it_was_made_within_the_range_of_actions():
    np.testing.assert_array_equal(asked_for(ASKED, DONE, DONE), np.clip(ASKED, -1.0, 1.0))


def test_what_was_refused_as_a_whole_counts_as_what_was_done_instead():
    refused = np.full(8, np.nan, np.float32)
    np.testing.assert_array_equal(asked_for(refused, np.zeros(8, np.float32), DONE), DONE)


def test_returns_are_discounted_to_each_step():
    episode = make_episode(0, steps=3)  # 1 at the end
    np.testing.assert_allclose(episode.returns_to_go(0.5), [0.25, 0.5, 1.0])


@pytest.mark.parametrize("part", ["images", "states", "actions", "requested", "rewards"])
def test_parts_that_do_not_fit_are_refused(part):
    episode = make_episode(0)
    with pytest.raises(ValueError, match="an episode"):
        replace(episode, **{part: getattr(episode, part)[:-1]})
