"""What changes in a method while it learns, gathered under names for its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from robot_learning.networks import Adam, Mlp, Normaliser
from robot_learning.networks.rms_prop import RmsProp


@dataclass(frozen=True)
class LearnedState:
    """Networks, optimisers, normaliser and random state, as flat tensors and back.

    Attributes:
        networks: by name.
        optimisers: by name.
        normaliser: of the inputs.
        generator: of every random number that the method draws.
        vectors: what else is learned, by name.
    """

    networks: Mapping[str, Mlp]
    optimisers: Mapping[str, Adam | RmsProp]
    normaliser: Normaliser
    generator: torch.Generator
    vectors: Mapping[str, Tensor] = field(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """Copies of everything; names are `part` or `part.detail`."""
        tensors = {"generator": self.generator.get_state()}
        for part, network in self.networks.items():
            tensors[part] = network.flat.clone()
        tensors |= {name: vector.clone() for name, vector in self.vectors.items()}
        for part, optimiser in self.optimisers.items():
            tensors |= {f"{part}.{key}": value for key, value in optimiser.state_dict().items()}
        for key, array in self.normaliser.state_dict().items():
            tensors[f"normaliser.{key}"] = torch.from_numpy(array)
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from what `tensors` gave."""
        self.generator.set_state(tensors["generator"])
        for part, network in self.networks.items():
            network.flat.copy_(tensors[part])
        for name, vector in self.vectors.items():
            vector.copy_(tensors[name])
        for part, optimiser in self.optimisers.items():
            optimiser.load_state_dict(_under(tensors, part))
        moments = {k: tensor.numpy() for k, tensor in _under(tensors, "normaliser").items()}
        self.normaliser.load_state_dict(moments)


def _under(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    prefix = f"{part}."
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
