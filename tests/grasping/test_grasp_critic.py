"""The critic on images: encoded once, judged for many actions."""

from __future__ import annotations

import pytest
import torch

from robot_learning.networks.grasp_critic import FIRST_LOGIT, SHAPES, GraspCritic
from robot_learning.networks.whole_picture import WholePicture


def make(name="small", size_px=64, low=(-1.0,) * 2, high=(1.0,) * 2):
    frame = WholePicture(size_px, torch.tensor(low), torch.tensor(high))
    generator = torch.Generator().manual_seed(0)
    return GraspCritic(SHAPES[name], frame, 8, generator).eval()


def encode(critic, n, size_px=64):
    shape = (n, size_px, size_px, 3)
    drawn = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1))
    return critic.encode(critic.look(drawn.byte(), torch.zeros(n, 2)))


def test_the_large_one_is_the_papers():
    critic = make("large", 472)
    assert sum(p.numel() for p in critic.parameters()) == pytest.approx(1.24e6, rel=0.005)
    with torch.no_grad():
        assert critic.trunk(torch.zeros(1, 3, 472, 472)).shape == (1, 64, 27, 27)


def test_many_actions_on_one_image_are_judged_as_each_alone():
    critic, generator = make(), torch.Generator().manual_seed(2)
    actions, states = torch.randn(3, 5, 8, generator=generator), torch.randn(3, 2)
    with torch.no_grad():
        maps = encode(critic, 3)
        together = critic.judge(maps, actions, states)
        for n in range(3):
            for k in range(5):
                alone = critic.judge(maps[n : n + 1], actions[n, k][None, None], states[n : n + 1])
                torch.testing.assert_close(alone[0, 0], together[n, k], rtol=1e-4, atol=1e-5)


def test_a_value_depends_on_every_number_of_action_and_state_and_on_the_picture():
    critic = make()
    actions, state = torch.zeros(2, 9, 8), torch.zeros(2, 2)
    actions[:, 1:] = torch.eye(8)
    with torch.no_grad():
        maps = encode(critic, 2)
        first, second = critic.judge(maps, actions, state)
        for number in torch.eye(2):
            other = critic.judge(maps, actions, number.expand(2, -1))
            assert ((other - torch.stack((first, second))).abs() > 1e-6).any(dim=1).all()
    assert ((first[1:] - first[0]).abs() > 1e-6).all()
    assert (first - second).abs().max() > 1e-6


def test_numbers_are_seen_between_the_ends_of_their_ranges():
    """Or else the 5 mm that fingers stand apart around an object would be next to nothing."""
    low, high = torch.tensor([-2.0, 0.0]), torch.tensor([0.5, 3.0])
    actions, states = torch.rand(3, 5, 8) * 2.0 - 1.0, torch.rand(3, 2) * 2.0 - 1.0
    critic, ranged = make(), make(low=low.tolist(), high=high.tolist())
    with torch.no_grad():
        maps = encode(critic, 3)
        expected = critic.judge(maps, actions, states)
        there = low + (states + 1.0) / 2.0 * (high - low)
        found = ranged.judge(maps, actions, there)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_before_learning_every_action_is_thought_bad():
    with torch.no_grad():
        values = make().judge(encode(make(), 8), torch.randn(8, 20, 8), torch.randn(8, 2))
    assert values.mean().item() == pytest.approx(FIRST_LOGIT, abs=0.3)


def test_pictures_too_small_for_the_layers_are_refused():
    with pytest.raises(ValueError, match="images of 64 px are too small for this network"):
        make("large", 64)
