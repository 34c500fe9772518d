"""Deep deterministic policy gradient from demonstrations (Vecerik et al. 2017, arXiv 1707.08817).

DDPG with five changes (section 3), most of which are the replay's: demonstrations stay in it for
ever; transitions are drawn by how much they teach critic and actor, demonstrations more often;
targets over one step are mixed with targets over several; many updates for each step; weights are
kept small. Nothing imitates: a demonstration, also a failed one, is experience like any other.

As an option the critic must also tell demonstrations from its own experience, with a second output
behind the same hidden layers: which of two hands moved the arm is a feature that sparse rewards
alone take long to find.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from robot_learning.algorithms.base import Count, Spaces, Unit
from robot_learning.algorithms.ddpg import DDPGHyperParameters
from robot_learning.algorithms.td3 import TD3, TD3HyperParameters
from robot_learning.contract.base import NonNegative, Positive
from robot_learning.replay import Batch
from robot_learning.replay.step import Float32


class DDPGfDHyperParameters(DDPGHyperParameters):
    """DDPG's, with the replay that the method is about."""

    replay_priority: Literal["td_error", "target_error"] = Field(
        "td_error", description="Which error is squared (section 3)."
    )
    priority_exponent: Unit = Field(
        0.3, description="Alpha; of squared errors, so half of what it is elsewhere."
    )
    priority_correction: Unit = Field(1.0, description="Beta: the bias is corrected fully.")
    demonstration_bonus: NonNegative = Field(
        0.99, description="epsilon_D: demonstrations are drawn more often (section 3)."
    )
    actor_priority: NonNegative = Field(
        1.0, description="lambda_3: weight of the squared gradient of Q for the action."
    )
    n_step: Count = Field(10, description="n of the longer targets (section 3).")
    n_step_share: Unit = Field(
        0.5, description="Share of rows with the longer target: lambda_1 / (1 + lambda_1)."
    )
    updates_per_step: Positive = Field(5.0, description="Many learn from one step (section 3).")
    l2: NonNegative = Field(1e-5, description="lambda_2, of both networks (section 3).")
    pretraining_updates: int = Field(
        1_000, ge=0, description="Updates on demonstrations alone before the first step."
    )
    warmup_steps: int = Field(
        0, ge=0, description="Random steps; demonstrations stand in their place."
    )
    demonstrator_weight: NonNegative = Field(
        0.0, description="Weight of telling demonstrations from own experience; 0 leaves it out."
    )


class DDPGfD(TD3):
    """DDPG on a replay that holds demonstrations."""

    name: ClassVar[str] = "ddpgfd"
    source: ClassVar[str] = "Vecerik et al. 2017, section 3"
    hyper_parameters: ClassVar[type[TD3HyperParameters]] = DDPGfDHyperParameters

    _hyper: DDPGfDHyperParameters

    def __init__(self, spaces: Spaces, hyper: DDPGfDHyperParameters, seed: int) -> None:
        super().__init__(spaces, hyper, seed)

    def _critic_outputs(self, hyper: TD3HyperParameters) -> int:
        """The return and, where it is asked for, the logit of a demonstration."""
        assert isinstance(hyper, DDPGfDHyperParameters)
        return super()._critic_outputs(hyper) + (1 if hyper.demonstrator_weight else 0)

    def _critic_loss(self, outputs: Tensor, target: Tensor, batch: Batch) -> Tensor:
        """The errors of Q and, where it is asked for, of telling who acted."""
        loss = super()._critic_loss(outputs, target, batch)
        if self._hyper.demonstrator_weight and batch.demonstrated is not None:
            labels = torch.from_numpy(batch.demonstrated).expand(outputs.shape[:2])
            classified = binary_cross_entropy_with_logits(outputs[..., -1], labels)
            loss = loss + self._hyper.demonstrator_weight * classified
        return loss

    def _judge(
        self, outputs: Tensor, target: Tensor, inputs: Tensor, actions: Tensor
    ) -> Float32 | None:
        """delta^2 + lambda_3 |grad_a Q(o, pi(o))|^2: what there is to learn for either network."""
        errors = super()._judge(outputs, target, inputs, actions)
        assert errors is not None
        priorities = errors**2
        if self._hyper.actor_priority:
            chosen = torch.tanh(self.actor(inputs)).detach().requires_grad_()
            with torch.enable_grad():
                outputs = self.critic.member(0, torch.cat((inputs, chosen), 1))
                value = self._values(outputs).sum()
            (slopes,) = torch.autograd.grad(value, chosen)
            priorities += self._hyper.actor_priority * slopes.square().sum(1).numpy()
        return priorities
