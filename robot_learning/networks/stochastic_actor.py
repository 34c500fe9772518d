"""Networks that give a distribution over actions, for methods that need its probability.

Actions are in units of [-1, 1] and not bounded to them: the environment is given the clipped
action, and the probability is that of the action as it was drawn.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from robot_learning.networks.mlp import Mlp

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_OUTPUT_GAIN = 0.01  # first actions near zero (Andrychowicz et al. 2021, section 3.2)


class StochasticActor(ABC):
    """A distribution over actions for each input.

    Attributes:
        network: its last layer gives the mean, or a logit each choice.
        log_std: logarithm of the deviation, flat; empty where there is none to learn.
        head: what the deployed policy does with the network's output.
    """

    head: ClassVar[str]

    def __init__(
        self, sizes: Sequence[int], generator: torch.Generator, log_std: Tensor | None = None
    ) -> None:
        self.network = Mlp(sizes, generator, activation="tanh", output_gain=_OUTPUT_GAIN)
        self.log_std = torch.empty(0) if log_std is None else log_std.requires_grad_()

    @abstractmethod
    def sample(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draws actions (n, a) for inputs (n, i); also their log-probabilities (n,)."""

    @abstractmethod
    def judge(self, inputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of actions, and the entropy of each distribution, both (n,)."""

    def gradient(self, loss: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient of a scalar for the network's `flat`, and for `log_std`."""
        if not len(self.log_std):
            return self.network.gradient(loss), torch.empty(0)
        (of_log_std,) = torch.autograd.grad(loss, [self.log_std], retain_graph=True)
        return self.network.gradient(loss), of_log_std


class CategoricalActor(StochasticActor):
    """One choice of several; an action is its number."""

    head: ClassVar[str] = "argmax"

    def sample(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `StochasticActor.sample`."""
        logs = torch.log_softmax(self.network(inputs), 1)
        chosen = torch.multinomial(logs.exp(), 1, generator=generator)
        return chosen.float(), logs.gather(1, chosen).squeeze(1)

    def judge(self, inputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `StochasticActor.judge`."""
        logs = torch.log_softmax(self.network(inputs), 1)
        entropies = -(logs.exp() * logs).sum(1)
        return logs.gather(1, actions.long()).squeeze(1), entropies


class GaussianActor(StochasticActor):
    """Independent components with a learned deviation that does not depend on the state."""

    head: ClassVar[str] = "clip"

    def __init__(
        self, sizes: Sequence[int], generator: torch.Generator, initial_log_std: float
    ) -> None:
        super().__init__(sizes, generator, torch.full((sizes[-1],), initial_log_std))

    def sample(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `StochasticActor.sample`."""
        mean, std = self.distribution(inputs)
        noise = torch.empty_like(mean).normal_(generator=generator)
        actions = mean + std * noise
        return actions, _log_probabilities(actions, mean, std)

    def judge(self, inputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `StochasticActor.judge`."""
        mean, std = self.distribution(inputs)
        entropies = (0.5 + _LOG_SQRT_2PI + std.log()).expand_as(mean).sum(1)
        return _log_probabilities(actions, mean, std), entropies

    def distribution(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation, (n, a) each or one deviation (a,) for all."""
        return self.network(inputs), self.log_std.exp()


class StateDependentActor(GaussianActor):
    """Generalised state-dependent exploration (Raffin et al. 2021, arXiv 2005.05719, section 3).

    The noise is a linear function of the last hidden layer whose random weights are held for some
    steps, so that near states get near noise and a robot is not shaken. Its deviation follows from
    the deviations of those weights, which are what is learned.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        initial_log_std: float,
        hold_steps: int,
    ) -> None:
        self._shape = (sizes[-2], sizes[-1])
        StochasticActor.__init__(
            self, sizes, generator, torch.full((sizes[-2] * sizes[-1],), initial_log_std)
        )
        self._hold_steps = hold_steps
        self.forget_noise()

    def forget_noise(self) -> None:
        """New noise is drawn before the next action."""
        self.noise = torch.empty(0, *self._shape)  # (n, hidden, a), a matrix each environment
        self.held_steps = 0

    def sample(self, inputs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `StochasticActor.sample`; row i of every call is the same environment."""
        if len(self.noise) != len(inputs) or self.held_steps == self._hold_steps:
            unit = torch.empty(len(inputs), *self._shape).normal_(generator=generator)
            self.noise = unit * self.log_std.detach().exp().view(self._shape)
            self.held_steps = 0
        self.held_steps += 1
        hidden = self.network.hidden(inputs)
        mean, std = self._around(hidden)
        actions = mean + torch.bmm(hidden.unsqueeze(1), self.noise).squeeze(1)
        return actions, _log_probabilities(actions, mean, std)

    def distribution(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation, both (n, a)."""
        return self._around(self.network.hidden(inputs))

    def _around(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.addmm(self.network.biases[-1], hidden, self.network.weights[-1])
        # The hidden layer is learned for the mean alone; the noise only uses it.
        variance = hidden.detach().square() @ (2.0 * self.log_std).exp().view(self._shape)
        return mean, (variance + 1e-6).sqrt()


def _log_probabilities(actions: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    z = (actions - mean) / std
    each: Tensor = -0.5 * z.square() - std.log() - _LOG_SQRT_2PI
    return each.sum(1)
