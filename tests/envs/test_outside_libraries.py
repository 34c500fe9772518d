"""What other people's checks, wrappers and agents make of our environment, as it is."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers

pytest.importorskip("pybullet")

REACH = "robot_learning.envs:robot_learning/Reach-v0"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "stable_baselines3_reach.py"


@pytest.fixture
def reach() -> Any:
    made = gymnasium.make(REACH, render_mode="rgb_array")
    yield made
    made.close()


def play(env: Any, steps: int) -> list[tuple[Any, ...]]:
    """What `steps` steps of the action space's own choice gave; the first is the reset's."""
    env.action_space.seed(1)
    observed, info = env.reset(seed=3)
    rows: list[tuple[Any, ...]] = [(observed, 0.0, False, False, info)]
    for _ in range(steps):
        rows.append(env.step(env.action_space.sample()))
    return rows


# Measurements carry noise, so the spaces of observations have no bounds; both checks mention it.
@pytest.mark.filterwarnings("ignore:.*Box observation space.*infinity")
def test_it_passes_the_check_of_gymnasium(reach: Any) -> None:
    from gymnasium.utils.env_checker import check_env

    check_env(reach.unwrapped)


@pytest.mark.filterwarnings("error::UserWarning")
def test_it_passes_the_check_of_stable_baselines3(reach: Any) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(reach.unwrapped)


def test_clipped_actions_are_the_actions_at_the_bounds(reach: Any) -> None:
    clipped = wrappers.ClipAction(reach)
    assert clipped.action_space.high[0] == np.inf
    clipped.reset(seed=3)
    info = clipped.step(np.array([7.0, -7.0, 0.0], np.float32))[-1]
    np.testing.assert_array_equal(info["requested_action"], np.array([1.0, -1.0, 0.0], np.float32))


def test_observations_are_flattened_transformed_and_normalised(reach: Any) -> None:
    flat = wrappers.FlattenObservation(reach)
    plain = play(flat, 20)
    size = sum(space.shape[0] for space in reach.observation_space.spaces.values())
    assert plain[0][0].shape == flat.observation_space.shape == (size,)

    halved = wrappers.TransformObservation(flat, lambda x: x * 0.5, flat.observation_space)
    np.testing.assert_array_equal(play(halved, 1)[1][0], plain[1][0] * np.float32(0.5))

    normalised = wrappers.NormalizeObservation(flat)
    play(normalised, 20)
    seen = np.array([row[0] for row in plain], np.float64)
    # Its estimate begins with a pseudo-observation of weight 1e-4.
    np.testing.assert_allclose(normalised.obs_rms.mean, seen.mean(0), atol=1e-4)


def test_rewards_are_normalised_by_the_spread_of_their_discounted_sum(reach: Any) -> None:
    normalised = wrappers.NormalizeReward(reach, gamma=0.9)
    rows = play(normalised, 20)
    sums, total = [], 0.0
    for row in play(reach, 20)[1:]:
        total = total * 0.9 + row[1]
        sums.append(total)
    deviation = np.std(sums)
    assert rows[-1][1] == pytest.approx(-1.0 / deviation, rel=1e-2)


def test_episodes_are_counted_where_they_are_truncated(reach: Any) -> None:
    counted = wrappers.RecordEpisodeStatistics(reach)
    length = reach.unwrapped.contract.task.episode_steps
    rows = play(counted, length)
    *_, terminated, truncated, info = rows[-1]
    assert truncated and not terminated
    assert info["episode"]["l"] == length
    assert info["episode"]["r"] == pytest.approx(sum(row[1] for row in rows))


def test_stacked_frames_begin_with_the_first_one_repeated(reach: Any) -> None:
    stacked = wrappers.FrameStackObservation(wrappers.FlattenObservation(reach), 3)
    rows = play(stacked, 2)
    np.testing.assert_array_equal(rows[0][0][0], rows[0][0][2])
    np.testing.assert_array_equal(rows[2][0][:2], rows[1][0][1:])


def test_videos_are_recorded_through_the_camera(
    reach: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder is stood in for: moviepy, which has it, holds Pillow two releases back."""
    written: list[tuple[str, int, tuple[int, ...], float]] = []

    class Clip:
        def __init__(self, frames: list[Any], fps: float) -> None:
            self._facts = len(frames), frames[0].shape, fps
            assert not np.array_equal(frames[0], frames[-1])

        def write_videofile(self, path: str, **_: Any) -> None:
            written.append((Path(path).name, *self._facts))

    for name in ("moviepy", "moviepy.video", "moviepy.video.io"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module = ModuleType("moviepy.video.io.ImageSequenceClip")
    module.ImageSequenceClip = Clip  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)

    recorded = wrappers.RecordVideo(reach, str(tmp_path / "videos"), video_length=4)
    play(recorded, 6)
    camera = reach.unwrapped.contract.robot.cameras[0]
    shape = (camera.height_px, camera.width_px, 3)
    fps = reach.unwrapped.contract.task.control_hz
    # The reset's frame, and one of each step.
    assert written == [("rl-video-episode-0.mp4", 5, shape, fps)]


def test_an_agent_of_stable_baselines3_trains_on_it_unchanged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("stable_baselines3")
    monkeypatch.setattr(
        sys, "argv", [EXAMPLE.name, "--steps", "60", "--warmup", "50", "--episodes", "2"]
    )
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    last = capsys.readouterr().out.splitlines()[-1]
    assert "n = 2" in last and "95 %" in last
