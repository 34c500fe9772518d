"""Passes through an `Mlp` in memory that is allocated once.

Products of the size that learning from a replay needs take less than a millisecond; asking the
system for the memory of every intermediate result, and touching its pages for the first time,
takes a quarter as long again. Here every layer writes where it wrote in the pass before, and the
backward pass writes straight into one vector.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from robot_learning.networks.mlp import Mlp


class BufferedMlp:
    """Computes what `network`, or one member of it, computes, and the same gradients.

    What a call returns is overwritten by the next call: one of these serves one place in a method.
    """

    def __init__(self, network: Mlp, *, member: int | None = None, frozen: bool = False) -> None:
        """Takes views of the weights of `network`: it follows its changes.

        Args:
            network: with ReLU between its layers and nothing else.
            member: compute this one of several alone.
            frozen: gradients are for the input alone; those of the weights are not computed.

        Raises:
            ValueError: `network` has another activation, or layer normalisation.
        """
        if not can_buffer(network):
            raise ValueError("only networks of ReLU layers can be computed in kept memory")
        self._batched = member is None and network.members is not None
        self._flat = network.flat.detach().requires_grad_(not frozen)
        self._gradient = torch.empty(0 if frozen else len(network.flat))
        self._weights = [weight.detach() for weight in network.weights]
        self._biases = [bias.detach() for bias in network.biases]
        if member is not None:
            if not frozen:
                raise ValueError("the gradient of one member's weights alone is not computed")
            self._weights = [weight[member] for weight in self._weights]
            self._biases = [bias[member] for bias in self._biases]
        self._weight_gradients, self._bias_gradients = self._views(self._gradient)
        self._members = network.members or 0
        self._values: list[Tensor] = []  # of each layer, behind its activation
        self._backs: list[Tensor] = []  # the loss's gradient for them

    def __call__(self, inputs: Tensor) -> Tensor:
        """As `Mlp.__call__` or `Mlp.member`; `inputs` must keep its values until the gradient."""
        output: Tensor = _Pass.apply(inputs, self._flat, self)
        return output

    def gradient(self, loss: Tensor) -> Tensor:
        """As `Mlp.gradient`; overwritten by the next."""
        return torch.autograd.grad(loss, self._flat)[0]

    def forward(self, inputs: Tensor) -> Tensor:
        """The layers; a view of kept memory."""
        x = inputs.expand(self._members, *inputs.shape) if self._batched else inputs
        self._require_memory(len(inputs))
        product = torch.baddbmm if self._batched else torch.addmm
        last = len(self._weights) - 1
        for index, value in enumerate(self._values):
            product(self._biases[index], x, self._weights[index], out=value)
            x = torch.relu_(value) if index < last else value
        return x.detach()

    def backward(self, inputs: Tensor, back: Tensor, for_inputs: bool) -> Tensor | None:
        """From the gradient for the output to those for weights and, if wanted, `inputs`."""
        product = torch.bmm if self._batched else torch.mm
        for index in range(len(self._weights) - 1, -1, -1):
            x = self._values[index - 1] if index else inputs
            if index == 0 and self._batched:
                x = x.expand(self._members, *x.shape)
            if self._flat.requires_grad:
                product(x.mT, back, out=self._weight_gradients[index])
                torch.sum(back, -2, keepdim=self._batched, out=self._bias_gradients[index])
            if index == 0:
                break
            below = self._backs[index - 1]
            product(back, self._weights[index].mT, out=below)
            back = torch.ops.aten.threshold_backward.grad_input(below, x, 0, grad_input=below)
        if not for_inputs:
            return None
        found = product(back, self._weights[0].mT)
        return found.sum(0) if self._batched else found

    @property
    def flat_gradient(self) -> Tensor | None:
        """Where `backward` leaves the gradient of the weights."""
        return self._gradient if self._flat.requires_grad else None

    def _require_memory(self, n: int) -> None:
        if self._values and self._values[0].shape[-2] == n:
            return
        lead = (self._members,) if self._batched else ()
        widths = [weight.shape[-1] for weight in self._weights]
        self._values = [torch.empty(*lead, n, width) for width in widths]
        self._backs = [torch.empty(*lead, n, width) for width in widths[:-1]]

    def _views(self, flat: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        if not len(flat):
            return [], []
        pairs = zip(self._weights, self._biases, strict=True)
        shapes = [part.shape for pair in pairs for part in pair]
        split = torch.split(flat, [shape.numel() for shape in shapes])
        parts = [part.view(shape) for part, shape in zip(split, shapes, strict=True)]
        return parts[0::2], parts[1::2]


def can_buffer(network: Mlp) -> bool:
    """Whether `BufferedMlp` computes this kind of network."""
    return network.activation == "relu" and not network.layer_norm


class _Pass(torch.autograd.Function):
    """One pass as one node of the graph that a loss is differentiated through."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, flat: Tensor, passes: BufferedMlp) -> Tensor:
        del flat  # named so that a gradient for it can be asked for
        ctx.passes, ctx.inputs = passes, inputs.detach()
        return passes.forward(inputs)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, back: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        passes: BufferedMlp = ctx.passes
        found = passes.backward(ctx.inputs, back, ctx.needs_input_grad[0])
        return found, passes.flat_gradient, None
