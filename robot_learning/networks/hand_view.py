"""What lies around the hand, as if seen from straight above and turned with it.

Where an object lies with respect to the fingers decides a grasp; a picture of the whole bin only
shows where both are. Of a calibrated camera and a tool whose place is known, the picture of a plane
becomes that plane itself by a homography (Hartley and Zisserman 2004, section 2.3). What is learned
of a grasp at one place then holds at every other one, and of one mirrored too: pictures in the
gripper's own frame (Zeng et al. 2018, arXiv 1803.09956, turn theirs) and networks that
know of such symmetries learn from far fewer grasps (Zhu et al. 2022, arXiv 2202.09468).

Of a pixel is seen how far its colour is from that of the bin's floor: what colour a thing has says
nothing of how to grasp it, and to find that out takes more grasps than to learn their shapes. And
the view is finest at its middle, as an eye's: between the fingers millimetres matter, further away
only where something lies.
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
        floor_m: lowest x and y, highest x and y of the bin's floor.
        size_px: side of the view.
        half_m: from its middle to its edge.
        middle_share: how large a pixel in its middle is, as part of a view's of equal pixels.
    """

    homography: tuple[float, ...]
    towards_camera: tuple[float, float]
    middle_m: tuple[float, float]
    reach_m: float
    position_at: int
    heading_at: int
    velocity_at: int
    floor_m: tuple[float, float, float, float]
    size_px: int
    half_m: float
    middle_share: float

    def __post_init__(self) -> None:
        # Lists come out of files.
        for name in ("homography", "towards_camera", "middle_m", "floor_m"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.homography) != 9:
            raise ValueError(f"a homography has 9 numbers, not {len(self.homography)}")

    def steps_m(self) -> Tensor:
        """How far from the middle the view's columns (and rows) are, shape (size_px,)."""
        even = torch.linspace(-1.0, 1.0, self.size_px)
        share = self.middle_share
        steps: Tensor = self.half_m * (share * even + (1.0 - share) * even**3)
        return steps

    def floor_pixels(self, size_px: int) -> Tensor:
        """Indices, row by row, of the pixels of a picture that show the bin's floor."""
        count = torch.arange(float(size_px))
        rows, columns = torch.meshgrid(count, count, indexing="ij")
        pixels = torch.stack((columns, rows, torch.ones_like(rows)), -1).view(-1, 3)
        homography = torch.tensor(self.homography).view(3, 3)
        points = pixels @ torch.linalg.inv(homography).T
        x, y = (points[:, :2] / points[:, 2:]).unbind(1)
        low_x, low_y, high_x, high_y = self.floor_m
        inside = (x > low_x) & (x < high_x) & (y > low_y) & (y < high_y)
        found: Tensor = inside.nonzero()[::_EVERY, 0]
        return found


_EVERY = 3  # of the floor's pixels is looked at for its colour
_LIGHT = 0.3  # by how much a difference of colours may be larger or smaller in other light


class HandFrame(nn.Module):
    """Takes pictures, states and motions into the frame of the hand, as `WholePicture` does not.

    There nothing changes about a grasp when all of it is mirrored along or across the fingers: a
    variation to learn with.

    Attributes:
        size_px: side of the view.
        state_features: numbers that a state becomes.

    Args:
        view: which part of the pictures.
        picture_px: side of the pictures.
        state_low: where each number of a state is at its lowest.
        state_high: where it is at its highest.
    """

    _homography: Tensor
    _grid: Tensor
    _kept: Tensor
    _floor: Tensor
    _middle: Tensor
    _half: Tensor
    _speed: Tensor

    channels = 1  # of a picture

    def __init__(
        self, view: HandView, picture_px: int, state_low: Tensor, state_high: Tensor
    ) -> None:
        super().__init__()
        self._view, self.size_px = view, view.size_px
        starts = (view.position_at, view.heading_at, view.velocity_at)
        level = {start + axis for start in starts for axis in (0, 1)}
        kept = [index for index in range(len(state_low)) if index not in level]
        steps = view.steps_m()
        rows, columns = torch.meshgrid(steps, steps, indexing="ij")
        self.state_features = len(kept) + 6
        low, high = state_low[kept], state_high[kept]
        buffers = {
            "_homography": torch.tensor(view.homography).view(3, 3),
            "_grid": torch.stack((columns, rows), -1),
            "_kept": torch.tensor(kept),
            "_floor": view.floor_pixels(picture_px),
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
        """The view out of k pictures each, (n, 3 k, rows, columns): (n, k, size, size).

        The floor's colour is that of the first.
        """
        planes = self._beside_floor(planes)
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

    def _beside_floor(self, planes: Tensor) -> Tensor:
        """How far each pixel's colour is from the floor's: the largest difference of a channel."""
        n, channels, height, width = planes.shape
        colours = planes.reshape(n, channels // 3, 3, height * width)
        floor = colours[:, 0][..., self._floor].median(-1).values
        apart = (colours - floor[:, None, :, None]).abs().amax(2)
        return apart.view(n, channels // 3, height, width)

    def relit(self, planes: Tensor, generator: torch.Generator) -> Tensor:
        """The view (n, k, size, size) in other light: differences of colours larger or smaller."""
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


def _turned(vectors: Tensor, heading: Tensor) -> Tensor:
    """Vectors (..., 2) turned by the angle whose cosine and sine are given."""
    x, y = vectors.unbind(-1)
    cosine, sine = heading.unbind(-1)
    return torch.stack((cosine * x - sine * y, sine * x + cosine * y), -1)


def _back(heading: Tensor) -> Tensor:
    """Cosine and sine (n, 2) of the opposite angle: from the base frame into the hand's."""
    return heading * heading.new_tensor((1.0, -1.0))
