"""Images to vectors: a small convolutional encoder, and what it is shown while learning.

Random crops make off-policy learning from pixels work at all (Laskin et al. 2020, arXiv
2004.14990; Yarats et al. 2021, arXiv 2104.13649); photometric distortion is what QT-Opt adds for
the light of a real room (Kalashnikov et al. 2018, appendix).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

_WIDTH = 32


class ImageEncoder(nn.Module):
    """Four 3x3 convolutions, then a normalised linear map (Yarats et al. 2021, section 3.2).

    Input: uint8 images, shape (n, channels, height, width); output: shape (n, features), each in
    [-1, 1].

    Args:
        channels: 3 for one RGB image, 3 k for k stacked ones.
        size_px: (height, width), each at least 16.
        features: length of the output.
        generator: initial weights are drawn from it.
    """

    def __init__(
        self,
        channels: int,
        size_px: tuple[int, int],
        features: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if min(size_px) < 16:
            raise ValueError(f"images of {size_px} px are too small to encode, the least is 16")
        self.convolutions = nn.Sequential(
            *(nn.Conv2d(channels, _WIDTH, 3, stride=2), nn.ReLU()),
            *(nn.Conv2d(_WIDTH, _WIDTH, 3, stride=2), nn.ReLU()),
            *(nn.Conv2d(_WIDTH, _WIDTH, 3), nn.ReLU()),
            *(nn.Conv2d(_WIDTH, _WIDTH, 3), nn.ReLU()),
        )
        with torch.no_grad():
            flat = self.convolutions(torch.zeros(1, channels, *size_px)).numel()
        self.head = nn.Sequential(nn.Linear(flat, features), nn.LayerNorm(features), nn.Tanh())
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                gain = 1.0 if isinstance(module, nn.Linear) else 2.0**0.5
                with torch.no_grad():
                    nn.init.orthogonal_(module.weight, gain, generator=generator)
                    assert module.bias is not None
                    module.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Encodes images."""
        scaled = images.to(torch.float32).mul_(1.0 / 127.5).sub_(1.0)
        encoded: Tensor = self.head(self.convolutions(scaled).flatten(1))
        return encoded


class Photometric(NamedTuple):
    """Largest changes of one image; 0 leaves that property as it is.

    Attributes:
        brightness: added, as part of the full range.
        contrast: factor's distance from 1.
        saturation: factor's distance from 1.
        noise: standard deviation per pixel, as part of the full range.
    """

    brightness: float = 0.125
    contrast: float = 0.5
    saturation: float = 0.5
    noise: float = 0.0


def shifted(images: Tensor, shifts_px: Tensor) -> Tensor:
    """Shifts each image, edges repeated.

    Args:
        images: shape (n, channels, height, width), any type.
        shifts_px: to the left and up, whole numbers, shape (n, 2).
    """
    height, width = images.shape[2:]
    pad_px = int(shifts_px.abs().max()) if len(shifts_px) else 0
    if not pad_px:
        return images
    rows = torch.arange(-pad_px, height + pad_px).clamp_(0, height - 1)
    columns = torch.arange(-pad_px, width + pad_px).clamp_(0, width - 1)
    padded = images.index_select(2, rows).index_select(3, columns)
    result = torch.empty_like(images)
    # Many small copies of whole rows are a fraction of the cost of one gather by pixels.
    places = (shifts_px + pad_px).tolist()
    for image, wide, (x, y) in zip(result, padded, places, strict=True):
        image.copy_(wide[:, y : y + height, x : x + width])
    return result


def distort(images: Tensor, limits: Photometric, generator: torch.Generator) -> Tensor:
    """Changes light and colour of each image by its own random amounts.

    Args:
        images: uint8, or float from 0 to 1, shape (n, 3 k, height, width), RGB.
        limits: how much at most.
        generator: where the amounts come from.

    Returns:
        Of the same type and shape.
    """
    n, channels, height, width = images.shape
    if channels % 3:
        raise ValueError(f"{channels} channels are not whole RGB images")

    def uniform(limit: float) -> Tensor:
        return (torch.rand(n, 1, 1, 1, generator=generator) * 2.0 - 1.0) * limit

    x = images.reshape(n, channels // 3, 3, height * width)
    if images.dtype == torch.uint8:
        x = x.to(torch.float32) * (1.0 / 255.0)
    saturation, contrast = 1.0 + uniform(limits.saturation), 1.0 + uniform(limits.contrast)
    # Away from grey, then away from the mean, which the first does not change; and brighter.
    mixed = contrast * (saturation * torch.eye(3) + (1.0 - saturation) / 3.0)
    added = (1.0 - contrast) * x.mean((1, 2, 3), keepdim=True) + uniform(limits.brightness)
    x = (mixed @ x).add_(added)
    if limits.noise:
        x = x + limits.noise * torch.randn(x.shape, generator=generator)
    x = x.clamp_(0.0, 1.0).view(images.shape)
    return x if images.dtype != torch.uint8 else x.mul_(255.0).round_().to(torch.uint8)
