"""Deep deterministic policy gradient (Lillicrap et al. 2015, arXiv 1509.02971).

TD3 without its three additions: one critic, no delay, no noise on the target action.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from robot_learning.algorithms.td3 import TD3, TD3HyperParameters


class DDPGHyperParameters(TD3HyperParameters):
    """TD3's, with its additions fixed to nothing."""

    critics: Literal[1] = Field(1, description="DDPG has one critic.")
    policy_delay: Literal[1] = Field(1, description="DDPG updates the actor every time.")
    target_noise_std: Annotated[float, Field(ge=0.0, le=0.0)] = Field(
        0.0, description="DDPG's target action has no noise."
    )


class DDPG(TD3):
    """One critic, one deterministic actor, and slow copies of both: TD3 without its additions."""

    name: ClassVar[str] = "ddpg"
    source: ClassVar[str] = "Lillicrap et al. 2015, algorithm 1"
    hyper_parameters: ClassVar[type[TD3HyperParameters]] = DDPGHyperParameters
