"""Hyper-parameters of QT-Opt on images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from robot_learning.algorithms.base import Count
from robot_learning.algorithms.cem_settings import CemHyperParameters
from robot_learning.contract.base import Fraction, NonNegative, Positive
from robot_learning.networks.grasp_critic import GraspNetwork

NonNegativeCount = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Discount = Annotated[float, Field(ge=0.0, lt=1.0)]


class GraspHyperParameters(CemHyperParameters):
    """Section numbers are of Kalashnikov et al. 2018, arXiv 1806.10293."""

    network: GraspNetwork = Field(
        "small", description="small: for 64 x 64; large: the paper's for 472 x 472 (figure 5)."
    )
    hand_view: bool = Field(
        True,
        description="What lies around the hand is seen from above and turned with it, now and as "
        "it was before the hand hid it, where the camera's place is known; otherwise the picture "
        "as it is (the paper's).",
    )
    first_alone_share: Share = Field(
        0.5,
        description="How often, while learning, the picture from before the attempt stands for the "
        "present one too: otherwise the second, which the hand hides, is learned by heart.",
    )
    learning_rate: Positive = Field(
        1e-3, description="Adam (Quillen et al. 2018; the paper: momentum, 1e-4)."
    )
    learning_rate_final: Positive = Field(
        1e-4,
        description="At the end of a run; on the way it falls in proportion to itself, from where "
        "half of the updates are done.",
    )
    l2: NonNegative = Field(7e-5, description="Half the squared weights in the loss (the paper's).")
    batch_size: Count = Field(64, description="Labelled transitions an update.")
    gamma: Discount = Field(
        0.97,
        description="Discount per step (the paper's 0.9 is for at most 20 longer steps).",
    )
    loss: Literal["cross_entropy", "squared"] = Field(
        "cross_entropy", description="Of Q, a sigmoid, against its target in [0, 1] (section 4.2)."
    )
    polyak: Fraction = Field(
        0.01, description="Share of the new weights in the slow copy that labels, each update."
    )
    acting_polyak: Fraction = Field(
        0.001, description="The same of the slower copy that acts: a policy that is steadier."
    )
    second_target: bool = Field(
        True, description="The target is the smaller value of two slow copies (section 4.2)."
    )
    return_bound: bool = Field(
        True,
        description="No target is below the return that followed in its episode (Wilcox et al. "
        "2022, 2210.07432, section 4): a lift is learned from at once by all that led to it.",
    )
    monte_carlo_share: Share = Field(
        0.2,
        description="Part of a target that is the return that followed (Ostrovski et al. 2017, "
        "1703.01310, section 5): what was never tried is not thought good for long.",
    )
    negative_weight: NonNegative = Field(
        0.2,
        description="Of random motions in the loss, to be worth nothing, as unseen actions are in "
        "Chebotar et al. 2021, 2104.07749: what nobody tried is not thought good.",
    )
    target_lag_updates: NonNegativeCount = Field(
        150,
        description="Updates by which the second slow copy lags behind the first, at most; 0: it "
        "does not (~6000 of 15 million in the paper).",
    )
    crop_pad_px: NonNegativeCount = Field(
        1, description="Pictures are shifted by up to this while learning (the paper: crops)."
    )
    photometric: bool = Field(True, description="Light and colour vary while learning (appendix).")
    replay_capacity: Count = Field(400_000, description="Frames kept, in a file of 12 KB each.")
    online_share: Share = Field(
        0.5,
        description="Part of the labels that are of the run's own episodes and not of the logs; "
        "less while these are few (joint finetuning, section 5).",
    )
    whole_grips: bool = Field(
        True,
        description="A search does not stop fingers that move, and does not end an attempt while "
        "they do: to close takes several steps, and small errors of values would turn it back.",
    )
    label_capacity: Count = Field(100_000, description="Labelled transitions kept (section 4.3).")
    label_age_max: Count = Field(
        300, description="Updates after which a label is no longer learned from."
    )
    labels_per_step: NonNegative = Field(4.0, description="Labels made for each step collected.")
    updates_per_step: NonNegative = Field(0.25, description="Updates for each step collected.")
