from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learner_samples import make_settings, open_learner
from step_samples import make_step

from robot_learning.replay import JournalError, StepError, read_steps
from robot_learning.training.checkpoint import CheckpointError
from robot_learning.training.learner import Learner, Phase
from robot_learning.training.policy_file import policy_from_bytes, policy_to_bytes


def feed(learner: Learner, numbers: range, actor: str = "a") -> None:
    for number in numbers:
        assert learner.insert(make_step(number, actor=actor))


def weights(learner: Learner) -> bytes:
    return policy_to_bytes(learner.policy().frozen(1))


def test_a_step_sent_again_is_not_inserted_twice(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    feed(learner, range(3))
    assert not learner.insert(make_step(1))
    assert learner.steps == 3
    assert learner.status().duplicates == 1
    assert len(list(read_steps(tmp_path / "steps.journal"))) == 3


def test_a_step_behind_a_gap_waits_for_the_missing_one(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    feed(learner, range(2))
    assert not learner.insert(make_step(3))
    assert learner.gaps == 1
    feed(learner, range(2, 4))
    assert learner.sync() == {"a": 4}


def test_actors_are_numbered_apart_and_may_interleave(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    for number in range(10):
        feed(learner, range(number, number + 1), "a")
        feed(learner, range(number, number + 1), "b")
    assert learner.sync() == {"a": 10, "b": 10}
    assert learner.episodes == 4


def test_only_what_is_on_disk_is_acknowledged(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    feed(learner, range(3))
    assert learner.acknowledged() == {}
    assert learner.sync() == learner.acknowledged() == {"a": 3}
    status = learner.status()
    assert (status.actor_ids, status.acknowledged_steps) == (("a",), (3,))


def test_evaluation_steps_are_counted_and_never_learned_from(tmp_path: Path) -> None:
    learner = open_learner(tmp_path, replace(make_settings(), evaluation_episodes_goal=2))
    for number in range(10):
        held = number == 9
        assert learner.insert(make_step(number, is_evaluation=True, success=held))
    assert (learner.steps, learner.episodes, learner.updates_due()) == (0, 0, 0)
    found = learner.evaluation()
    assert (found.n, found.mean_return, found.success_rate) == (2, -5.0, 0.5)
    assert learner.status().evaluation_episodes == 2
    assert learner.sync() == {"a": 10}


def test_a_step_that_is_not_finite_is_refused_and_may_be_mended(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    with pytest.raises(StepError, match="reward is nan"):
        learner.insert(make_step(0, reward=float("nan")))
    assert learner.steps == 0
    feed(learner, range(1))
    assert len(list(read_steps(tmp_path / "steps.journal"))) == 1


def test_learning_is_from_the_executed_action(tmp_path: Path) -> None:
    learner = open_learner(tmp_path, make_settings(warmup_steps=0))
    executed = np.array([0.25, -0.25], np.float32)
    for number in range(5):
        learner.insert(
            make_step(
                number,
                requested_action=np.array([9, 9], np.float32),
                gated_action=np.array([5, 5], np.float32),
                executed_action=executed,
            )
        )
    batch = learner._replay.sample(20, np.random.default_rng(0))
    assert (batch.actions == executed).all()


def test_updates_follow_the_steps_after_the_warm_up(tmp_path: Path) -> None:
    learner = open_learner(tmp_path, make_settings(warmup_steps=10, updates_per_step=0.5))
    feed(learner, range(10))
    assert learner.updates_due() == 0
    assert learner.status().phase is Phase.TRAINING
    feed(learner, range(10, 15))
    assert learner.updates_due() == 2
    metrics = learner.update(2)
    assert np.isfinite(list(metrics.values())).all()
    assert learner.updates_due() == 0


def test_phases_go_from_warm_up_to_done(tmp_path: Path) -> None:
    settings = replace(make_settings(steps=10, warmup_steps=5), evaluation_episodes_goal=1)
    learner = open_learner(tmp_path, settings)
    assert learner.status().phase is Phase.WARMUP
    feed(learner, range(10))
    assert learner.status().phase is Phase.TRAINING  # five updates are owed
    learner.update(learner.updates_due())
    assert learner.status().phase is Phase.EVALUATING
    for number in range(10, 15):
        learner.insert(make_step(number, is_evaluation=True))
    assert learner.status().phase is Phase.DONE


def test_success_is_counted_over_the_last_hundred_episodes(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    for number in range(110 * 5):
        learner.insert(make_step(number, success=number >= 30 * 5))
    status = learner.status()
    assert (status.success_window, status.success_rate) == (100, 0.8)
    assert status.success_wilson95 == pytest.approx((0.7112, 0.8666), abs=1e-4)


def test_an_episode_without_an_end_is_learned_from_and_not_counted(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    feed(learner, range(3))
    learner.insert(make_step(3, episode=7, episode_step=0, truncated=True))
    assert (learner.steps, learner.episodes) == (4, 1)
    assert len(learner._replay) == 4


def test_publishing_counts_versions_up_also_over_a_kill(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    assert learner.publish()[0] == 1
    learner.checkpoint()
    version, data = learner.publish()
    assert version == 2 and policy_from_bytes(data)[0].version == 2
    learner.close()  # version 2 came after the checkpoint
    assert open_learner(tmp_path, resume=True).publish()[0] == 3


def test_a_resumed_learner_is_the_same_learner(tmp_path: Path) -> None:
    """Killed between two checkpoints: steps after the checkpoint are there, updates are redone."""
    one, two = open_learner(tmp_path / "one"), open_learner(tmp_path / "two")
    for learner in (one, two):
        feed(learner, range(63))
        learner.update(learner.updates_due())
        learner.checkpoint({"note": 1})
        feed(learner, range(63, 80))
        learner.sync()
    one.close()
    one = open_learner(tmp_path / "one", resume=True)
    assert one.extra == {"note": 1}
    assert one.acknowledged() == {"a": 80}
    assert (one.steps, one.episodes, one.updates) == (80, 16, 23)
    for learner in (one, two):
        learner.update(learner.updates_due())
        feed(learner, range(80, 90))
        learner.update(learner.updates_due())
    assert weights(one) == weights(two)
    assert one.status().success_rate == two.status().success_rate


def test_resuming_before_the_first_checkpoint_keeps_every_step(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    feed(learner, range(50))
    learner.close()
    learner = open_learner(tmp_path, resume=True)
    assert (learner.steps, learner.updates, learner.updates_due()) == (50, 0, 10)
    assert not learner.insert(make_step(49))


def test_resuming_where_nothing_is_begins_a_run(tmp_path: Path) -> None:
    assert open_learner(tmp_path, resume=True).steps == 0


def test_a_run_is_not_begun_over_another(tmp_path: Path) -> None:
    open_learner(tmp_path).close()
    with pytest.raises(CheckpointError, match="--resume"):
        open_learner(tmp_path)


@pytest.mark.parametrize("changes", [{"gamma": 0.9}, {"seed": 4}])
def test_a_run_is_not_resumed_with_other_settings(
    tmp_path: Path, changes: dict[str, float]
) -> None:
    learner = open_learner(tmp_path)
    learner.checkpoint()
    learner.close()
    with pytest.raises(CheckpointError, match=rf"{next(iter(changes))}: .* then, .* now"):
        open_learner(tmp_path, make_settings(**changes), resume=True)  # type: ignore[arg-type]


def test_a_damaged_end_of_the_journal_is_reported(tmp_path: Path) -> None:
    learner = open_learner(tmp_path)
    feed(learner, range(10))
    learner.checkpoint()
    learner.close()
    journal = tmp_path / "steps.journal"
    journal.write_bytes(journal.read_bytes()[:-3])
    learner = open_learner(tmp_path, resume=True)
    assert learner.steps == 9
    assert "torn" in learner.warnings[0] and "missing" in learner.warnings[1]


def test_a_foreign_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "steps.journal").write_bytes(b"something else entirely")
    with pytest.raises(JournalError, match="not a journal"):
        open_learner(tmp_path, resume=True)
