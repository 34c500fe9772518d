"""What lies around the hand, as if seen from straight above and turned with it.

Where an object lies with respect to the fingers decides a grasp; a picture of the whole bin only
shows where both are. Of a calibrated camera and a tool whose place is known, the picture of a plane
becomes that plane itself by a homography (Hartley and Zisserman 2004, section 2.3). What is learned
of a grasp at one place then holds at every other one, and of one mirrored too: pictures in the
gripper's own frame (Zeng et al. 2018, arXiv 1803.09956, turn theirs) and networks that
know of such symmetries learn from far fewer grasps (Zhu et al. 2022, arXiv 2202.09468).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from robot_learning.networks.whole_picture import Variation


@dataclass(frozen=True, slots=True)
class HandView:
    """Which part of a picture lies around the hand; lengths are of the base frame.

    Attributes:
        homography: row by row the (3, 3) that takes (x, y, 1), in metres on the plane that is
            looked at, to the picture's (column, row, 1) but for a factor.
        towards_camera: unit vector from the plane's middle to below the camera.
        middle_m: x and y of the middle of where the tool may be.
        reach_m: how far from there it may be.
        position_at: where x, y and z of the tool begin in the state.
        heading_at: where cosine and sine of its turn about the vertical begin.
        velocity_at: where x, y and z of its velocity begin.
        size_px: side of the view.
        pixel_m: side of one of its pixels.
    """

    homography: tuple[float, ...]
    towards_camera: tuple[float, float]
    middle_m: tuple[float, float]
    reach_m: float
    position_at: int
    heading_at: int
    velocity_at: int
    size_px: int
    pixel_m: float

    def __post_init__(self) -> None:
        # Lists come out of files.
        for name in ("homography", "towards_camera", "middle_m"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.homography) != 9:
            raise ValueError(f"a homography has 9 numbers, not {len(self.homography)}")


class HandFrame(nn.Module):
    """Takes pictures, states and motions into the frame of the hand, as `WholePicture` does not.

    There nothing changes about a grasp when all of it is mirrored along or across the fingers: a
    variation to learn with.

    Attributes:
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

    def __init__(self, view: HandView, state_low: Tensor, state_high: Tensor) -> None:
        super().__init__()
        self._view, self.size_px = view, view.size_px
        starts = (view.position_at, view.heading_at, view.velocity_at)
        level = {start + axis for start in starts for axis in (0, 1)}
        kept = [index for index in range(len(state_low)) if index not in level]
        steps = (torch.arange(view.size_px) - (view.size_px - 1) / 2) * view.pixel_m
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
        """The view out of pictures (n, channels, rows, columns): (n, channels, size, size)."""
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


def _turned(vectors: Tensor, heading: Tensor) -> Tensor:
    """Vectors (..., 2) turned by the angle whose cosine and sine are given."""
    x, y = vectors.unbind(-1)
    cosine, sine = heading.unbind(-1)
    return torch.stack((cosine * x - sine * y, sine * x + cosine * y), -1)


def _back(heading: Tensor) -> Tensor:
    """Cosine and sine (n, 2) of the opposite angle: from the base frame into the hand's."""
    return heading * heading.new_tensor((1.0, -1.0))
