"""Replay of camera images on disk: a million of 64x64 are 12 GB, more than a laptop has memory.

Every frame is stored once: what follows it is the record behind it. An episode of n steps is n + 1
records, and from the last none begins.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.memory_map import MappedRing
from robot_learning.replay.ring import Int64
from robot_learning.replay.step import Float32

UInt8 = NDArray[np.uint8]
_DRAWS_MAX = 100  # at most every second frame is an episode's last: this many never all miss


class ImageBatch(NamedTuple):
    """Transitions side by side, n rows each.

    Attributes:
        images: at o, shape (n, height, width, channels), uint8.
        states: what is known besides the image at o, shape (n, s), float32.
        actions: as executed, in units of [-1, 1], shape (n, a), float32.
        requested: what was asked for to have them executed, shape (n, a), float32.
        rewards: of o', shape (n,), float32.
        returns_to_go: discounted rewards from o to the episode's end, shape (n,), float32; 0 where
            they were not said.
        next_images: at o'.
        next_states: at o'.
        terminated: 1 where the task itself ended at o', shape (n,), float32; 0 where it was cut.
    """

    images: UInt8
    states: Float32
    actions: Float32
    requested: Float32
    rewards: Float32
    returns_to_go: Float32
    next_images: UInt8
    next_states: Float32
    terminated: Float32


class ImageReplay:
    """The last `capacity` frames in a file; sampling is uniform over the transitions in it."""

    def __init__(
        self,
        path: Path,
        capacity: int,
        image_shape: tuple[int, int, int],
        state_size: int,
        action_size: int,
    ) -> None:
        """Opens or makes the file; see `MappedRing`.

        Args:
            path: of the file.
            capacity: frames kept.
            image_shape: (height, width, channels).
            state_size: numbers known besides an image.
            action_size: numbers of an action.
        """
        self._ring = MappedRing(
            path,
            capacity,
            {
                "image": (np.uint8, image_shape),
                "state": (np.float32, (state_size,)),
                "action": (np.float32, (action_size,)),
                "requested": (np.float32, (action_size,)),
                "reward": (np.float32, ()),
                "return_to_go": (np.float32, ()),
                "terminated": (np.float32, ()),
                "is_last": (np.bool_, ()),
            },
        )
        if self._ring.count:
            # Whatever comes next does not follow from the last frame before a restart.
            self._ring.columns["is_last"][(self._ring.count - 1) % capacity] = True

    def __len__(self) -> int:
        """Frames."""
        return len(self._ring)

    @property
    def oldest(self) -> int:
        """Lowest position that is still there."""
        return self._ring.oldest

    @property
    def count(self) -> int:
        """Frames ever added: the position of the next one."""
        return self._ring.count

    def add(
        self,
        image: UInt8,
        state: Float32,
        action: Float32,
        reward: float,
        terminated: bool,
        *,
        requested: Float32 | None = None,
        return_to_go: float = 0.0,
    ) -> None:
        """Adds o, what was done there, and what came of it; o' is the frame added next.

        What was done is what was requested, unless that is given.
        """
        asked = action if requested is None else requested
        self._append(image, state, action, asked, reward, return_to_go, terminated, False)

    def end_episode(self, image: UInt8, state: Float32) -> None:
        """Adds the last o' of an episode, terminated or truncated."""
        none = np.float32(0.0)
        self._append(image, state, none, none, 0.0, 0.0, False, True)

    def sample(
        self, size: int, rng: np.random.Generator, out: ImageBatch | None = None
    ) -> ImageBatch:
        """Draws `size` transitions uniformly, with replacement.

        Args:
            size: how many.
            rng: what they are drawn with.
            out: an earlier batch of this size that is no longer needed: its images are overwritten.
                Fresh memory for them costs as much as the copying.

        Raises:
            ValueError: there is none.
        """
        return self.take(self.draw(size, rng), out)

    def draw(self, size: int, rng: np.random.Generator, since: int = 0) -> Int64:
        """Positions of `size` transitions, drawn uniformly, with replacement; shape (size,).

        Args:
            size: how many.
            rng: what they are drawn with.
            since: from this position on.

        Raises:
            ValueError: there is none.
        """
        ring = self._ring
        first = max(ring.oldest, since)
        positions = np.zeros(size, np.int64)
        wrong = np.arange(size)
        for _ in range(_DRAWS_MAX if ring.count - first > 1 else 0):
            positions[wrong] = rng.integers(first, ring.count - 1, wrong.size)
            wrong = wrong[~self.holds(positions[wrong])]
            if not wrong.size:
                return positions
        raise ValueError("the image replay holds no transition")

    def holds(self, positions: Int64) -> NDArray[np.bool_]:
        """Of positions below `count`, which still are those of a whole transition; shape (n,)."""
        ring = self._ring
        there: NDArray[np.bool_] = (positions >= ring.oldest) & ~ring.take("is_last", positions)
        return there

    def take(self, positions: Int64, out: ImageBatch | None = None) -> ImageBatch:
        """The transitions at `positions`, as `draw` gives them; `out` as for `sample`."""
        ring, following = self._ring, positions + 1
        return ImageBatch(
            images=ring.take("image", positions, out and out.images),
            states=ring.take("state", positions),
            actions=ring.take("action", positions),
            requested=ring.take("requested", positions),
            rewards=ring.take("reward", positions),
            returns_to_go=ring.take("return_to_go", positions),
            next_images=ring.take("image", following, out and out.next_images),
            next_states=ring.take("state", following),
            terminated=ring.take("terminated", positions),
        )

    def flush(self) -> None:
        """Brings every frame to the disk."""
        self._ring.flush()

    def close(self) -> None:
        """Flushes and closes; once."""
        self._ring.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(
        self,
        image: UInt8,
        state: Float32,
        action: Float32 | np.float32,
        requested: Float32 | np.float32,
        reward: float,
        return_to_go: float,
        terminated: bool,
        is_last: bool,
    ) -> None:
        self._ring.append(
            image=image,
            state=state,
            action=action,
            requested=requested,
            reward=reward,
            return_to_go=return_to_go,
            terminated=terminated,
            is_last=is_last,
        )
