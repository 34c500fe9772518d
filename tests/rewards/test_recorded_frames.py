"""Labelled pictures out of recorded episodes: as the camera node makes them, and by the outcome."""

from __future__ import annotations

import json
import re

import cv2
import episode_samples as samples
import numpy as np
import pytest
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.contract import load_contract
from robot_learning.demonstrations.store import Store
from robot_learning.perception.task_camera import task_pipeline
from robot_learning.rewards.pixels.frames import FrameStore, PictureView, view_of
from robot_learning.rewards.pixels.recorded import take_frames

LIFT = load_contract("panda", "lift")
VIEW = PictureView.of(LIFT)
CAMERA = LIFT.robot.cameras[0]
STEPS = 24  # of 50 ms: 1.2 s
SECOND = 10**9


def rgb(number, shape):
    """Which picture it is stands in its colours."""
    image = np.full((*shape, 3), 20, np.uint8)
    image[:, :, number % 3] = 60 + number
    return image


@pytest.fixture(params=["full", "region"])
def shape(request):
    if request.param == "full":
        return CAMERA.height_px, CAMERA.width_px
    return VIEW.size_px, VIEW.size_px


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Records one episode in a store of this test's."""

    def picture(ns, number, shape):
        data = cv2.imencode(".png", rgb(number, shape)[..., ::-1])[1].tobytes()
        fields = {"format": "rgb8; png compressed bgr8", "data": data}
        return samples.message(samples.IMAGE_TOPIC, ns, fields)

    def do(
        number=0,
        *,
        outcome="success",
        said=STEPS - 1,
        contract=LIFT,
        camera=True,
        shape=(VIEW.size_px, VIEW.size_px),
    ):
        fields = samples.step_fields

        def step_fields(episode, index, **how):
            return fields(episode, index, **how) | {"success": said is not None and index >= said}

        monkeypatch.setattr(samples, "picture", lambda ns, n: picture(ns, n, shape))
        monkeypatch.setattr(samples, "step_fields", step_fields)
        one = samples.recorder(tmp_path / "store", contract=contract)
        begin_ns = samples.T0 + number * 60 * SECOND
        messages = samples.episode_messages(
            begin_ns, number, STEPS, camera=camera, outcome=outcome, contract=contract
        )
        samples.feed(one, messages)
        one.close()
        monkeypatch.setattr(samples, "step_fields", fields)
        return Store(tmp_path / "store"), begin_ns * 1e-9

    return do


def take(store, tmp_path, unsure_s=2.0):
    taken = take_frames(store, tmp_path / "frames", unsure_s=unsure_s, on_episode=lambda: None)
    there = (tmp_path / "frames").is_dir()
    return taken, list(FrameStore(tmp_path / "frames", VIEW).episodes()) if there else []


def test_success_is_from_where_it_was_held_on_and_nothing_before_it(record, tmp_path, shape):
    store, begin_s = record(shape=shape, said=18)
    taken, (episode,) = take(store, tmp_path)
    hold_s, period_s = LIFT.task.success.hold_s, LIFT.control_period_s
    since_s = begin_s + 19 * 0.05 - hold_s
    np.testing.assert_array_equal(episode.labels, episode.stamps_s >= since_s - 1e-3)
    assert taken.of_success == episode.labels.sum() >= 5 and not taken.left_out
    # Pictures of the episode alone, as far apart as actions, with their own stamps.
    assert (episode.stamps_s >= begin_s - 1e-3).all() and len(episode) == taken.pictures
    assert (np.diff(episode.stamps_s) >= 0.9 * period_s).all()
    assert episode.stamps_s[-1] - episode.stamps_s[0] > 1.0
    assert (episode.name, episode.by) == (store.whole()[0].stem, "recording")
    assert view_of(tmp_path / "frames") == VIEW


def test_pictures_are_made_as_the_camera_node_makes_them(record, tmp_path, shape):
    store, begin_s = record(shape=shape)
    _, (episode,) = take(store, tmp_path)
    pipeline = task_pipeline(LIFT, VIEW.size_px, is_region=shape[0] == VIEW.size_px)
    numbers = np.rint((episode.stamps_s - begin_s + 0.029) / 0.033).astype(int)
    for number, image in zip(numbers, episode.images, strict=True):
        np.testing.assert_array_equal(image, pipeline.process(rgb(number, shape)))


@pytest.mark.parametrize("said", [None, 15])
def test_an_episode_that_failed_shows_no_success_whatever_its_steps_said(record, tmp_path, said):
    store, _ = record(outcome="failure", said=said)
    taken, (episode,) = take(store, tmp_path)
    assert not episode.labels.any() and taken.of_success == 0 and len(episode) >= 9


def test_of_a_success_that_only_a_person_saw_what_came_shortly_before_is_left_out(record, tmp_path):
    store, begin_s = record(outcome="failure", said=None)
    store.label(store.whole()[0], "success", "ada", "it was up")
    _, (episode,) = take(store, tmp_path, unsure_s=0.5)
    end_s, hold_s = begin_s + (STEPS - 1) * 0.05 + LIFT.control_period_s, 0.2
    assert episode.by == "ada"
    np.testing.assert_array_equal(episode.labels, episode.stamps_s > end_s - hold_s - 0.01)
    assert episode.labels.any() and not episode.labels.all()
    between = (episode.stamps_s > end_s - hold_s - 0.5) & ~episode.labels
    assert not between.any()


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"camera": False}, "has no pictures of camera camera .it has none at all.: record with"),
        ({"outcome": "aborted"}, "its outcome is aborted: label it"),
        ({"contract": load_contract("fr3", "lift")}, "shows other pictures: robot panda here"),
        ({"contract": load_contract("panda", "reach")}, "task reach names no picture"),
        ({"shape": (48, 64)}, r"camera image has shape \(48, 64, 3\)"),
    ],
)
def test_an_episode_without_pictures_that_fit_is_left_out_and_named(record, tmp_path, how, reason):
    record()
    store, _ = record(1, **how)
    taken, episodes = take(store, tmp_path)
    assert len(episodes) == taken.episodes == 1
    (line,) = taken.left_out
    assert line.startswith(store.whole()[1].name)
    assert re.search(reason, line), line


def test_the_command_adds_frames_that_can_be_fitted_by_episode(record, tmp_path):
    runner, out = CliRunner(), tmp_path / "frames"
    for number in range(3):
        record(2 * number)
        record(2 * number + 1, outcome="failure", said=None)
    record(9, camera=False)
    command = ["reward", "extract", str(tmp_path / "store"), "--out", str(out), "--json"]
    result = runner.invoke(app, command)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout.splitlines()[-1])
    assert (facts["episodes"], facts["left_out"]) == (6, 1) and facts["of_success"] > 0
    assert "record with camera:=true" in result.stderr
    settings = ["updates=5", "check_updates=5", "batch_size=4", "features=4"]
    fitted = runner.invoke(
        app,
        ["reward", "fit", str(out), "--out", str(tmp_path / "fit"), "--json"]
        + [part for each in settings for part in ("--set", each)],
    )
    assert fitted.exit_code == 0, fitted.output
    divided = json.loads(fitted.stdout.splitlines()[-1])["episodes"]
    assert (divided["learn"], divided["tune"], len(divided["held_out"])) == (2, 2, 2)


def test_the_command_fails_where_nothing_can_be_taken_and_refuses_where_nothing_is(
    record, tmp_path
):
    runner, out = CliRunner(), ["--out", str(tmp_path / "frames")]
    nothing = runner.invoke(app, ["reward", "extract", str(tmp_path / "store"), *out])
    assert nothing.exit_code == 2 and "there are no episodes" in nothing.stderr
    record(camera=False)
    result = runner.invoke(app, ["reward", "extract", str(tmp_path / "store"), *out])
    assert result.exit_code == 1 and "none of 1 episodes has pictures" in result.stderr
    assert not (tmp_path / "frames").exists()
