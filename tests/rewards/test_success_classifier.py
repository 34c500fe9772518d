"""A classifier of success: few false positives, honest probabilities, and a person's last word."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixel_samples import PERIOD_S, SIZE_PX, VIEW, episode, episodes, picture
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.rewards.pixels.classifier import (
    CLASSIFIER_FILE,
    ClassifierError,
    read_success_classifier,
)
from robot_learning.rewards.pixels.fitting import divide, fit_classifier, threshold_for
from robot_learning.rewards.pixels.frames import FramesError, FrameStore, PictureView
from robot_learning.rewards.pixels.judge import PixelJudge
from robot_learning.rewards.pixels.report import calibration_error, first_said, judge_held_out
from robot_learning.rewards.pixels.settings import ClassifierSettings

QUICK = ClassifierSettings(updates=150, features=16, shift_px=1, hold_steps=2)


@pytest.fixture(scope="module")
def division():
    return divide(episodes(24), QUICK, seed=0)


@pytest.fixture(scope="module")
def classifier(division):
    return fit_classifier(division, VIEW, QUICK, 0, lambda updates, loss: None)


def test_episodes_are_divided_whole_and_both_kinds_are_in_every_part(division):
    parts = (division.learn, division.tune, division.held_out)
    names = [{each.name for each in part} for part in parts]
    assert sum(map(len, names)) == len(set.union(*names)) == 24
    for part in parts:
        assert {bool(each.labels.any()) for each in part} == {True, False}


@pytest.mark.parametrize("kinds", [(5, 2), (2, 5)])
def test_too_few_episodes_of_a_kind_are_refused_with_how_many_there_are(kinds):
    few = [episode(number, success=number < kinds[0]) for number in range(sum(kinds))]
    with pytest.raises(FramesError, match="2 episodes with"):
        divide(few, QUICK, seed=0)


def test_it_tells_success_on_episodes_that_it_never_saw(classifier, division):
    held_out, scores = judge_held_out(classifier, division.held_out)
    assert held_out.false_positives.found == 0 and held_out.false_positives.n > 40
    assert held_out.false_negatives.found <= 2
    assert held_out.false_episodes.found == held_out.missed_episodes.found == 0
    assert held_out.calibration_error < 0.1
    assert [len(score) for score in scores] == [len(each) for each in division.held_out]


def test_the_same_seed_gives_the_same_classifier(classifier, division):
    again = fit_classifier(division, VIEW, QUICK, 0, lambda updates, loss: None)
    assert again.to_bytes() == classifier.to_bytes()


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=300),
    st.floats(0.001, 0.3),
)
def test_no_more_failures_pass_than_allowed_and_with_a_lower_threshold_more_would(scores, rate):
    failures = np.array(scores)
    threshold = threshold_for(failures, rate)
    passed = int((failures >= threshold).sum())
    # A probability of exactly 1 passes every threshold.
    assert passed <= max(int(rate * len(failures)), int((failures == 1.0).sum()))
    assert 0.5 <= threshold <= 1.0
    if threshold > 0.5 and threshold < 1.0:
        lower = np.nextafter(threshold, 0.0)
        assert int((failures >= lower).sum()) > int(rate * len(failures))


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_success_is_said_with_the_last_of_enough_in_a_row(above, hold_steps):
    expected = next(
        (i for i in range(hold_steps - 1, len(above)) if all(above[i - hold_steps + 1 : i + 1])),
        None,
    )
    assert first_said(np.array(above, bool), hold_steps) == expected


def test_probabilities_that_are_frequencies_have_no_calibration_error():
    scores = np.repeat([0.25, 0.75], 400)
    labels = np.concatenate([np.arange(400) % 4 == 0, np.arange(400) % 4 != 0])
    assert calibration_error(scores, labels) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(scores, ~labels) == pytest.approx(0.5)


def test_a_judge_holds_and_forgets_with_the_episode(classifier):
    judge = PixelJudge(classifier, PERIOD_S)
    rng = np.random.default_rng(3)

    def judged(index, success):
        return judge.judge(picture(rng, success), PERIOD_S * index)

    assert [judged(index, True).success for index in range(3)] == [False, True, True]
    assert not judged(3, False).success
    assert not judged(4, True).success  # it counts anew
    judge.begin()
    assert judged(5, True).held_steps == 1


@pytest.mark.parametrize("between_s", [PERIOD_S / 5, PERIOD_S / 2, PERIOD_S, 2 * PERIOD_S])
def test_a_faster_camera_makes_nothing_hold_sooner_and_a_slower_one_shows_as_many(
    classifier, between_s
):
    judge = PixelJudge(classifier, PERIOD_S)
    rng = np.random.default_rng(6)
    words = [judge.judge(picture(rng, True), between_s * index).success for index in range(8)]
    first = max(
        classifier.hold_steps - 1, round((classifier.hold_steps - 1) * PERIOD_S / between_s)
    )
    assert words == [index >= first for index in range(8)]


@pytest.mark.parametrize("gap_s", [3 * PERIOD_S, -1.0])
def test_after_a_gap_or_a_clock_that_went_back_nothing_is_known_to_have_held(classifier, gap_s):
    judge = PixelJudge(classifier, PERIOD_S)
    rng = np.random.default_rng(7)
    judge.judge(picture(rng, True), 10.0)
    assert judge.judge(picture(rng, True), 10.0 + gap_s).held_steps == 1


@pytest.mark.parametrize("word", [True, False])
def test_a_persons_word_holds_until_the_episode_ends_and_is_written_down(
    classifier, tmp_path, word
):
    judge = PixelJudge(classifier, PERIOD_S, tmp_path / "run" / "overrides.jsonl")
    rng = np.random.default_rng(4)
    judge.judge(picture(rng, not word), 0.0)
    judge.override(word, by="ada", episode="12")
    judged = [judge.judge(picture(rng, not word), PERIOD_S * i) for i in range(1, 4)]
    assert all(each.success is word and each.overridden for each in judged)
    (line,) = (tmp_path / "run" / "overrides.jsonl").read_text().splitlines()
    audit = json.loads(line)
    assert audit["success"] is word and (audit["by"], audit["episode"]) == ("ada", "12")
    assert 0.0 <= audit["probability"] <= 1.0
    judge.begin()
    assert not judge.judge(picture(rng, True), 1.0).overridden


def test_a_word_that_cannot_be_written_down_does_not_hold(classifier, tmp_path):
    judge = PixelJudge(classifier, PERIOD_S, tmp_path)  # a folder
    with pytest.raises(OSError, match="directory"):
        judge.override(True, by="ada", episode="12")
    assert not judge.judge(picture(np.random.default_rng(5), False), 0.0).success


def test_a_file_gives_the_same_judgements_and_no_others_view(classifier, tmp_path):
    classifier.save(tmp_path)
    rng = np.random.default_rng(6)
    pictures = np.stack([picture(rng, number % 2 == 0) for number in range(6)])
    read = read_success_classifier(tmp_path, VIEW)
    np.testing.assert_array_equal(read.probabilities(pictures), classifier.probabilities(pictures))
    assert (read.threshold, read.hold_steps) == (classifier.threshold, classifier.hold_steps)
    other = PictureView("push", "panda", "camera", SIZE_PX, (0.5, 0.5), 0.8)
    with pytest.raises(ClassifierError, match="task push here and lift there"):
        read_success_classifier(tmp_path, other)
    with pytest.raises(ValueError, match="this classifier judges"):
        read.probability(np.zeros((9, 9, 3), np.uint8))


@pytest.mark.parametrize("keep", [0, 5, 100, 5_000])
def test_a_cut_file_is_refused(classifier, tmp_path, keep):
    path = classifier.save(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ClassifierError, match="is no success classifier, or damaged"):
        read_success_classifier(tmp_path)


def test_the_command_fits_shows_and_labels(tmp_path):
    store = FrameStore(tmp_path / "frames", VIEW)
    for each in episodes(12):
        store.write(each)
    quick = ["--set", "updates=100", "--set", "features=16"]
    run = CliRunner().invoke
    fitted = run(
        app, ["reward", "fit", str(store.folder), "--out", str(tmp_path / "out"), "--json", *quick]
    )
    assert fitted.exit_code == 0, fitted.output
    report = json.loads(fitted.stdout)
    assert report["held_out"]["false_positives"]["n"] > 0
    (tmp_path / "taken" / CLASSIFIER_FILE).mkdir(parents=True)
    taken = ["reward", "fit", str(store.folder), "--out", str(tmp_path / "taken"), *quick]
    refused = run(app, taken)
    assert refused.exit_code == 1 and f"taken/{CLASSIFIER_FILE} cannot be" in refused.stderr
    for name in (CLASSIFIER_FILE, "success_classifier.json", "success_classifier.png"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    shown = run(app, ["reward", "show", str(tmp_path / "out")])
    assert shown.exit_code == 0 and "failures taken for success" in shown.stdout
    words = ["reward", "label", str(store.folder), "001", "success", "--by", "ada", "--first", "9"]
    assert "001: 3 labels changed to success" in run(app, words).stdout
    wrong = run(app, ["reward", "label", str(store.folder), "nobody", "failure", "--by", "ada"])
    assert wrong.exit_code == 2 and "has no episode 'nobody'" in wrong.stderr
    assert run(app, ["reward", "fit", str(tmp_path), "--out", str(tmp_path)]).exit_code == 2
