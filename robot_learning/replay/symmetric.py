"""Every batch is part demonstrations, part the learner's own experience (Ball et al. 2023, 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_learning.replay.batch import Batch
from robot_learning.replay.buffer import Replay, State
from robot_learning.replay.step import Float32, Step


class SymmetricReplay:
    """Two replays that each give their share of a batch; new steps go to `online`.

    However much experience there is, demonstrations are never watered down by it.
    """

    def __init__(self, online: Replay, demonstrations: Replay, share: float = 0.5) -> None:
        """Makes one of two.

        Args:
            online: takes steps in.
            demonstrations: filled; what is shown later goes there too.
            share: of a batch that are demonstrations.
        """
        self._online, self._demonstrations = online, demonstrations
        self._share = share
        self._split = 0

    def __len__(self) -> int:
        return len(self._online) + len(self._demonstrations)

    @property
    def demonstrations(self) -> int:
        """See `Replay`."""
        return len(self._demonstrations)

    def add(self, steps: Sequence[Step], actions: Float32) -> None:
        """See `Replay.add`."""
        self._online.add(steps, actions)

    def show(self, steps: Sequence[Step], actions: Float32) -> None:
        """See `Replay.show`."""
        self._demonstrations.show(steps, actions)

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """Demonstrations first, then online rows; all of one kind while there is no other.

        Raises:
            ValueError: there are no demonstrations either.
        """
        self._split = round(size * self._share) if len(self._online) else size
        if not len(self._demonstrations):
            self._split = 0
        parts = ((self._demonstrations, self._split), (self._online, size - self._split))
        batch = reduce(_joined, [part.sample(rows, rng) for part, rows in parts if rows])
        demonstrated = np.arange(size) < self._split
        return batch._replace(demonstrated=demonstrated.astype(np.float32))

    def update_priorities(self, errors: NDArray[np.floating]) -> None:
        """See `Replay.update_priorities`."""
        if self._split:
            self._demonstrations.update_priorities(errors[: self._split])
        if self._split < len(errors):
            self._online.update_priorities(errors[self._split :])

    def state_dict(self) -> State:
        """Of both parts."""
        arrays: dict[str, NDArray[Any]] = {}
        values: dict[str, Any] = {}
        for name, part in self._parts().items():
            its_arrays, values[name] = part.state_dict()
            arrays |= {f"{name}.{key}": array for key, array in its_arrays.items()}
        return arrays, values

    def load_state_dict(self, state: State) -> None:
        """See `Replay.load_state_dict`."""
        arrays, values = state
        for name, part in self._parts().items():
            prefix = f"{name}."
            its = {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
            part.load_state_dict((its, values[name]))

    def _parts(self) -> dict[str, Replay]:
        return {"online": self._online, "demonstrations": self._demonstrations}


def _joined(one: Batch, other: Batch) -> Batch:
    """Both below each other; fields that only one of them has are left out."""
    fields = {
        name: np.concatenate((mine, theirs))
        for name, mine, theirs in zip(Batch._fields, one, other, strict=True)
        if mine is not None and theirs is not None
    }
    return Batch(**fields)
