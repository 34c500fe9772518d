"""QT-Opt on images: targets, updates and slow copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from grasp_samples import ACTION_SIZE, SIZE_PX, SPACES, STATE_SIZE, make_batch, make_learner

from robot_learning.control.tool_command import Grip, read_grip
from robot_learning.grasping.qt_opt import GraspQTOpt
from robot_learning.grasping.settings import GraspHyperParameters


def fixed(network, value: float) -> None:
    """Every action has this value, whatever is seen."""
    last = network.dense[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(float(np.log(value / (1.0 - value))))


def with_values(first: float, second: float, **changes):
    learner = make_learner(**changes)
    fixed(learner.average, first)
    fixed(learner.lagged, second)
    return learner


@pytest.mark.parametrize(("first", "second", "value"), [(0.6, 0.3, 0.3), (0.2, 0.7, 0.2)])
def test_the_target_is_the_reward_and_the_discounted_smaller_value(first, second, value):
    batch = make_batch(rewards=np.full(6, 0.1, np.float32))
    targets = with_values(first, second, gamma=0.9).targets(batch)
    np.testing.assert_allclose(targets, 0.1 + 0.9 * value, rtol=1e-5)


def test_without_the_second_target_the_first_alone_counts():
    targets = with_values(0.6, 0.3, gamma=0.9, second_target=False).targets(make_batch())
    np.testing.assert_allclose(targets, 0.9 * 0.6, rtol=1e-5)


def test_what_follows_counts_after_a_truncated_step_and_not_after_a_terminated_one():
    ends = np.array([0, 1, 0, 1, 0, 1], np.float32)
    batch = make_batch(terminated=ends, rewards=np.full(6, 0.05, np.float32))
    targets = with_values(0.5, 0.5, gamma=0.9).targets(batch)
    np.testing.assert_allclose(targets, 0.05 + 0.9 * 0.5 * (1.0 - ends), rtol=1e-5)


@pytest.mark.parametrize(("bound", "lowest"), [(True, 0.7), (False, 0.45)])
def test_no_target_is_below_the_return_that_followed_unless_that_is_left_out(bound, lowest):
    returns = np.array([-0.2, 0.0, 0.3, 0.7, 0.7, 0.7], np.float32)
    learner = with_values(0.5, 0.5, gamma=0.9, return_bound=bound)
    targets = learner.targets(make_batch(returns_to_go=returns))
    np.testing.assert_allclose(targets, [0.45, 0.45, 0.45, lowest, lowest, lowest], rtol=1e-5)


@pytest.mark.parametrize(("reward", "target"), [(-0.02, 0.0), (1.5, 1.0)])
def test_targets_stay_within_what_a_sigmoid_can_say(reward, target):
    batch = make_batch(rewards=np.full(6, reward, np.float32), terminated=np.ones(6, np.float32))
    np.testing.assert_array_equal(make_learner().targets(batch), np.float32(target))


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
def test_updates_bring_values_to_their_targets(loss):
    learner = make_learner(loss=loss, photometric=False, crop_pad_px=0, l2=0.0)
    batch, targets = make_batch(), np.linspace(0.0, 1.0, 6, dtype=np.float32)
    errors = [learner.update(batch, targets)["q_error"] for _ in range(150)]
    assert errors[0] > 0.3 and errors[-1] < 0.1


def test_the_slow_copy_follows_and_the_lagged_one_jumps_after_its_updates():
    learner = make_learner(polyak=0.1, target_lag_updates=3)
    batch, targets = make_batch(), np.full(6, 0.5, np.float32)
    lagging = [p.clone() for p in learner.average.parameters()]
    for update in range(1, 5):
        before = [p.clone() for p in learner.average.parameters()]
        learner.update(batch, targets)
        for slow, old, new in zip(
            learner.average.parameters(), before, learner.critic.parameters(), strict=True
        ):
            torch.testing.assert_close(slow, 0.9 * old + 0.1 * new)
        if update == 3:
            lagging = [p.clone() for p in learner.average.parameters()]
        for lagged, expected in zip(learner.lagged.parameters(), lagging, strict=True):
            assert torch.equal(lagged, expected)


def test_what_acts_is_a_slower_copy_that_follows_faster_at_first():
    learner = make_learner(acting_polyak=0.8)
    for share in (9 / 11, 0.8, 0.8):
        before = [p.clone() for p in learner.acting.parameters()]
        learner.update(make_batch(), np.full(6, 0.5, np.float32))
        for slow, old, new in zip(
            learner.acting.parameters(), before, learner.critic.parameters(), strict=True
        ):
            torch.testing.assert_close(slow, torch.lerp(old, new, share))


def test_no_lag_is_one_slow_copy():
    learner = make_learner(target_lag_updates=0)
    learner.update(make_batch(), np.full(6, 0.5, np.float32))
    for lagged, average in zip(
        learner.lagged.parameters(), learner.average.parameters(), strict=True
    ):
        assert torch.equal(lagged, average)


def test_it_learns_where_to_move_from_what_it_sees():
    # A bright patch on the left or the right; moving there is rewarded, in one step.
    learner = make_learner(learning_rate=1e-3, polyak=0.1, l2=0.0, photometric=False)
    rng = np.random.default_rng(0)

    def scenes(n):
        right = rng.random(n) < 0.5
        images = rng.integers(0, 40, (n, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
        for image, on_right in zip(images, right, strict=True):
            left = rng.integers(17, 24) if on_right else rng.integers(2, 9)
            image[12:20, left : left + 7] = 220
        return images, right

    for _ in range(250):
        images, right = scenes(32)
        actions = rng.uniform(-1.0, 1.0, (32, ACTION_SIZE)).astype(np.float32)
        actions[:, 7] = -1.0  # or else it would not move
        batch = make_batch(32, images=images, actions=actions, requested=actions)
        learner.update(batch, ((actions[:, 0] > 0.0) == right).astype(np.float32))
    images, right = scenes(40)
    batch = make_batch(40, next_images=images)
    states = torch.from_numpy(batch.next_states)
    maps = learner.average.encode(learner.average.look(torch.from_numpy(images), states))
    noise = learner.search.noise(40, torch.Generator().manual_seed(0))
    found = learner.search.find(learner.average, maps, states, noise)
    assert ((found.best[:, 0].numpy() > 0.0) == right).mean() >= 0.9


def test_it_goes_on_from_its_state_bit_for_bit():
    first, second = make_learner(seed=1), make_learner(seed=2)
    targets = np.full(6, 0.5, np.float32)
    for _ in range(3):
        first.update(make_batch(), targets)
    second.load_state_dict(first.state_dict())
    for learner in (first, second):
        for _ in range(2):
            learner.update(make_batch(seed=3), learner.targets(make_batch(seed=4)))
    one, other = first.state_dict(), second.state_dict()
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert first.updates == second.updates == 5


def test_slow_weights_make_another_label_alike():
    trainer, updater = make_learner(seed=1), make_learner(seed=2)
    trainer.update(make_batch(), np.full(6, 0.9, np.float32))
    updater.load_slow_weights(trainer.slow_weights())
    fixed_noise = torch.Generator().manual_seed(5).get_state()
    for learner in (trainer, updater):
        learner._generator.set_state(fixed_noise)
    np.testing.assert_array_equal(trainer.targets(make_batch()), updater.targets(make_batch()))


def test_what_was_asked_for_is_worth_what_was_done_instead():
    # Whatever is asked for, nothing moves: both must be worth the same.
    learner = make_learner(learning_rate=1e-2, polyak=0.1, l2=0.0)
    batch = make_batch(32)
    batch = batch._replace(actions=np.zeros_like(batch.actions))
    targets = np.full(32, 0.7, np.float32)
    for _ in range(100):
        learner.update(batch, targets)
    states = torch.from_numpy(batch.states)
    with torch.no_grad():
        critic = learner.critic
        maps = critic.encode(critic.look(torch.from_numpy(batch.images), states))
        for actions in (batch.actions, batch.requested):
            values = torch.sigmoid(critic.judge(maps, torch.from_numpy(actions)[:, None], states))
            assert (values - 0.7).abs().mean() < 0.05


def test_part_of_a_target_is_the_return_that_followed():
    returns = np.linspace(0.0, 0.3, 6, dtype=np.float32)
    batch = make_batch(rewards=np.full(6, 0.2, np.float32), returns_to_go=returns)
    plain = make_learner(return_bound=False).targets(batch)
    mixed = make_learner(return_bound=False, monte_carlo_share=0.25).targets(batch)
    np.testing.assert_allclose(mixed, 0.75 * plain + 0.25 * returns, rtol=1e-5)


def test_actions_that_nobody_tried_are_worth_nothing_and_what_was_done_is_worth_its_target():
    rng = np.random.default_rng(0)
    done = np.full((32, ACTION_SIZE), 0.6, np.float32)
    done[:, 7] = -1.0
    others = rng.uniform(-1.0, 1.0, (32, ACTION_SIZE)).astype(np.float32)
    others[:, 0] = -np.abs(others[:, 0])
    values = {}
    for weight in (0.0, 0.25):
        learner = make_learner(learning_rate=1e-2, polyak=0.1, l2=0.0, negative_weight=weight)
        for seed in range(80):
            batch = make_batch(32, seed, actions=done, requested=done)
            learner.update(batch, np.full(32, 0.7, np.float32))
        batch, critic = make_batch(32, 100), learner.critic
        states = torch.from_numpy(batch.states)
        with torch.no_grad():
            maps = critic.encode(critic.look(torch.from_numpy(batch.images), states))
            both = torch.from_numpy(np.stack((done, others), 1))
            values[weight] = torch.sigmoid(critic.judge(maps, both, states)).mean(0).tolist()
    assert values[0.25][0] == pytest.approx(0.7, abs=0.1) and values[0.25][1] < 0.15
    assert values[0.0][1] > values[0.25][1] + 0.1


def test_of_some_pictures_the_first_is_learned_from_alone():
    learner = make_learner(first_alone_share=0.5)
    planes = torch.rand(400, 2, 4, 4)
    seen = learner._first_alone(planes)
    torch.testing.assert_close(seen[:, 0], planes[:, 0])
    alone = (seen[:, 1] == planes[:, 0]).flatten(1).all(1)
    torch.testing.assert_close(seen[~alone], planes[~alone])
    assert alone.float().mean().item() == pytest.approx(0.5, abs=0.1)
    learner = make_learner(first_alone_share=0.0)
    assert torch.equal(learner._first_alone(planes), planes)


def test_a_search_lets_moving_fingers_finish_unless_told_otherwise():
    spaces = replace(SPACES, fingers=1)
    for whole in (True, False):
        hyper = GraspHyperParameters(cem_samples=32, cem_elites=4, whole_grips=whole)
        learner = GraspQTOpt(hyper, spaces, seed=0)
        batch = make_batch(4, states=np.full((4, STATE_SIZE), -0.5, np.float32))
        images, states = torch.from_numpy(batch.images), torch.from_numpy(batch.states)
        maps = learner.average.encode(learner.average.look(images, states))
        noise = learner.search.noise(4, torch.Generator().manual_seed(0))
        tried = []
        found = learner.search.find(learner.average, maps, states, noise, tried)
        grips = {read_grip(row.numpy()) for actions, _ in tried for row in actions.flatten(0, 1)}
        assert (grips == {(Grip.CLOSE, False)}) is whole
        assert ({read_grip(row.numpy()) for row in found.best} == {(Grip.CLOSE, False)}) >= whole


def test_the_learning_rate_falls_in_the_second_half_of_a_run() -> None:
    learner = make_learner(learning_rate=1e-3, learning_rate_final=1e-5)
    rates = []
    for done in (0.0, 0.5, 0.75, 1.0, 1.2):
        learner.anneal(done)
        rates.append(learner._adam.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5, 1e-5])
