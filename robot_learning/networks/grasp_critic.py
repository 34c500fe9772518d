"""QT-Opt's critic on images: the image is encoded once, many actions are judged on the result.

Kalashnikov et al. 2018 (arXiv 1806.10293, section 4.2 and figure 5): convolutions over the image, a
vector made of action and gripper added to every place of the map, convolutions over the sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from robot_learning.networks.action_features import (
    ActionMeaning,
    action_features,
    feature_count,
)
from robot_learning.networks.hand_view import HandFrame
from robot_learning.networks.whole_picture import Variation, WholePicture

GraspNetwork = Literal["small", "large"]
Frame = WholePicture | HandFrame

_AT_ONCE = 512  # actions that are judged together: what is between the layers stays in the cache

FIRST_LOGIT = -2.5
"""Of every action before anything is learned: grasps are rare, and what is too high at first only
fades with the discount, from one slow copy to the next.
"""


class PictureSizeError(ValueError):
    """The pictures do not fit a network. One line says which."""


class Convolution(NamedTuple):
    """One convolution with a ReLU, and what follows it.

    Attributes:
        channels: of its output.
        kernel: side in pixels.
        stride: in both directions.
        pool: side and stride of a maximum over its output; 1 for none.
        padded: the output is as large as the input where the stride is 1.
    """

    channels: int
    kernel: int
    stride: int = 1
    pool: int = 1
    padded: bool = True


class GraspCriticShape(NamedTuple):
    """Layers of a critic.

    Attributes:
        trunk: over the image; its last channels are the length of the vector that is added.
        head: over image and action together.
        vector: hidden units of the layer that the action's vector comes from.
        dense: hidden units of the layers that end in the value.
        normalise: batch normalisation in every convolution.
    """

    trunk: tuple[Convolution, ...]
    head: tuple[Convolution, ...]
    vector: int
    dense: tuple[int, ...]
    normalise: bool


SHAPES: dict[GraspNetwork, GraspCriticShape] = {
    # For 64 x 64: 3 million multiplications a view of 32 px, 0.1 million an action.
    "small": GraspCriticShape(
        trunk=(
            Convolution(32, 5, 2),
            Convolution(48, 3, 2),
            Convolution(48, 3),
            Convolution(48, 3, 2),
        ),
        head=(Convolution(48, 3, 2),),
        vector=64,
        dense=(64,),
        normalise=False,
    ),
    # The paper's for 472 x 472, 1.2 million weights.
    "large": GraspCriticShape(
        trunk=(
            Convolution(64, 6, 2, pool=3),
            *(Convolution(64, 5) for _ in range(5)),
            Convolution(64, 5, pool=3),
        ),
        head=(
            *(Convolution(64, 3) for _ in range(5)),
            Convolution(64, 3, pool=2),
            *(Convolution(64, 3, padded=False) for _ in range(3)),
        ),
        vector=256,
        dense=(64, 64),
        normalise=True,
    ),
}


class GraspCritic(nn.Module):
    """Q as a logit: its sigmoid is the probability-like value of an action.

    Args:
        shape: of the layers.
        frame: what is seen of images and states.
        action_size: numbers of an action, each in [-1, 1].
        generator: initial weights are drawn from it.
        meaning: of the actions; see `ActionMeaning`.

    Raises:
        PictureSizeError: the images are too small for the layers.
    """

    def __init__(
        self,
        shape: GraspCriticShape,
        frame: Frame,
        action_size: int,
        generator: torch.Generator,
        meaning: ActionMeaning = "plain",
    ) -> None:
        super().__init__()
        self.frame, self._meaning = frame, meaning
        inputs = feature_count(meaning, action_size) + frame.state_features
        middle = shape.trunk[-1].channels
        channels = frame.channels
        self.trunk = nn.Sequential(*_layers(channels, shape.trunk, shape.normalise))
        self.vector = nn.Sequential(
            nn.Linear(inputs, shape.vector), nn.ReLU(), nn.Linear(shape.vector, middle)
        )
        self.head = nn.Sequential(*_layers(middle, shape.head, shape.normalise))
        try:
            with torch.no_grad():
                blank = torch.zeros(2, channels, frame.size_px, frame.size_px)
                flat = self.head(self.trunk(blank)).flatten(1).shape[1]
        except RuntimeError:
            flat = 0
        if not flat:
            raise PictureSizeError(
                f"images of {frame.size_px} px are too small for this network: choose another with "
                "--set network=..., or a larger image.size_px in the task"
            )
        sizes = (flat, *shape.dense, 1)
        dense: list[nn.Module] = []
        for fan_in, fan_out in pairwise(sizes):
            dense += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        self.dense = nn.Sequential(*dense[:-1])
        self._draw(generator)

    def look(self, images: Tensor, states: Tensor, varied: Variation | None = None) -> Tensor:
        """What is seen of images, from 0 to 1, shape (n, channels, rows, columns).

        Args:
            images: uint8, as an eye gives them, shape (n, size, size, channels).
            states: what is known beside them, shape (n, s).
            varied: how they are varied, as the frame's `variation` gives it.
        """
        planes = images.permute(0, 3, 1, 2).to(torch.float32)
        return self.frame.pictures(planes, states, varied) * (1.0 / 255.0)

    def encode(self, planes: Tensor) -> Tensor:
        """Maps (n, channels, rows, columns) of what is seen."""
        # In memory with the colours last, as the kernels like them.
        planes = planes.contiguous(memory_format=torch.channels_last)
        maps: Tensor = self.trunk(planes * 2.0 - 1.0)
        return maps

    def judge(
        self, maps: Tensor, actions: Tensor, states: Tensor, varied: Variation | None = None
    ) -> Tensor:
        """Logits (n, k) of k actions (n, k, a) for each image; the rest as for `look`."""
        features = action_features(self._meaning, actions)
        features = self.frame.motions(features, states, varied)
        known = self.frame.states(states, varied).unsqueeze(1).expand(-1, actions.shape[1], -1)
        seen = torch.cat((features, known), -1)
        images = max(1, _AT_ONCE // actions.shape[1])
        if torch.is_grad_enabled() or len(maps) <= images:
            return self._judge(maps, seen)
        parts = zip(torch.split(maps, images), torch.split(seen, images), strict=True)
        return torch.cat([self._judge(*part) for part in parts])

    def _judge(self, maps: Tensor, seen: Tensor) -> Tensor:
        n, k = seen.shape[:2]
        added = self.vector(seen)  # (n, k, channels)
        joined = functional.relu(maps.unsqueeze(1) + added[..., None, None]).flatten(0, 1)
        values: Tensor = self.dense(self.head(joined).flatten(1))
        return values.view(n, k)

    def _draw(self, generator: torch.Generator) -> None:
        """He et al. 2015 for layers before a ReLU; the last begins at `FIRST_LOGIT`."""
        last = self.dense[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = module.weight[0].numel()
                bound = math.sqrt(6.0 / fan_in) * (0.1 if module is last else 1.0)
                with torch.no_grad():
                    module.weight.uniform_(-bound, bound, generator=generator)
                    if module.bias is not None:
                        module.bias.fill_(FIRST_LOGIT if module is last else 0.0)


def _layers(
    channels: int, convolutions: tuple[Convolution, ...], normalise: bool
) -> Iterator[nn.Module]:
    for layer in convolutions:
        padding = layer.kernel // 2 if layer.padded else 0
        yield nn.Conv2d(
            channels, layer.channels, layer.kernel, layer.stride, padding, bias=not normalise
        )
        channels = layer.channels
        if normalise:
            yield nn.BatchNorm2d(channels, eps=1e-3, momentum=3e-4)
        yield nn.ReLU()
        if layer.pool > 1:
            yield nn.MaxPool2d(layer.pool, ceil_mode=True)
