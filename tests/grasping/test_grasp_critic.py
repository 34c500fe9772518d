"""The critic on images: encoded once, judged for many actions."""

from __future__ import annotations

import pytest
import torch

from robot_learning.networks.grasp_critic import FIRST_LOGIT, SHAPES, GraspCritic


def make(name="small", size_px=64, low=(-1.0,) * 2, high=(1.0,) * 2):
    generator = torch.Generator().manual_seed(0)
    critic = GraspCritic(SHAPES[name], size_px, 8, low, high, generator)
    return critic.eval()


def pictures(n, size_px=64):
    shape = (n, size_px, size_px, 3)
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1)).byte()


def test_the_large_one_is_the_papers():
    critic = make("large", 472)
    assert sum(p.numel() for p in critic.parameters()) == pytest.approx(1.24e6, rel=0.005)
    with torch.no_grad():
        assert critic.trunk(torch.zeros(1, 3, 472, 472)).shape == (1, 64, 27, 27)


def test_many_actions_on_one_image_are_judged_as_each_alone():
    critic, vectors = make(), torch.randn(3, 5, 10, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        maps = critic.encode(pictures(3))
        together = critic.judge(maps, vectors)
        for n in range(3):
            for k in range(5):
                alone = critic.judge(
                    critic.encode(pictures(3)[n : n + 1]), vectors[n, k][None, None]
                )
                torch.testing.assert_close(alone[0, 0], together[n, k], rtol=1e-4, atol=1e-5)


def test_a_value_depends_on_every_number_of_action_and_state_and_on_the_picture():
    critic = make()
    vectors = torch.zeros(1, 11, 10)
    vectors[0, 1:] = torch.eye(10)
    with torch.no_grad():
        first, second = critic.judge(critic.encode(pictures(2)), vectors.expand(2, -1, -1))
    assert ((first[1:] - first[0]).abs() > 1e-6).all()
    assert (first - second).abs().max() > 1e-6


def test_numbers_are_seen_between_the_ends_of_their_ranges():
    """Or else the 5 mm that fingers stand apart around an object would be next to nothing."""
    low, high = torch.tensor([-2.0, 0.0]), torch.tensor([0.5, 3.0])
    actions, states = torch.rand(3, 5, 8) * 2.0 - 1.0, torch.rand(3, 5, 2) * 2.0 - 1.0
    critic, ranged = make(), make(low=low.tolist(), high=high.tolist())
    with torch.no_grad():
        maps = critic.encode(pictures(3))
        expected = critic.judge(maps, torch.cat((actions, states), -1))
        there = low + (states + 1.0) / 2.0 * (high - low)
        found = ranged.judge(maps, torch.cat((actions, there), -1))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_before_learning_every_action_is_thought_bad():
    with torch.no_grad():
        values = make().judge(make().encode(pictures(8)), torch.randn(8, 20, 10))
    assert values.mean().item() == pytest.approx(FIRST_LOGIT, abs=0.3)


def test_pictures_too_small_for_the_layers_are_refused():
    with pytest.raises(ValueError, match="images of 64 px are too small for this network"):
        make("large", 64)
