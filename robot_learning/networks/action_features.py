"""What a critic sees of an action: what the robot would make of it.

Of `TcpGrasp`'s eight numbers some only matter by their sign or by which of two is larger, and long
ways count as shortened. A critic that is shown their meaning need not find out where it jumps.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

ActionMeaning = Literal["tcp_grasp", "plain"]
"""`tcp_grasp`: eight numbers as `TcpGrasp` has them; `plain`: every number counts as it is."""

_TOOL_FEATURES, _TOOL_MOTION = 7, 5
_SELDOM = -1.0  # standard deviations: of one try in six the number is above 0


def feature_count(meaning: ActionMeaning, action_size: int) -> int:
    """Numbers that an action of `action_size` becomes."""
    return _TOOL_FEATURES if meaning == "tcp_grasp" else action_size


def motion_size(meaning: ActionMeaning, action_size: int) -> int:
    """How many of an action's first numbers say how to move; the others are switches."""
    return _TOOL_MOTION if meaning == "tcp_grasp" else action_size


def first_guess(meaning: ActionMeaning, action_size: int) -> Tensor:
    """The middle of the actions that a search tries first, shape (a,).

    Where one number ends the episode, few of them do: for half of the tries would be one and the
    same action.
    """
    guess = torch.zeros(action_size)
    if meaning == "tcp_grasp":
        guess[-1] = _SELDOM
    return guess


def moved_at_random(meaning: ActionMeaning, actions: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform motions with the switches of others of these actions (n, a), in any order.

    Drawn uniformly, every second one would end the episode, and it would be learned that to end is
    never any good; as often as in these, it is nothing new where it is right.
    """
    count = motion_size(meaning, actions.shape[1])
    order = torch.randperm(len(actions), generator=generator)
    motions = torch.empty(len(actions), count).uniform_(-1.0, 1.0, generator=generator)
    return torch.cat((motions, actions[order, count:]), 1)


def with_whole_grips(actions: Tensor, fingers_m_s: Tensor, still_m_s: float) -> Tensor:
    """Actions that let moving fingers finish: they go on as they move, and nothing ends.

    Args:
        actions: of `tcp_grasp`, shape (n, samples, 8).
        fingers_m_s: speed of the fingers, opening is above 0, shape (n,).
        still_m_s: fingers that are slower are at rest; with these, actions stay as they are.
    """
    speed = fingers_m_s.view(-1, 1, 1)
    go_on = torch.cat((-speed.sign(), speed.sign(), -torch.ones_like(speed)), -1)
    switches = torch.where(speed.abs() < still_m_s, actions[..., _TOOL_MOTION:], go_on)
    return torch.cat((actions[..., :_TOOL_MOTION], switches), -1)


def action_features(meaning: ActionMeaning, actions: Tensor) -> Tensor:
    """The features of actions (..., a), shape (..., f), each in [-1, 1]."""
    return _tool_features(actions) if meaning == "tcp_grasp" else actions


def _tool_features(actions: Tensor) -> Tensor:
    """Way (3), turn, and -1 or 1 for close, open and end, as `read_action` understands them."""
    way = actions[..., :3]
    way = way / way.norm(dim=-1, keepdim=True).clamp(min=1.0)
    sine, cosine = actions[..., 3:4], actions[..., 4:5]
    # Of minus zeros the angle would be half a turn.
    turn = torch.atan2(sine, cosine) / math.pi * ((sine != 0.0) | (cosine != 0.0))
    close, opens, ends = actions[..., 5:6], actions[..., 6:7], actions[..., 7:8] > 0.0
    closing = (close > 0.0) & (close >= opens)
    opening = (opens > 0.0) & (opens > close)
    motion = torch.cat((way, turn), -1) * ~ends
    switches = torch.cat((closing, opening, ends), -1).to(actions.dtype) * 2.0 - 1.0
    return torch.cat((motion, switches), -1)
