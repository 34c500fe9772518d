"""Multi-layer perceptrons, one or several of the same shape computed as one batched product."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_Product = Callable[[Tensor, Tensor, Tensor], Tensor]
NORM_EPSILON = 1e-5
_Norms = list[tuple[Tensor, Tensor]]


def _silu(x: Tensor) -> Tensor:
    """Its gradient needs its input, so it is in place only where nobody asks for one."""
    return torch.nn.functional.silu(x, inplace=not torch.is_grad_enabled())


# In place: no layer here needs its own output before the activation for its gradient.
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "silu": _silu,
}


class Mlp:
    """An activation between the layers, nothing behind the last.

    With `members` given, that many networks lie side by side: input (n, sizes[0]) is shared by
    all, or (members, n, sizes[0]) has rows for each; output is (members, n, sizes[-1]).

    All weights lie in one vector, `flat`, and the layers are views of it. So an optimiser step or
    a Polyak move is one kernel instead of a loop over tensors, which for networks of this size
    would cost as much as a layer.

    Attributes:
        flat: every weight.
        parts: its views, in order: weight and bias of each layer, then gain and shift of each
            normalised one.
        activation: between the layers.
        members: how many networks; None for one that is no member of a set.
        layer_norm: whether hidden layers are normalised.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        *,
        members: int | None = None,
        activation: str = "relu",
        output_gain: float | None = None,
        layer_norm: bool = False,
    ) -> None:
        """Draws the first weights.

        Args:
            sizes: of the input, of each hidden layer, of the output.
            generator: what they are drawn with.
            members: networks side by side.
            activation: `relu`, `tanh` or `silu`.
            output_gain: orthogonal weights of gain sqrt(2), and of this in the last layer, and
                biases of zero (Saxe et al. 2013; Huang et al. 2022, detail 2); none: uniform.
            layer_norm: normalise every hidden layer before its activation (Ba et al. 2016).
        """
        self._sizes = tuple(sizes)
        self.activation = activation
        self.members = members
        self.layer_norm = layer_norm
        lead, row = ((), ()) if members is None else ((members,), (1,))
        shapes: list[tuple[int, ...]] = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            shapes += [(*lead, fan_in, fan_out), (*lead, *row, fan_out)]
        matrices = len(shapes)
        if layer_norm:
            shapes += [(*lead, *row, width) for width in sizes[1:-1] for _ in range(2)]
        self._shapes, self._matrices = shapes, matrices
        self._lay(torch.empty(sum(torch.Size(shape).numel() for shape in shapes)))
        with torch.no_grad():
            if output_gain is None:
                self._draw_uniform(generator)
            else:
                self._draw_orthogonal(generator, output_gain)
            for gain, shift in zip(self.gains, self.shifts, strict=True):
                gain.fill_(1.0)
                shift.zero_()

    def __call__(self, inputs: Tensor) -> Tensor:
        """Computes (n, sizes[0]) -> (n, sizes[-1]), or (members, n, sizes[-1])."""
        if self.members is None:
            return self._layers(inputs, self.weights, self.biases, self._norms(), torch.addmm)
        rows = inputs if inputs.dim() == 3 else inputs.expand(self.members, *inputs.shape)
        return self._layers(rows, self.weights, self.biases, self._norms(), torch.baddbmm)

    def hidden(self, inputs: Tensor) -> Tensor:
        """What the last layer is given, of one network alone: (n, sizes[0]) -> (n, sizes[-2])."""
        norms = self._norms()
        x = self._layers(inputs, self.weights[:-1], self.biases[:-1], norms, torch.addmm)
        if norms:
            x = _normalise(x, norms[-1])
        return _ACTIVATIONS[self.activation](x)

    def member(self, index: int, inputs: Tensor) -> Tensor:
        """Computes one network of several alone: (n, sizes[0]) -> (n, sizes[-1])."""
        weights = [weight[index] for weight in self.weights]
        biases = [bias[index] for bias in self.biases]
        norms = [(gain[index], shift[index]) for gain, shift in self._norms()]
        return self._layers(inputs, weights, biases, norms, torch.addmm)

    def chosen(self, members: Tensor, dtype: torch.dtype = torch.float32) -> Mlp:
        """Some of several networks, copied, to be computed with and not to learn.

        Args:
            members: their numbers, shape (k,).
            dtype: of weights, inputs and outputs.
        """
        few = Mlp(
            self._sizes,
            torch.Generator(),
            members=len(members),
            activation=self.activation,
            layer_norm=self.layer_norm,
        )
        few._lay(torch.cat([part.detach()[members].reshape(-1) for part in self.parts]).to(dtype))
        return few

    def gradient(self, loss: Tensor) -> Tensor:
        """The gradient of a scalar for `flat`, and for nothing else on the way."""
        gradients = torch.autograd.grad(loss, self.parts)
        return torch.cat([gradient.view(-1) for gradient in gradients])

    def copy(self) -> Mlp:
        """Another of the same weights."""
        twin = Mlp(
            self._sizes,
            torch.Generator(),
            members=self.members,
            activation=self.activation,
            layer_norm=self.layer_norm,
        )
        twin.flat.copy_(self.flat)
        return twin

    def _lay(self, flat: Tensor) -> None:
        """Makes the layers views of `flat`."""
        self.flat = flat
        split = torch.split(flat, [torch.Size(shape).numel() for shape in self._shapes])
        parts = [part.view(shape) for part, shape in zip(split, self._shapes, strict=True)]
        self.parts = [part.detach().requires_grad_() for part in parts]
        matrices = self._matrices
        self.weights, self.biases = self.parts[0:matrices:2], self.parts[1:matrices:2]
        self.gains, self.shifts = self.parts[matrices::2], self.parts[matrices + 1 :: 2]

    def _norms(self) -> _Norms:
        return list(zip(self.gains, self.shifts, strict=True))

    def _layers(
        self,
        x: Tensor,
        weights: list[Tensor],
        biases: list[Tensor],
        norms: _Norms,
        product: _Product,
    ) -> Tensor:
        between, last = _ACTIVATIONS[self.activation], len(weights) - 1
        for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = product(bias, x, weight)
            if index < last:
                x = between(_normalise(x, norms[index]) if norms else x)
        return x

    def _draw_uniform(self, generator: torch.Generator) -> None:
        for fan_in, weight, bias in zip(self._sizes, self.weights, self.biases, strict=False):
            bound = fan_in**-0.5  # He et al. 2015 with a = sqrt(5), as torch's linear layers
            weight.uniform_(-bound, bound, generator=generator)
            bias.uniform_(-bound, bound, generator=generator)

    def _draw_orthogonal(self, generator: torch.Generator, output_gain: float) -> None:
        self.flat.zero_()
        for weight in self.weights:
            gain = output_gain if weight is self.weights[-1] else 2.0**0.5
            for matrix in weight.view(-1, *weight.shape[-2:]):
                torch.nn.init.orthogonal_(matrix, gain, generator=generator)


def _normalise(x: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
    gain, shift = norm
    return torch.nn.functional.layer_norm(x, x.shape[-1:], eps=NORM_EPSILON) * gain + shift
