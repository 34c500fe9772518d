"""What lies around the hand, as if seen from straight above and turned with it.

Where an object lies with respect to the fingers decides a grasp; a picture of the whole bin only
shows where both are. Of a calibrated camera and a tool whose place is known, the picture of a plane
becomes that plane itself by a homography (Hartley and Zisserman 2004, section 2.3). What is learned
of a grasp at one place then holds at every other one, and of one mirrored too: pictures in the
gripper's own frame (Zeng et al. 2018, arXiv 1803.09956, turn theirs) and networks that
know of such symmetries learn from far fewer grasps (Zhu et al. 2022, arXiv 2202.09468).

The view is finest at its middle, as an eye's: between the fingers millimetres matter, further away
only where something lies.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from robot_learning.networks.whole_picture import Variation
from robot_learning.perception.hand_view import HandView

_LIGHT = 0.3  # by how much a difference of colours may be larger or smaller in other light


class HandFrame(nn.Module):
    """Takes pictures, states and motions into the frame of the hand, as `WholePicture` does not.

    There nothing changes about a grasp when all of it is mirrored along or across the fingers: a
    variation to learn with.

    Attributes:
        channels: of what it sees, as `BinEye` gives it.
        has_first: the first half of the channels is of the picture from before the attempt.
        size_px: side of the view.
        state_features: numbers that a state becomes.

    Args:
        view: which part of the pictures.
        state_low: where each number of a state is at its lowest.
        state_high: where it is at its highest.
    """

    _homography: Tensor
    _grid: Tensor
    _kept: Tensor
    _middle: Tensor
    _half: Tensor
    _speed: Tensor

    channels = 2
    has_first = True

    def __init__(self, view: HandView, state_low: Tensor, state_high: Tensor) -> None:
        super().__init__()
        self._view, self.size_px = view, view.size_px
        starts = (view.position_at, view.heading_at, view.velocity_at)
        level = {start + axis for start in starts for axis in (0, 1)}
        kept = [index for index in range(len(state_low)) if index not in level]
        steps = steps_m(view)
        rows, columns = torch.meshgrid(steps, steps, indexing="ij")
        self.state_features = len(kept) + 6
        low, high = state_low[kept], state_high[kept]
        buffers = {
            "_homography": torch.tensor(view.homography).view(3, 3),
            "_grid": torch.stack((columns, rows), -1),
            "_kept": torch.tensor(kept),
            "_middle": (low + high) / 2.0,
            "_half": (high - low) / 2.0,
            "_speed": state_high[view.velocity_at : view.velocity_at + 2],
        }
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor, persistent=False)

    def variation(self, n: int, shift_px: float, generator: torch.Generator) -> Variation:
        """Random shifts of the picture, and mirrorings."""
        shifts = (torch.rand(n, 2, generator=generator) * 2.0 - 1.0) * shift_px
        return Variation(shifts, torch.randint(0, 2, (n, 2), generator=generator) * 2.0 - 1.0)

    def pictures(self, planes: Tensor, states: Tensor, varied: Variation | None = None) -> Tensor:
        """The view out of planes (n, channels, rows, columns): (n, channels, size, size)."""
        position, heading = self._place(states)
        grid = self._grid.expand(len(states), -1, -1, -1)
        if varied is not None:
            grid = grid * varied.mirror[:, None, None, :]
        turned = _turned(grid, heading[:, None, None, :])
        points = functional.pad(turned + position[:, None, None, :], (0, 1), value=1.0)
        pixels = points @ self._homography.T
        pixels = pixels[..., :2] / pixels[..., 2:]
        if varied is not None:
            pixels = pixels + varied.shift_px[:, None, None, :]
        # Whole numbers are middles of pixels; for PyTorch the edges are at -1 and 1.
        size = planes.new_tensor((planes.shape[3], planes.shape[2]))
        places = (pixels + 0.5) / size * 2.0 - 1.0
        return functional.grid_sample(planes, places, padding_mode="border", align_corners=False)

    def relit(self, planes: Tensor, generator: torch.Generator) -> Tensor:
        """The view in other light: colours differ more or less, shape (n, channels, size, size)."""
        shape = (len(planes), 1, 1, 1)
        factor = 1.0 + _LIGHT * (torch.rand(shape, generator=generator) * 2.0 - 1.0)
        return (planes * factor).clamp_(max=1.0)

    def states(self, states: Tensor, varied: Variation | None = None) -> Tensor:
        """States (n, s) as seen from the hand, each number in about [-1, 1]; (n, f).

        What points nowhere; how the tool moves; where the middle of its space is; where the camera
        is, for what stands up leans away from it in the view.
        """
        position, heading = self._place(states)
        view = self._view
        middle = (states.new_tensor(view.middle_m) - position) / view.reach_m
        camera = states.new_tensor(view.towards_camera).expand_as(position)
        velocity = states[:, view.velocity_at : view.velocity_at + 2] / self._speed
        vectors = torch.stack((velocity, middle, camera), 1)
        seen = _turned(vectors, _back(heading)[:, None])
        if varied is not None:
            seen = seen * varied.mirror[:, None]
        rest = (states[:, self._kept] - self._middle) / self._half
        return torch.cat((rest, seen.flatten(1)), 1)

    def motions(self, features: Tensor, states: Tensor, varied: Variation | None = None) -> Tensor:
        """Features (n, k, f) of actions, whose first four are way and turn, in the hand's frame."""
        _, heading = self._place(states)
        way = _turned(features[..., :2], _back(heading)[:, None])
        turn = features[..., 3:4]
        if varied is not None:
            way = way * varied.mirror[:, None]
            turn = turn * varied.mirror.prod(1)[:, None, None]
        return torch.cat((way, features[..., 2:3], turn, features[..., 4:]), -1)

    def _place(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Position (n, 2) and heading (n, 2), a unit vector whatever was measured."""
        view = self._view
        position = states[:, view.position_at : view.position_at + 2]
        heading = states[:, view.heading_at : view.heading_at + 2]
        return position, functional.normalize(heading, dim=1)


def steps_m(view: HandView) -> Tensor:
    """How far from the middle the columns (and rows) of a view are, shape (size_px,)."""
    even = torch.linspace(-1.0, 1.0, view.size_px)
    share = view.middle_share
    steps: Tensor = view.half_m * (share * even + (1.0 - share) * even**3)
    return steps


def _turned(vectors: Tensor, heading: Tensor) -> Tensor:
    """Vectors (..., 2) turned by the angle whose cosine and sine are given."""
    x, y = vectors.unbind(-1)
    cosine, sine = heading.unbind(-1)
    return torch.stack((cosine * x - sine * y, sine * x + cosine * y), -1)


def _back(heading: Tensor) -> Tensor:
    """Cosine and sine (n, 2) of the opposite angle: from the base frame into the hand's."""
    return heading * heading.new_tensor((1.0, -1.0))
