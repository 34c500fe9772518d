"""Normalised advantage functions (Gu et al. 2016, arXiv 1603.00748): Q-learning without a search.

Q is V minus a positive definite quadratic of the distance to mu, so that its maximum over actions
is V, at mu. One network gives V, mu and the quadratic. Departures: inputs are normalised by
running statistics instead of batch by batch.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import Spaces
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.algorithms.value_learner import (
    ValueHyperParameters,
    ValueLearner,
    polyak,
    weighted,
)
from robot_learning.contract.base import Fraction, Positive
from robot_learning.networks import Adam, BufferedMlp, Mlp, MlpPolicy, Policy
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32

_LOG_SCALE_MAX = 5.0  # the advantage's logarithmic scale stays within this, so that exp does


class NAFHyperParameters(ValueHyperParameters):
    """One network and its slow copy."""

    learning_rate: Positive = Field(1e-3, description="Adam (section 6: 1e-2 to 1e-4 tried).")
    polyak: Fraction = Field(
        0.005, description="Share of the new weights in the target per update (tau)."
    )


class Quadratic(NamedTuple):
    """What the network says of each input.

    Attributes:
        value: V, shape (n,).
        best: mu, in [-1, 1], shape (n, a).
        scale: L, lower triangular with a positive diagonal, shape (n, a, a).
    """

    value: Tensor
    best: Tensor
    scale: Tensor


class NAF(ValueLearner):
    """Q(o, a) = V(o) - |L(o)^T (a - mu(o))|^2 / 2."""

    name: ClassVar[str] = "naf"
    source: ClassVar[str] = "Gu et al. 2016, algorithm 1 (without imagination)"
    hyper_parameters: ClassVar[type[NAFHyperParameters]] = NAFHyperParameters

    _hyper: NAFHyperParameters

    def __init__(self, spaces: Spaces, hyper: NAFHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)
        size = spaces.action_size
        outputs = 1 + size + size * (size + 1) // 2
        self.network = Mlp((spaces.input_size, *hyper.hidden_sizes, outputs), self._generator)
        self.target_network = self.network.copy()
        self._adam = Adam(self.network.flat, hyper.learning_rate)
        self._judging = BufferedMlp(self.network)
        self._target_judging = BufferedMlp(self.target_network)

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The actions of highest value; noise is added outside, by training.exploration."""
        del explore
        with torch.no_grad():
            actions: Float32 = self.quadratic(self.network(self._normalise(inputs))).best.numpy()
        return actions

    @torch.no_grad()
    def update(self, batch: Batch) -> dict[str, float]:
        """One step of Adam on the squared errors; the target follows."""
        target = self.target(batch, self._normalise(batch.next_inputs))
        outputs = self._judging.forward(self._normalise(batch.inputs)).detach().requires_grad_()
        with torch.enable_grad():
            values = self.values(outputs, torch.from_numpy(batch.actions))
            loss = weighted((values - target).square(), batch)
        (slopes,) = torch.autograd.grad(loss, outputs)
        if self._hyper.replay_priority != "uniform":
            self._errors = (values - target).abs().numpy()
        self._adam.step(self._judging.backward(slopes))
        polyak(self.target_network, self.network, self._hyper.polyak)
        self._updates += 1
        return {"critic_loss": loss.item(), "q_mean": values.mean().item()}

    @torch.no_grad()
    def target(self, batch: Batch, next_inputs: Tensor) -> Tensor:
        """The target r + gamma (1 - terminated) V'(o'), shape (n,); `next_inputs` normalised.

        A truncated episode is not terminated: its o' counts.
        """
        return self._bootstrapped(batch, self._target_judging.forward(next_inputs)[:, 0])

    def quadratic(self, outputs: Tensor) -> Quadratic:
        """Takes the network's outputs apart."""
        size = self._spaces.action_size
        rows, columns = torch.tril_indices(size, size)
        entries = torch.zeros(len(outputs), size, size)
        entries[:, rows, columns] = outputs[:, 1 + size :]
        diagonal = entries.diagonal(dim1=1, dim2=2).clamp(-_LOG_SCALE_MAX, _LOG_SCALE_MAX).exp()
        scale = entries.tril(-1) + torch.diag_embed(diagonal)
        return Quadratic(outputs[:, 0], torch.tanh(outputs[:, 1 : 1 + size]), scale)

    def values(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Q of the actions (n, a) by the network's outputs, shape (n,)."""
        value, best, scale = self.quadratic(outputs)
        distance = scale.mT @ (actions - best).unsqueeze(-1)
        return value - 0.5 * distance.square().sum((1, 2))

    def policy(self) -> Policy:
        """The part of the network that gives mu; the weights are views of the learner's."""
        best = slice(1, 1 + self._spaces.action_size)
        weights = [weight.detach().numpy() for weight in self.network.weights]
        biases = [bias.detach().numpy() for bias in self.network.biases]
        return MlpPolicy(
            weights=(*weights[:-1], weights[-1][:, best]),
            biases=(*biases[:-1], biases[-1][best]),
            **self._policy_fields(),
        )

    def _learned(self) -> LearnedState:
        networks = {"network": self.network, "target_network": self.target_network}
        return LearnedState(networks, {"adam": self._adam}, self._normalise, self._generator)
