"""Passes through an `Mlp` in memory that is allocated once, without a graph of operations.

Learning from a replay takes thousands of small products. Asking the system for the memory of every
intermediate result and recording what was done with it costs a quarter as much again as the
products themselves. Here every layer writes where it wrote in the pass before, and the gradient
goes straight into one vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from robot_learning.networks.mlp import NORM_EPSILON, Mlp


@dataclass
class _Norm:
    """What a normalised hidden layer keeps for its gradient."""

    before: Tensor
    normalised: Tensor
    mean: Tensor
    scale: Tensor


class BufferedMlp:
    """Computes what an `Mlp` of ReLU layers, or one member of it, computes, and its gradients.

    It has views of the weights, so it follows their changes. What it returns is overwritten by its
    next pass: one of these serves one place in a method.
    """

    def __init__(self, network: Mlp, *, member: int | None = None) -> None:
        """Takes views of the weights.

        Args:
            network: whose weights.
            member: compute this one of several alone; only its gradient for the input is known.

        Raises:
            ValueError: `network` has another activation.
        """
        if network.activation != "relu":
            raise ValueError(f"only ReLU layers can be buffered, not {network.activation}")
        self._batched = member is None and network.members is not None
        self._members = network.members or 0
        self._parts = [part.detach() for part in network.parts]
        if member is not None and network.members is not None:
            self._parts = [part[member] for part in self._parts]
        self._flat = torch.empty(0 if member is not None else len(network.flat))
        self._layers = len(network.weights)
        self._normalised = network.layer_norm
        self._gradients: list[Tensor] = []
        if member is None:
            split = torch.split(self._flat, [part.numel() for part in self._parts])
            self._gradients = [s.view(p.shape) for s, p in zip(split, self._parts, strict=True)]
        self._inputs = torch.empty(0)
        self._values: list[Tensor] = []  # of each layer, behind its activation
        self._backs: list[Tensor] = []  # the gradient for them
        self._norms: list[_Norm] = []

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """As `Mlp.__call__` or `Mlp.member`; `inputs` must keep its values until the gradient."""
        self._require_memory(len(inputs))
        x = self._inputs = inputs.expand(self._members, *inputs.shape) if self._batched else inputs
        product = torch.baddbmm if self._batched else torch.addmm
        self._norms.clear()
        for index, value in enumerate(self._values):
            product(self._parts[2 * index + 1], x, self._parts[2 * index], out=value)
            x = value
            if index < self._layers - 1:
                if self._normalised:
                    self._normalise(index)
                torch.relu_(x)
        return x

    @torch.no_grad()
    def backward(self, back: Tensor) -> Tensor:
        """From the gradient for the output of the last pass to that for `Mlp.flat`."""
        product = torch.bmm if self._batched else torch.mm
        for index in range(self._layers - 1, -1, -1):
            x = self._values[index - 1] if index else self._inputs
            product(x.mT, back, out=self._gradients[2 * index])
            torch.sum(back, -2, keepdim=self._batched, out=self._gradients[2 * index + 1])
            if index:
                back = self._through_layer(index, back)
        return self._flat

    @torch.no_grad()
    def backward_to_inputs(self, back: Tensor) -> Tensor:
        """From the gradient for the output of the last pass to that for its inputs.

        Nothing is computed for the weights, which is a third of the work.
        """
        for index in range(self._layers - 1, 0, -1):
            back = self._through_layer(index, back)
        found = (torch.bmm if self._batched else torch.mm)(back, self._parts[0].mT)
        return found.sum(0) if self._batched else found

    def _through_layer(self, index: int, back: Tensor) -> Tensor:
        """The gradient for layer `index`'s output to that for the output of the layer below."""
        below, value = self._backs[index - 1], self._values[index - 1]
        (torch.bmm if self._batched else torch.mm)(back, self._parts[2 * index].mT, out=below)
        torch.ops.aten.threshold_backward.grad_input(below, value, 0, grad_input=below)
        return self._through_norm(index - 1, below) if self._normalised else below

    def _normalise(self, index: int) -> None:
        value, at = self._values[index], 2 * (self._layers + index)
        before = value.clone()
        normalised, mean, scale = torch.native_layer_norm(
            before, value.shape[-1:], None, None, NORM_EPSILON
        )
        self._norms.append(_Norm(before, normalised, mean, scale))
        torch.mul(normalised, self._parts[at], out=value).add_(self._parts[at + 1])

    def _through_norm(self, index: int, back: Tensor) -> Tensor:
        norm, at = self._norms[index], 2 * (self._layers + index)
        if self._gradients:
            keep = self._batched
            torch.sum(back * norm.normalised, -2, keepdim=keep, out=self._gradients[at])
            torch.sum(back, -2, keepdim=keep, out=self._gradients[at + 1])
        found: Tensor = torch.ops.aten.native_layer_norm_backward(
            back * self._parts[at],
            norm.before,
            norm.before.shape[-1:],
            norm.mean,
            norm.scale,
            None,
            None,
            [True, False, False],
        )[0]
        return found

    def _require_memory(self, n: int) -> None:
        if self._values and self._values[0].shape[-2] == n:
            return
        lead = (self._members,) if self._batched else ()
        widths = [weight.shape[-1] for weight in self._parts[0 : 2 * self._layers : 2]]
        with torch.inference_mode(False):  # so that it can be used outside that mode too
            self._values = [torch.empty(*lead, n, width) for width in widths]
            self._backs = [torch.empty(*lead, n, width) for width in widths[:-1]]
