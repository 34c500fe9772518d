from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.networks import Adam, InputNormaliser, Mlp, Normaliser
from robot_learning.networks.rms_prop import RmsProp


def test_a_batched_pair_is_two_networks() -> None:
    generator = torch.Generator().manual_seed(0)
    pair = Mlp((3, 8, 8, 1), generator, members=2)
    inputs = torch.randn(5, 3, generator=generator)
    both = pair(inputs)
    assert both.shape == (2, 5, 1)
    for index in range(2):
        torch.testing.assert_close(both[index], pair.member(index, inputs))
    assert not torch.allclose(both[0], both[1])


def test_the_gradient_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    network = Mlp((2, 4, 1), generator)
    inputs = torch.randn(6, 2, generator=generator)
    gradient = network.gradient(network(inputs).square().sum())
    for index in (0, 5, 9, 13, 16):
        with torch.no_grad():
            network.flat[index] += 1e-3
            above = network(inputs).square().sum().item()
            network.flat[index] -= 2e-3
            below = network(inputs).square().sum().item()
            network.flat[index] += 1e-3
        assert gradient[index].item() == pytest.approx((above - below) / 2e-3, rel=0.02, abs=1e-3)


def test_a_copy_is_independent() -> None:
    network = Mlp((2, 4, 1), torch.Generator().manual_seed(0))
    copy = network.copy()
    assert torch.equal(copy.flat, network.flat)
    network.flat.add_(1.0)
    assert not torch.equal(copy.flat, network.flat)
    assert not torch.equal(copy.weights[0], network.weights[0])


def test_orthogonal_weights_keep_lengths_up_to_the_gain() -> None:
    network = Mlp((6, 6, 3), torch.Generator().manual_seed(0), output_gain=0.01)
    for weight, gain in zip(network.weights, (2**0.5, 0.01), strict=True):
        product = weight.detach().T @ weight.detach()
        torch.testing.assert_close(product, gain**2 * torch.eye(len(product)))
    assert all(not bias.any() for bias in network.biases)


def test_the_hidden_layer_is_what_the_last_one_is_given() -> None:
    network = Mlp((3, 8, 5, 2), torch.Generator().manual_seed(0), activation="tanh")
    inputs = torch.linspace(-1, 1, 12).view(4, 3)
    hidden = network.hidden(inputs)
    assert hidden.shape == (4, 5)
    torch.testing.assert_close(network(inputs), hidden @ network.weights[-1] + network.biases[-1])
    torch.testing.assert_close(network.copy()(inputs), network(inputs))


def test_rms_prop_is_torchs() -> None:
    ours, theirs = torch.linspace(-1, 1, 10), torch.linspace(-1, 1, 10).requires_grad_()
    rms_prop = RmsProp(ours, 0.01)
    reference = torch.optim.RMSprop([theirs], 0.01, alpha=0.99, eps=1e-5)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        gradient = torch.randn(10, generator=generator)
        rms_prop.step(gradient)
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_adam_is_torchs() -> None:
    ours, theirs = torch.linspace(-1, 1, 10), torch.linspace(-1, 1, 10).requires_grad_()
    adam, reference = Adam(ours, 0.01), torch.optim.Adam([theirs], 0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        gradient = torch.randn(10, generator=generator)
        adam.step(gradient)
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


@given(st.lists(st.integers(0, 7), min_size=1, max_size=8), st.integers(0, 1000))
def test_batches_merge_to_the_statistics_of_all(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches = [rng.normal([1e3, 0.0], [5.0, 0.1], (size, 2)) for size in sizes]
    normaliser = Normaliser(2)
    for batch in batches:
        normaliser.update(batch)
    everything = np.concatenate(batches)
    if len(everything) >= 2:
        np.testing.assert_allclose(normaliser.mean(), everything.mean(0), rtol=1e-6)
        std = everything.std(0)
        np.testing.assert_allclose(normaliser.std(), np.where(std < 1e-3, 1, std), rtol=1e-5)


def test_nothing_seen_changes_nothing_and_a_constant_is_only_centred() -> None:
    normaliser = Normaliser(1)
    assert normaliser.mean() == 0.0 and normaliser.std() == 1.0
    normaliser.update(np.full((10, 1), 7.0))
    assert normaliser.mean() == 7.0 and normaliser.std() == 1.0


def test_widened_it_clips_none_of_the_samples_and_leaves_the_others_as_they_were() -> None:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((1000, 2)).astype(np.float32)
    samples[0, 0] = 40.0  # of the first component, far beyond the clip
    normaliser = InputNormaliser(2, 5.0)
    normaliser.update(samples)
    before = normaliser.std_now.copy()
    normaliser.widen(samples)
    normalised = normaliser(samples).numpy()
    assert normalised[0, 0] == pytest.approx(5.0, rel=1e-5)
    assert np.unique(normalised[:, 0]).size == np.unique(samples[:, 0]).size
    assert normaliser.std_now[1] == before[1] and normaliser.std_now[0] > before[0]
    again = InputNormaliser(2, 5.0)
    again.load_state_dict(normaliser.state_dict())
    np.testing.assert_array_equal(again.std_now, normaliser.std_now)
