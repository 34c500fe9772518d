"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347).

With the details that Huang et al. 2022 found to matter; those of networks and normalisation are in
`policy_gradient`.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from robot_learning.algorithms.base import Actions, Count, Spaces, Unit
from robot_learning.algorithms.on_policy import Rollout
from robot_learning.algorithms.policy_gradient import (
    PolicyGradient,
    PolicyGradientHyperParameters,
    normalised,
)
from robot_learning.algorithms.returns import generalised_advantages
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.networks.stochastic_actor import StateDependentActor


class PPOHyperParameters(PolicyGradientHyperParameters):
    """Defaults: Schulman et al. 2017, table 3, and Huang et al. 2022."""

    batch_size: Count = Field(64, description="Steps per gradient step (table 3).")
    epochs: Count = Field(10, description="Passes over each rollout (table 3).")
    gae_lambda: Unit = Field(0.95, description="Lambda of the advantages (table 3).")
    clip_range: Positive = Field(
        0.2, description="Epsilon: how far the ratio counts (equation 7); annealed if asked."
    )
    anneal_clip_range: bool = Field(
        False, description="Epsilon goes to zero over `anneal_steps`, as the learning rate does."
    )
    value_clip_range: Positive | None = Field(
        None, description="How far values may move per rollout (Huang et al. 2022, detail 9)."
    )
    value_coefficient: NonNegative = Field(
        0.5, description="Weight of the squared error of values (equation 9)."
    )
    target_kl: Positive | None = Field(
        None, description="Passes end once the policy moved farther than 1.5 times this."
    )
    normalise_advantages: bool = Field(
        True, description="Advantages of a batch to mean 0 and deviation 1 (detail 7)."
    )


class Samples(NamedTuple):
    """Steps of a rollout in any order; (m, ...) each.

    Attributes:
        inputs: normalised.
        actions: taken.
        log_probabilities: of them when they were taken.
        advantages: estimated.
        targets: of the values.
        values: before the update.
    """

    inputs: Tensor
    actions: Tensor
    log_probabilities: Tensor
    advantages: Tensor
    targets: Tensor
    values: Tensor

    def rows(self, chosen: Tensor) -> Samples:
        """Those of these numbers."""
        return Samples(*(part[chosen] for part in self))


class PPO(PolicyGradient):
    """Several passes over each rollout, with a clipped ratio of probabilities."""

    name: ClassVar[str] = "ppo"
    source: ClassVar[str] = "Schulman et al. 2017, algorithm 1; Huang et al. 2022"
    hyper_parameters: ClassVar[type[PPOHyperParameters]] = PPOHyperParameters
    actions: ClassVar[Actions] = "either"
    _hyper: PPOHyperParameters

    def __init__(self, spaces: Spaces, hyper: PPOHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """Fits policy and values to the rollout, in batches drawn from it."""
        hyper = self._hyper
        clip_range = hyper.clip_range * (self._remaining if hyper.anneal_clip_range else 1.0)
        made = self._prepare(rollout)
        advantages = generalised_advantages(
            made.rewards,
            made.values,
            made.next_values,
            made.terminated,
            rollout.truncated,
            hyper.gamma,
            hyper.gae_lambda,
        )
        samples = Samples(
            made.inputs,
            made.actions,
            torch.from_numpy(rollout.log_probabilities.ravel()),
            torch.from_numpy(advantages.ravel()),
            torch.from_numpy((advantages + made.values).ravel()),
            torch.from_numpy(made.values.ravel()),
        )
        metrics: dict[str, float] = {}
        for _ in range(hyper.epochs):
            order = torch.randperm(len(samples.inputs), generator=self._generator)
            for rows in torch.split(order, hyper.batch_size):
                actor_loss, critic_loss, metrics = self.losses(samples.rows(rows), clip_range)
                if hyper.target_kl and metrics["kl"] > 1.5 * hyper.target_kl:
                    break
                self._step(actor_loss, hyper.value_coefficient * critic_loss)
            else:
                continue
            break
        if isinstance(self.actor, StateDependentActor):
            self.actor.forget_noise()
        return metrics

    def losses(self, batch: Samples, clip_range: float) -> tuple[Tensor, Tensor, dict[str, float]]:
        """The actor's loss with its entropy bonus, the critic's without weight, and metrics."""
        hyper = self._hyper
        logs, entropies = self.actor.judge(batch.inputs, batch.actions)
        advantages = batch.advantages
        if hyper.normalise_advantages:
            advantages = normalised(advantages)
        log_ratios = logs - batch.log_probabilities
        ratios = log_ratios.exp()
        clipped = ratios.clamp(1.0 - clip_range, 1.0 + clip_range)
        policy_loss = -torch.minimum(advantages * ratios, advantages * clipped).mean()
        entropy = entropies.mean()

        values = self.critic(batch.inputs).squeeze(1)
        errors = (values - batch.targets).square()
        if hyper.value_clip_range is not None:
            move = (values - batch.values).clamp(-hyper.value_clip_range, hyper.value_clip_range)
            errors = torch.maximum(errors, (batch.values + move - batch.targets).square())
        critic_loss = errors.mean()
        with torch.no_grad():
            metrics = {
                "policy_loss": policy_loss.item(),
                "value_loss": critic_loss.item(),
                "entropy": entropy.item(),
                "kl": (ratios - 1.0 - log_ratios).mean().item(),  # Schulman's estimate "k3"
                "clip_fraction": ((ratios - 1.0).abs() > clip_range).float().mean().item(),
            }
        return policy_loss - hyper.entropy_coefficient * entropy, critic_loss, metrics
