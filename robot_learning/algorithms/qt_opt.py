"""QT-Opt on state (Kalashnikov et al. 2018, arXiv 1806.10293): Q-learning without an actor.

The maximum over continuous actions is searched by the cross-entropy method, in the target and in
the deployed policy alike. Departures: inputs are normalised by running statistics; Q may also be
any number instead of a probability, learned by regression, for rewards that are not in [0, 1]; and
targets are computed where they are used, not by other processes.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from robot_learning.algorithms.base import Count, Spaces, Unit
from robot_learning.algorithms.cem_settings import CemHyperParameters
from robot_learning.algorithms.learned_state import LearnedState
from robot_learning.algorithms.value_learner import (
    ValueHyperParameters,
    ValueLearner,
    polyak,
    weighted,
)
from robot_learning.contract.base import Fraction, Positive
from robot_learning.networks import Adam, BufferedMlp, CemPolicy, Mlp, Policy
from robot_learning.planning import cross_entropy_method
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class QTOptHyperParameters(CemHyperParameters, ValueHyperParameters):
    """The search, the two slow copies, the loss."""

    learning_rate: Positive = Field(1e-3, description="Adam (Quillen et al. 2018).")
    loss: Literal["huber", "squared", "cross_entropy"] = Field(
        "huber",
        description="Of Q against its target. cross_entropy makes Q a sigmoid from return_min to "
        "return_max, in [0, 1] where they are not given (section 4.2; rewards in [0, 1]).",
    )
    polyak: Fraction = Field(
        0.005, description="Share of the new weights in the first slow copy, each update."
    )
    target_lag_updates: Count = Field(
        200,
        description="Updates after which the second slow copy becomes the first; the target is the "
        "smaller value of the two (section 4.2; ~6000 there, of 15 million).",
    )
    random_action_fraction: Unit = Field(
        0.2, description="Share of uniform actions (appendix; Bodnar et al. 2019: 0.2)."
    )


class QTOpt(ValueLearner):
    """One critic, a running average of it, and a lagged copy of that average."""

    name: ClassVar[str] = "qt_opt"
    source: ClassVar[str] = "Kalashnikov et al. 2018, section 4"
    hyper_parameters: ClassVar[type[QTOptHyperParameters]] = QTOptHyperParameters

    _hyper: QTOptHyperParameters

    def __init__(self, spaces: Spaces, hyper: QTOptHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)
        size = spaces.action_size
        sizes = (spaces.input_size + size, *hyper.hidden_sizes, 1)
        self.critic = Mlp(sizes, self._generator)
        self.average, self.lagged = self.critic.copy(), self.critic.copy()
        self._adam = Adam(self.critic.flat, hyper.learning_rate)
        self._judging = BufferedMlp(self.critic)
        self._searching = BufferedMlp(self.average)
        self._average_judging = BufferedMlp(self.average)
        self._lagged_judging = BufferedMlp(self.lagged)
        # Of the deployed policy, which must act the same whatever was drawn for targets since.
        self._policy_noise = torch.empty(hyper.cem_rounds, hyper.cem_samples, size).normal_(
            generator=self._generator
        )

    def act(self, inputs: Float32, explore: bool) -> Float32:
        """The deployed policy's actions; random ones are mixed in by training.exploration."""
        del explore
        split = self._spaces.observation_size
        goal = inputs[:, split:] if self._spaces.goal_size else None
        return self._spaces.normalise_action(self.policy().act(inputs[:, :split], goal))

    @torch.no_grad()
    def update(self, batch: Batch) -> dict[str, float]:
        """One step of Adam on the distance of Q from its target; the slow copies follow."""
        hyper = self._hyper
        inputs, next_inputs = self._normalise(batch.inputs), self._normalise(batch.next_inputs)
        target = self.target(batch, next_inputs)
        joined = torch.cat((inputs, torch.from_numpy(batch.actions)), 1)
        outputs = self._judging.forward(joined).detach().requires_grad_()
        with torch.enable_grad():
            loss = weighted(self._losses(outputs[:, 0], target), batch)
        (slopes,) = torch.autograd.grad(loss, outputs)
        values = self._to_value(outputs.detach()[:, 0])
        if hyper.replay_priority != "uniform":
            self._errors = (values - target).abs().numpy()
        self._adam.step(self._judging.backward(slopes))
        self._updates += 1
        polyak(self.average, self.critic, hyper.polyak)
        if self._updates % hyper.target_lag_updates == 0:
            polyak(self.lagged, self.average, 1.0)
        return {"critic_loss": loss.item(), "q_mean": values.mean().item()}

    @torch.no_grad()
    def target(self, batch: Batch, next_inputs: Tensor) -> Tensor:
        """The target r + gamma (1 - terminated) min_i Q_i(o', argmax_a Q_1(o', a)), shape (n,).

        `next_inputs` are normalised. A truncated episode is not terminated: its o' counts.
        """
        joined = torch.cat((next_inputs, self.best_actions(next_inputs)), 1)
        first, second = self._average_judging.forward(joined), self._lagged_judging.forward(joined)
        return self._bootstrapped(batch, self._to_value(torch.minimum(first, second)[:, 0]))

    @torch.no_grad()
    def best_actions(self, inputs: Tensor) -> Tensor:
        """Actions of highest value for the running average, (n, o + g) -> (n, a)."""
        hyper, size = self._hyper, self._spaces.action_size
        n, samples = len(inputs), hyper.cem_samples
        repeated = inputs.unsqueeze(1).expand(n, samples, -1)

        def score(candidates: Tensor) -> Tensor:
            joined = torch.cat((repeated, candidates), 2).view(n * samples, -1)
            return self._searching.forward(joined).view(n, samples)

        noise = torch.empty(hyper.cem_rounds, n, samples, size).normal_(generator=self._generator)
        start = torch.zeros(n, size)
        spread = torch.ones(n, size)
        return cross_entropy_method(score, start, spread, noise, elites=hyper.cem_elites).best

    def policy(self) -> Policy:
        """The running average under a search; the weights are views of the learner's."""
        return CemPolicy(
            weights=tuple(weight.detach().numpy() for weight in self.average.weights),
            biases=tuple(bias.detach().numpy() for bias in self.average.biases),
            noise=self._policy_noise.numpy(),
            elites=self._hyper.cem_elites,
            **self._policy_fields(),
        )

    def _losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Of each row, shape (n,)."""
        if self._hyper.loss == "huber":
            return functional.huber_loss(outputs, target, reduction="none")
        if self._hyper.loss == "squared":
            return functional.mse_loss(outputs, target, reduction="none")
        low, high = self._range()
        share = ((target - low) / (high - low)).clamp(0.0, 1.0)
        return functional.binary_cross_entropy_with_logits(outputs, share, reduction="none")

    def _to_value(self, outputs: Tensor) -> Tensor:
        """The network's outputs as returns."""
        if self._hyper.loss != "cross_entropy":
            return outputs
        low, high = self._range()
        return low + (high - low) * torch.sigmoid(outputs)

    def _range(self) -> tuple[float, float]:
        low, high = self._hyper.return_min, self._hyper.return_max
        return 0.0 if low is None else low, 1.0 if high is None else high

    def _learned(self) -> LearnedState:
        return LearnedState(
            {"critic": self.critic, "average": self.average, "lagged": self.lagged},
            {"adam": self._adam},
            self._normalise,
            self._generator,
            {"policy_noise": self._policy_noise},
        )
