"""Multi-layer perceptrons, one or several of the same shape computed as one batched product."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_Product = Callable[[Tensor, Tensor, Tensor], Tensor]


class Mlp:
    """ReLU between the layers, nothing behind the last.

    With `members` given, that many networks lie side by side: input (n, sizes[0]) is shared by
    all, output is (members, n, sizes[-1]).

    All weights lie in one vector, `flat`, and the layers are views of it. So an optimiser step or
    a Polyak move is one kernel instead of a loop over tensors, which for networks of this size
    would cost as much as a layer.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        *,
        members: int | None = None,
    ) -> None:
        self._sizes = tuple(sizes)
        self._members = members
        lead, row = ((), ()) if members is None else ((members,), (1,))
        shapes: list[tuple[int, ...]] = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            shapes += [(*lead, fan_in, fan_out), (*lead, *row, fan_out)]
        counts = [torch.Size(shape).numel() for shape in shapes]
        self.flat = torch.empty(sum(counts))
        split = torch.split(self.flat, counts)
        parts = [part.view(shape) for part, shape in zip(split, shapes, strict=True)]
        self.weights = [part.detach().requires_grad_() for part in parts[0::2]]
        self.biases = [part.detach().requires_grad_() for part in parts[1::2]]
        with torch.no_grad():
            for fan_in, weight, bias in zip(sizes, self.weights, self.biases, strict=False):
                bound = fan_in**-0.5  # He et al. 2015 with a = sqrt(5), as torch's linear layers
                weight.uniform_(-bound, bound, generator=generator)
                bias.uniform_(-bound, bound, generator=generator)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Computes (n, sizes[0]) -> (n, sizes[-1]), or (members, n, sizes[-1])."""
        if self._members is None:
            return _layers(inputs, self.weights, self.biases, torch.addmm)
        shared = inputs.expand(self._members, *inputs.shape)
        return _layers(shared, self.weights, self.biases, torch.baddbmm)

    def member(self, index: int, inputs: Tensor) -> Tensor:
        """Computes one network of several alone: (n, sizes[0]) -> (n, sizes[-1])."""
        weights = [weight[index] for weight in self.weights]
        biases = [bias[index] for bias in self.biases]
        return _layers(inputs, weights, biases, torch.addmm)

    def gradient(self, loss: Tensor) -> Tensor:
        """The gradient of a scalar for `flat`, and for nothing else on the way."""
        gradients = torch.autograd.grad(loss, self._layers_in_order())
        return torch.cat([gradient.view(-1) for gradient in gradients])

    def copy(self) -> Mlp:
        """Another of the same weights."""
        twin = Mlp(self._sizes, torch.Generator(), members=self._members)
        twin.flat.copy_(self.flat)
        return twin

    def _layers_in_order(self) -> list[Tensor]:
        pairs = zip(self.weights, self.biases, strict=True)
        return [tensor for pair in pairs for tensor in pair]


def _layers(x: Tensor, weights: list[Tensor], biases: list[Tensor], product: _Product) -> Tensor:
    last = len(weights) - 1
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = product(bias, x, weight)
        if index < last:
            x = torch.relu_(x)  # in place: no layer here needs its own output for its gradient
    return x
