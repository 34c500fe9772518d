from __future__ import annotations

from typing import Any

import numpy as np
import torch
from learner_checks import assert_resumes_bit_for_bit, assert_truncation_adds, target
from made_up_batches import SPACES, make_batch
from networks_by_hand import by_hand, members_by_hand, shake

from robot_learning.algorithms import RLPD, SAC, SACHyperParameters
from robot_learning.algorithms.rlpd import RLPDHyperParameters
from robot_learning.replay import Batch


def make_rlpd(seed: int = 0, **changes: Any) -> RLPD:
    settings: dict[str, Any] = {"hidden_sizes": (8, 8), "gamma": 0.9, "entropy_backup": False}
    rlpd = RLPD(SPACES, RLPDHyperParameters(**(settings | changes)), seed)
    shake(rlpd.critic_target)
    return rlpd


def value_by_hand(rlpd: RLPD, batch: Batch) -> Any:
    """The smaller value of the two critics that are drawn next, of the action drawn before."""
    twin = torch.Generator()
    twin.set_state(rlpd._generator.get_state())
    noise = torch.empty(len(batch.rewards), 2).normal_(generator=twin).numpy()
    drawn = torch.randperm(10, generator=twin)[:2].tolist()
    mean, log_std = np.split(by_hand(rlpd.actor, batch.next_inputs), 2, axis=1)
    actions = np.tanh(mean + np.exp(log_std) * noise)
    joined = np.concatenate([batch.next_inputs, actions], 1)
    return members_by_hand(rlpd.critic_target, joined)[drawn, :, 0].min(0)


def test_ten_critics_have_layer_normalisation_and_two_of_them_give_the_target() -> None:
    rlpd = make_rlpd()
    assert (rlpd.critic.members, rlpd.critic.layer_norm, rlpd.actor.layer_norm) == (10, True, False)
    for seed in range(4):
        batch = make_batch(16, seed)
        expected = batch.rewards + 0.9 * value_by_hand(rlpd, batch)
        np.testing.assert_allclose(target(rlpd, batch), expected, rtol=1e-4, atol=1e-5)


def test_a_terminated_step_is_worth_its_reward_and_a_truncated_one_more() -> None:
    """If termination and truncation were confused, the target would be off by gamma Q."""
    rlpd, batch = make_rlpd(), make_batch()
    assert_truncation_adds(0.9 * value_by_hand(rlpd, batch), rlpd, batch, atol=1e-5)


def test_layer_normalisation_bounds_the_value_of_actions_far_from_all_that_was_seen() -> None:
    """A normalised layer of w units is sqrt(w) long at most: whatever comes in (section 4.2)."""
    rlpd, far = make_rlpd(), make_batch(64).inputs * 1e4
    joined = np.concatenate([far, np.full((64, 2), 1e4, np.float32)], 1)
    values = rlpd.critic(torch.from_numpy(joined))[..., 0]
    lengths = rlpd.critic.weights[-1][..., 0].norm(dim=1) * 8**0.5
    assert (values.abs() <= lengths[:, None] + rlpd.critic.biases[-1][:, :, 0].abs() + 1e-4).all()


def test_the_actor_takes_one_step_for_twenty_of_the_critics() -> None:
    rlpd = make_rlpd()
    stepped = ["actor_loss" in rlpd.update(make_batch(seed=seed)) for seed in range(40)]
    assert [number for number, done in enumerate(stepped, 1) if done] == [20, 40]


def test_it_is_sac_of_other_settings() -> None:
    rlpd = make_rlpd()
    given = RLPDHyperParameters(hidden_sizes=(8, 8), gamma=0.9, entropy_backup=False).model_dump()
    sac = SAC(SPACES, SACHyperParameters(**given), 0)
    shake(sac.critic_target)
    for seed in range(3):
        batch = make_batch(seed=seed)
        assert rlpd.update(batch) == sac.update(batch)


def test_a_resumed_learner_goes_on_bit_for_bit() -> None:
    assert_resumes_bit_for_bit(make_rlpd(policy_delay=2), make_rlpd(99, policy_delay=2))
