"""States judged by pictures over a graph: each by its own, none by a stale one or by the truth."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from robot_learning.contract import load_contract
from robot_learning.perception.image_pipeline import ImageError
from robot_learning.rewards.pixels.classifier import SuccessClassifier, SuccessNetwork
from robot_learning.rewards.pixels.frames import PictureView
from robot_learning.rewards.pixels.monitor import OVERRIDES_FILE, PixelMonitor

CONTRACT = load_contract("panda", "lift")
VIEW = PictureView.of(CONTRACT)
PERIOD_S = CONTRACT.control_period_s
AGE_S = CONTRACT.robot.cameras[0].age_max_s
START_S = 50.0
BRIGHT, DIM = (np.full((VIEW.size_px, VIEW.size_px, 3), level, np.uint8) for level in (250, 20))


class ByBrightness(SuccessNetwork):
    """Bright pictures show success; its answer is plain, so the monitor is what is tested."""

    def forward(self, images):
        return images.float().mean((1, 2, 3)) - 127.0


def monitor(*, lockstep, audit=None):
    network = ByBrightness(VIEW.size_px, 4, torch.Generator())
    limits = {"temperature": 1.0, "threshold": 0.5, "hold_steps": 2}
    made = PixelMonitor(
        CONTRACT,
        SuccessClassifier(network, VIEW, **limits, about={}),
        lockstep=lockstep,
        audit=audit,
    )
    made.on_start("actor/0", START_S)
    return made


def plain(judged):
    return [(round(each.stamp_s, 6), each.judgement.success) for each in judged]


def test_in_lockstep_a_state_waits_for_the_picture_of_this_very_state():
    watching = monitor(lockstep=True)
    stamp_s = START_S + PERIOD_S
    assert watching.on_state(stamp_s) == [] and watching.wants_picture
    assert watching.on_picture(stamp_s - PERIOD_S / 2, BRIGHT) == []
    assert watching.on_picture(stamp_s + PERIOD_S, BRIGHT) == [] and watching.wants_picture
    assert plain(watching.on_picture(stamp_s, BRIGHT)) == [(stamp_s, False)]
    assert not watching.wants_picture
    assert watching.on_picture(stamp_s, BRIGHT) == [], "each picture counts once"
    assert watching.on_state(stamp_s) == [] and not watching.wants_picture, "as each state does"
    watching.on_state(stamp_s + PERIOD_S)
    assert plain(watching.on_picture(stamp_s + PERIOD_S, BRIGHT)) == [
        (round(stamp_s + PERIOD_S, 6), True)
    ]


def test_pictures_are_wanted_only_while_an_episode_runs_and_its_first_state_is_no_result():
    watching = monitor(lockstep=True)
    watching.on_state(START_S)
    assert not watching.wants_picture
    watching.on_end()
    watching.on_state(START_S + PERIOD_S)
    assert not watching.wants_picture
    assert watching.on_picture(START_S + PERIOD_S, BRIGHT) == []


def test_a_state_that_came_before_the_news_of_its_episode_is_judged():
    watching = monitor(lockstep=True)
    watching.on_end()
    watching.on_state(START_S + 11 * PERIOD_S)
    watching.on_start("actor/1", START_S + 10 * PERIOD_S)
    assert watching.wants_picture


def test_in_real_time_every_state_is_judged_by_the_newest_picture_near_it():
    watching = monitor(lockstep=False)
    stamps = START_S + 0.01 * np.arange(1, 60)
    judged = []
    for index, stamp_s in enumerate(stamps):
        judged += watching.on_state(stamp_s)
        if index % 3 == 2:  # thirty a second, each a little late
            judged += watching.on_picture(stamp_s - 0.02, BRIGHT if index >= 20 else DIM)
    assert [each.stamp_s for each in judged] == stamps.tolist()
    assert watching.unjudged == 0 and watching.trouble() is None
    said = [each.stamp_s for each in judged if each.judgement.success]
    begins_s = stamps[20] - 0.02
    # Held for the time between two actions, however many pictures came in it.
    assert PERIOD_S - 1e-6 <= said[0] - begins_s <= PERIOD_S + 0.06
    assert said == [stamp for stamp in stamps if stamp >= said[0]]


def test_a_stale_picture_judges_nothing_and_that_is_said():
    watching = monitor(lockstep=False)
    watching.on_state(START_S + 0.01)
    assert "is the camera node running" in watching.trouble()
    assert plain(watching.on_picture(START_S + 0.011, BRIGHT)) == [(START_S + 0.01, False)]
    late_s = START_S + 0.011 + AGE_S + 0.01
    assert watching.on_state(late_s) == []
    assert f"0.160 s old (limit {AGE_S} s)" in watching.trouble()
    # A picture comes again: too late for that state, in time for the next.
    assert watching.on_picture(late_s + AGE_S + 0.1, BRIGHT) == [] and watching.unjudged == 1
    assert plain(watching.on_state(late_s + AGE_S + 0.11)) == [
        (round(late_s + AGE_S + 0.11, 6), False)
    ], "what was not seen for so long did not hold"
    assert watching.trouble() is None


def test_a_picture_from_before_the_episode_says_nothing_of_it():
    watching = monitor(lockstep=False)
    assert watching.on_picture(START_S, BRIGHT) == []
    assert watching.on_state(START_S + 0.01) == []


@pytest.mark.parametrize(
    ("picture", "reason"),
    [(np.zeros_like(DIM), "black"), (BRIGHT[:32, :32], r"judges \(96, 96, 3\)")],
)
def test_a_picture_that_cannot_be_judged_is_said_until_a_good_one_comes(picture, reason):
    watching = monitor(lockstep=True)
    watching.on_state(START_S + PERIOD_S)
    with pytest.raises(ImageError, match=reason):
        watching.on_picture(START_S + PERIOD_S, picture)
    assert watching.trouble() and watching.wants_picture
    assert len(watching.on_picture(START_S + PERIOD_S, DIM)) == 1 and watching.trouble() is None


@pytest.mark.parametrize("word", [True, False])
@pytest.mark.parametrize("lockstep", [True, False])
def test_a_persons_word_holds_for_this_episode_and_no_other(tmp_path, word, lockstep):
    audit = tmp_path / OVERRIDES_FILE
    watching = monitor(lockstep=lockstep, audit=audit)
    shown = DIM if word else BRIGHT
    for index in (1, 2):
        watching.on_state(START_S + index * PERIOD_S)
        watching.on_picture(START_S + index * PERIOD_S, shown)
    watching.on_state(START_S + 3 * PERIOD_S)
    waiting = [(round(START_S + 3 * PERIOD_S, 6), word)] if lockstep else []
    assert plain(watching.on_word(word, "ada at keyboard-1")) == waiting
    (judged,) = watching.on_state(START_S + 4 * PERIOD_S)
    assert judged.judgement.success is word and judged.judgement.overridden
    line = json.loads(audit.read_text())
    assert (line["success"], line["by"], line["episode"]) == (word, "ada at keyboard-1", "actor/0")
    assert line["classifier_success"] is not word and 0.0 <= line["probability"] <= 1.0
    watching.on_end()
    assert watching.on_word(word, "ada") is None, "no episode runs"
    watching.on_start("actor/1", START_S + 10.0)
    watching.on_state(START_S + 10.0 + PERIOD_S)
    (judged,) = watching.on_picture(START_S + 10.0 + PERIOD_S, DIM)
    assert not judged.judgement.overridden and not judged.judgement.success
    assert len(audit.read_text().splitlines()) == 1
