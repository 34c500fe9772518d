from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from demonstration_samples import PointMassExpert, record_point_mass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from point_mass import EPISODE_STEPS, PointMass
from step_samples import make_step, same_step

from robot_learning.algorithms import Spaces
from robot_learning.demonstrations import DemonstrationsError, read_demonstrations
from robot_learning.demonstrations.record import DEMONSTRATION_STREAM, record_demonstrations
from robot_learning.replay import Journal, JournalHeader, read_steps
from robot_learning.training.environments import episode_seed

SPACES = Spaces(2, 2, (-1.0, 0.0), (1.0, 4.0))
THREE = np.zeros(3, np.float32)


def write(path: Path, steps: list[Any], header: JournalHeader | None = None) -> Path:
    with Journal(path, header or JournalHeader(2, 2, 2)) as journal:
        journal.append(steps)
    return path


# What is read


def test_steps_come_back_by_episodes_bit_for_bit(tmp_path: Path) -> None:
    steps = [make_step(number, success=number == 4) for number in range(10)]
    path = write(tmp_path / "shown", steps)
    found = read_demonstrations(path, SPACES)
    assert [len(episode) for episode in found.episodes] == [5, 5]
    flat = [step for episode in found.episodes for step in episode]
    assert all(same_step(a, b) for a, b in zip(steps, flat, strict=True))
    assert (len(found), found.successes) == (10, 1)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_steps_of_several_actors_are_put_in_order(tmp_path: Path) -> None:
    """As in the journal of a run over the graph."""
    steps = [make_step(number, actor=actor) for number in range(7) for actor in "ab"]
    found = read_demonstrations(write(tmp_path / "shown", steps), SPACES)
    assert sorted(len(episode) for episode in found.episodes) == [2, 2, 5, 5]
    for episode in found.episodes:
        assert len({(step.actor_id, step.episode) for step in episode}) == 1
        numbers = [step.step_number for step in episode]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_evaluation_is_no_demonstration(tmp_path: Path) -> None:
    steps = [make_step(number, is_evaluation=number >= 5) for number in range(10)]
    assert len(read_demonstrations(write(tmp_path / "shown", steps), SPACES)) == 5


def test_as_inputs_and_as_rows_they_are_in_the_units_of_the_networks(tmp_path: Path) -> None:
    steps = [
        make_step(0, executed_action=np.array([-1.0, 4.0], np.float32)),
        make_step(1, executed_action=np.array([0.5, 1.0], np.float32), terminated=True),
    ]
    found = read_demonstrations(write(tmp_path / "shown", steps), SPACES)
    expected = [[*step.observation, *step.desired_goal] for step in steps]
    np.testing.assert_array_equal(found.inputs(), expected)
    rows = found.dataset(SPACES)
    np.testing.assert_array_equal(rows.inputs, expected)
    np.testing.assert_allclose(rows.actions, [[-1.0, 1.0], [0.5, -0.5]])
    assert rows.terminated.tolist() == [0.0, 1.0]


# What is refused


@pytest.mark.parametrize(
    ("steps", "header", "message"),
    [
        ([], None, "holds no steps; record some with `demonstrate`"),
        ([make_step(0, is_evaluation=True)], None, "holds no steps"),
        ([make_step(0), make_step(1, reward=float("nan"))], None, "step 1 of a: reward is nan"),
        (
            [make_step(0, executed_action=np.array([np.inf, 0], np.float32))],
            None,
            "executed_action is not finite",
        ),
        (
            [make_step(0, observation=THREE, next_observation=THREE)],
            JournalHeader(3, 2, 2),
            r"observation has shape \(3,\), expected \(2,\)",
        ),
    ],
)
def test_steps_that_cannot_be_learned_from_are_named(
    tmp_path: Path, steps: list[Any], header: JournalHeader | None, message: str
) -> None:
    path = write(tmp_path / "shown", steps, header)
    with pytest.raises(DemonstrationsError, match=message) as caught:
        read_demonstrations(path, SPACES)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemonstrationsError, match="nothing: cannot be read: No such file"):
        read_demonstrations(tmp_path / "nothing", SPACES)
    with pytest.raises(DemonstrationsError, match="cannot be read: Is a directory"):
        read_demonstrations(tmp_path, SPACES)


@pytest.mark.parametrize("data", [b"", b"\x89PNG something else entirely"])
def test_a_foreign_file_is_refused_and_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "shown"
    path.write_bytes(data)
    with pytest.raises(DemonstrationsError, match="shown: is not a journal of steps"):
        read_demonstrations(path, SPACES)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=st.integers(0, 10**6), kind=st.sampled_from(["cut", "flip"]), bit=st.integers(0, 7))
def test_a_damaged_file_gives_the_whole_steps_before_the_damage_or_is_refused(
    tmp_path: Path, where: int, kind: str, bit: int
) -> None:
    path = tmp_path / "shown"
    path.unlink(missing_ok=True)
    steps = [make_step(number) for number in range(10)]
    data = bytearray(write(path, steps).read_bytes())
    if kind == "cut":
        del data[where % len(data) :]
    else:
        data[where % len(data)] ^= 1 << bit
    path.write_bytes(data)
    try:
        found = read_demonstrations(path, SPACES)
    except DemonstrationsError as error:
        assert str(path) in str(error)
        return
    flat = [step for episode in found.episodes for step in episode]
    assert all(same_step(a, b) for a, b in zip(steps, flat, strict=False))
    assert len(flat) < 10


# What is recorded


def test_an_experts_episodes_are_whole_and_say_whose_they_are(tmp_path: Path) -> None:
    recorded = record_point_mass(tmp_path / "shown", episodes=6)
    steps = [step for _, step in read_steps(tmp_path / "shown")]
    assert [step.step_number for step in steps] == list(range(6 * EPISODE_STEPS))
    assert all(step.is_intervention and not step.is_evaluation for step in steps)
    found = read_demonstrations(tmp_path / "shown", SPACES)
    assert [len(episode) for episode in found.episodes] == [EPISODE_STEPS] * 6
    assert all(episode[-1].truncated and not episode[-1].terminated for episode in found.episodes)
    assert (recorded.episodes, recorded.steps, recorded.successes) == (6, 120, found.successes)
    assert found.successes == 6
    returns = [sum(step.reward for step in episode) for episode in found.episodes]
    assert recorded.mean_return == pytest.approx(np.mean(returns))
    low, high = recorded.as_json()["wilson95"]
    assert 0.5 < low < high == 1.0


def test_the_same_seed_gives_the_same_file_and_another_one_other_episodes(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        record_point_mass(tmp_path / name, seed=seed, noise_std=0.3)
    one, two, other = ((tmp_path / name).read_bytes() for name in ("one", "two", "other"))
    assert one == two != other


def test_training_and_evaluation_never_see_its_episodes(tmp_path: Path) -> None:
    assert DEMONSTRATION_STREAM not in (0, 1, 2)
    environment = PointMass()
    record_point_mass(tmp_path / "shown", episodes=3, seed=5)
    shown = read_demonstrations(tmp_path / "shown", SPACES)
    goals = [tuple(episode[0].desired_goal) for episode in shown.episodes]
    for stream in (0, 1, 2):
        for number in range(20):
            seen, _ = environment.reset(seed=episode_seed(5, stream, number))
            assert tuple(seen["desired_goal"]) not in goals


def test_noise_is_on_what_is_done_and_not_on_what_the_expert_asked_for(tmp_path: Path) -> None:
    record_point_mass(tmp_path / "shown", noise_std=0.3)
    expert, moved = PointMassExpert(), []
    for _, step in read_steps(tmp_path / "shown"):
        asked = expert.act(step.observation, step.desired_goal)
        np.testing.assert_array_equal(step.requested_action, asked)
        assert np.abs(step.executed_action).max() <= 1.0
        inner = np.abs(asked) < 0.1
        moved += (step.executed_action - asked)[inner].tolist()
    assert np.std(moved) == pytest.approx(0.3, rel=0.25)


def test_deliberate_failures_pursue_another_goal_than_the_episodes(tmp_path: Path) -> None:
    recorded = record_point_mass(tmp_path / "shown", episodes=8, failure_share=0.5)
    assert (recorded.failures_asked, recorded.successes) == (4, 4)
    for episode in read_demonstrations(tmp_path / "shown", SPACES).episodes:
        pursued = np.allclose(
            episode[0].requested_action,
            PointMassExpert().act(episode[0].observation, episode[0].desired_goal),
        )
        assert pursued == episode[-1].success
        assert episode[-1].reward == (0.0 if episode[-1].success else -1.0)


def test_failures_need_goals(tmp_path: Path) -> None:
    environment: Any = gymnasium.make("Pendulum-v1")
    with pytest.raises(ValueError, match="deliberate failures need goals, or an expert"):
        record_demonstrations(
            environment,
            PointMassExpert(),
            tmp_path / "shown",
            episodes=1,
            seed=0,
            failure_share=0.5,
        )
    assert not (tmp_path / "shown").exists()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "shown"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="choose another --out"):
        record_point_mass(path)
    assert path.read_text() == "precious"
