"""Memory for what one observation does not show: a gated recurrent unit over episodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RecurrentEncoder(nn.Module):
    """A GRU (Cho et al. 2014, arXiv 1406.1078) that forgets where an episode begins.

    Args:
        inputs: length of one input vector.
        features: length of the memory, which is also the output.
        generator: initial weights are drawn from it.
    """

    def __init__(self, inputs: int, features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.features = features
        self.cell = nn.GRUCell(inputs, features)
        with torch.no_grad():
            for name, weight in self.cell.named_parameters():
                if name.startswith("weight"):
                    nn.init.orthogonal_(weight, generator=generator)
                else:
                    weight.zero_()

    def initial(self, n: int) -> Tensor:
        """The memory of n sequences before anything was seen, shape (n, features)."""
        return torch.zeros(n, self.features)

    def forward(self, inputs: Tensor, memory: Tensor, begins: Tensor) -> tuple[Tensor, Tensor]:
        """Reads sequences in time order.

        Args:
            inputs: shape (time, n, inputs).
            memory: shape (n, features), as after the step before the first.
            begins: 1 where a step is the first of its episode, shape (time, n); what was
                remembered before it is forgotten.

        Returns:
            Outputs of every step, shape (time, n, features), and the memory after the last.
        """
        outputs = []
        for x, begin in zip(inputs, begins, strict=True):
            memory = self.cell(x, memory * (1.0 - begin)[:, None])
            outputs.append(memory)
        return torch.stack(outputs), memory
