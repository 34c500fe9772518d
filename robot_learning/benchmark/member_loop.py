"""The yardstick of the ensemble: the same networks as modules in a list, one after the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from robot_learning.dynamics import Ensemble


class Member(nn.Module):
    """One network of an ensemble: scaled inputs to mean and log variance of the scaled change."""

    def __init__(self, ensemble: Ensemble, index: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for weight, bias in zip(ensemble.network.weights, ensemble.network.biases, strict=True):
            layer = nn.Linear(weight.shape[1], weight.shape[2])
            with torch.no_grad():
                layer.weight.copy_(weight[index].T)
                layer.bias.copy_(bias[index, 0])
            layers += [layer, nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])
        self.bounds = nn.Parameter(ensemble.bounds.detach().clone())

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(n, o + a) to two of (n, o)."""
        mean, log_var = self.layers(rows).chunk(2, -1)
        low, high = self.bounds[0], self.bounds[1]
        log_var = high - softplus(high - log_var)
        return mean, low + softplus(log_var - low)


class MemberLoop:
    """A list of members, asked and fitted one by one (it is a `DynamicsModel`)."""

    fitted = True

    def __init__(self, ensemble: Ensemble) -> None:
        """Of the same weights and scalings; of an ensemble all of whose members are asked."""
        settings = ensemble.settings
        self._variance_weight = settings.variance_weight
        self._inputs, self._changes = ensemble.inputs, ensemble.changes
        self._list = [Member(ensemble, index) for index in range(settings.members)]
        self._optimisers = [
            torch.optim.Adam(
                member.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
            )
            for member in self._list
        ]

    @property
    def members(self) -> int:
        """In the list."""
        return len(self._list)

    @torch.no_grad()
    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`."""
        means, stds = [], []
        for member, seen, done in zip(self._list, observations, actions, strict=True):
            mean, log_var = member(self._inputs.scale(torch.cat((seen, done), -1)))
            means.append(seen + self._changes.unscale(mean))
            stds.append((0.5 * log_var).exp() * self._changes.std)
        return torch.stack(means), torch.stack(stds)

    def descend(self, rows: Tensor, wanted: Tensor) -> float:
        """One gradient step of each on rows of its own, (members, n, ...)."""
        total = 0.0
        for index, (member, optimiser) in enumerate(zip(self._list, self._optimisers, strict=True)):
            mean, log_var = member(rows[index])
            likelihood = (mean - wanted[index]).square() * (-log_var).exp() + log_var
            loss = (likelihood * (self._variance_weight * log_var.detach()).exp()).mean()
            loss = loss + 0.01 * (member.bounds[1] - member.bounds[0]).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
        return total / self.members
