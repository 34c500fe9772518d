from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.networks.image_encoder import ImageEncoder, Photometric, distort, shifted
from robot_learning.networks.recurrent import RecurrentEncoder

torch.set_num_threads(1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shifts(n: int, pad: int, seed: int = 0) -> torch.Tensor:
    """Up to `pad` to the left or right, and up or down."""
    return torch.randint(-pad, pad + 1, (n, 2), generator=generator(seed))


def images(n: int = 3, channels: int = 3, size: int = 20) -> torch.Tensor:
    shape = (n, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(9))


def test_images_become_bounded_features_that_depend_on_them() -> None:
    encoder = ImageEncoder(3, (64, 64), 50, generator())
    seen = encoder(images(4, size=64))
    assert seen.shape == (4, 50) and seen.abs().max() <= 1.0
    assert (seen[0] - seen[1]).abs().max() > 1e-3


def test_one_seed_gives_one_encoder() -> None:
    one, two = (ImageEncoder(3, (32, 32), 8, generator(5)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_images_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="too small to encode"):
        ImageEncoder(3, (12, 64), 8, generator())


def test_an_encoder_learns_where_a_spot_is() -> None:
    source = generator(1)
    encoder = ImageEncoder(3, (24, 24), 16, source)
    head = torch.nn.Linear(16, 1)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 1e-3)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        columns = torch.randint(2, 22, (16,), generator=source)
        pictures = torch.zeros(16, 3, 24, 24, dtype=torch.uint8)
        for picture, column in zip(pictures, columns.tolist(), strict=True):
            picture[:, 10:14, column - 2 : column + 2] = 255
        return pictures, columns / 12.0 - 1.0

    for _ in range(80):
        pictures, where = batch()
        loss = (head(encoder(pictures)).squeeze(-1) - where).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    pictures, where = batch()
    assert (head(encoder(pictures)).squeeze(-1) - where).abs().mean() < 0.25  # guessing: 0.42


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 6))
def test_a_shifted_image_is_a_window_of_it_with_its_edges_repeated(seed: int, pad: int) -> None:
    whole, shift = images(1), shifts(1, pad, seed)
    padded = torch.nn.functional.pad(whole.float(), (pad,) * 4, mode="replicate").to(torch.uint8)
    column, row = (shift[0] + pad).tolist()
    window = padded[:, :, row : row + 20, column : column + 20]
    assert torch.equal(shifted(whole, shift), window)


def test_each_image_of_a_batch_is_shifted_by_itself() -> None:
    same = images(1).expand(16, -1, -1, -1)
    cropped = shifted(same, shifts(len(same), 4))
    assert len({tuple(image.flatten().tolist()) for image in cropped}) > 8


def test_distortion_with_limits_of_zero_changes_nothing() -> None:
    whole = images()
    assert torch.equal(distort(whole, Photometric(0.0, 0.0, 0.0, 0.0), generator()), whole)


def test_brightness_stays_within_its_limit() -> None:
    grey = torch.full((64, 3, 8, 8), 128, dtype=torch.uint8)
    changed = distort(grey, Photometric(0.1, 0.0, 0.0, 0.0), generator()).float() - 128.0
    assert changed.abs().max() <= 0.1 * 255 + 0.5 and changed.std() > 5.0


def test_stacked_frames_are_distorted_alike() -> None:
    frame = images(2)
    changed = distort(torch.cat((frame, frame), 1), Photometric(), generator())
    assert torch.equal(changed[:, :3], changed[:, 3:])


def test_channels_that_are_no_rgb_are_refused() -> None:
    with pytest.raises(ValueError, match="not whole RGB"):
        distort(images(channels=4), Photometric(), generator())


def test_memory_is_forgotten_where_an_episode_begins() -> None:
    encoder = RecurrentEncoder(2, 8, generator())
    inputs = torch.randn(6, 1, 2, generator=generator(3))
    begins = torch.zeros(6, 1)
    begins[3] = 1.0
    outputs, _ = encoder(inputs, torch.randn(1, 8, generator=generator(4)), begins)
    alone, _ = encoder(inputs[3:], encoder.initial(1), torch.zeros(3, 1))
    torch.testing.assert_close(outputs[3:], alone)


def test_a_sequence_may_be_read_in_pieces() -> None:
    encoder = RecurrentEncoder(2, 8, generator())
    inputs, begins = torch.randn(6, 2, 2, generator=generator(3)), torch.zeros(6, 2)
    whole, last = encoder(inputs, encoder.initial(2), begins)
    first, memory = encoder(inputs[:4], encoder.initial(2), begins[:4])
    second, end = encoder(inputs[4:], memory, begins[4:])
    torch.testing.assert_close(torch.cat((first, second)), whole)
    torch.testing.assert_close(end, last)


def test_a_recurrent_encoder_remembers_what_is_no_longer_seen() -> None:
    source = generator(2)
    encoder, head = RecurrentEncoder(1, 12, source), torch.nn.Linear(12, 1)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 1e-2)
    begins = torch.zeros(6, 32)

    def error() -> torch.Tensor:
        shown = torch.rand(32, generator=source) * 2.0 - 1.0
        inputs = torch.zeros(6, 32, 1)
        inputs[0, :, 0] = shown
        outputs, _ = encoder(inputs, encoder.initial(32), begins)
        return (head(outputs[-1]).squeeze(-1) - shown).square().mean()

    for _ in range(150):
        loss = error()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert error() < 0.03  # without memory: 1 / 3
