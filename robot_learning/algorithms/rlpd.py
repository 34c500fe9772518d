"""Reinforcement learning with prior data (Ball et al. 2023, arXiv 2302.02948).

SAC with three settings, and no new loss: half of every batch are demonstrations; critics have layer
normalisation, so that what they say of actions nobody took stays within bounds; and many critics,
of which a random two give the target, bear many updates for each step.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from robot_learning.algorithms.base import Count, Unit
from robot_learning.algorithms.sac import SAC, SACHyperParameters
from robot_learning.contract.base import Positive


class RLPDHyperParameters(SACHyperParameters):
    """SAC's, as in section 4 and table 3 of the paper."""

    demonstration_share: Unit = Field(
        0.5, description="Symmetric sampling: half of every batch (section 4.1)."
    )
    critic_layer_norm: bool = Field(
        True, description="Keeps values of actions unseen within bounds (section 4.2)."
    )
    critics: Count = Field(10, description="Critics (section 4.3).")
    target_critics: Count | None = Field(
        2, description="Drawn anew for each target; 1 for mazes (section 4.4)."
    )
    actor_value: Literal["min", "mean"] = Field(
        "mean", description="The actor climbs the mean of all critics (algorithm 1)."
    )
    updates_per_step: Positive = Field(20.0, description="Update ratio (section 4.3).")
    policy_delay: Count = Field(20, description="One actor update for each step (algorithm 1).")
    warmup_steps: int = Field(5_000, ge=0, description="Random steps first (the authors' code).")


class RLPD(SAC):
    """SAC on demonstrations and its own experience, in equal parts."""

    name: ClassVar[str] = "rlpd"
    source: ClassVar[str] = "Ball, Smith, Kostrikov, Levine 2023, algorithm 1"
    hyper_parameters: ClassVar[type[SACHyperParameters]] = RLPDHyperParameters
