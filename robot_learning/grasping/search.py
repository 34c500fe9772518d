"""What acts of QT-Opt: a critic, and the search for the action that it thinks best."""

from __future__ import annotations

import torch
from torch import Tensor

from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import GraspSpaces
from robot_learning.networks.action_features import ActionMeaning, first_guess
from robot_learning.networks.grasp_critic import SHAPES, Frame, GraspCritic
from robot_learning.networks.hand_view import HandFrame
from robot_learning.networks.whole_picture import WholePicture
from robot_learning.perception.eyes import BinEye, Eye, PlainEye
from robot_learning.planning import Found, cross_entropy_method


class GraspSearch:
    """The best action for a critic, by the cross-entropy method; the image is encoded once."""

    def __init__(
        self, hyper: GraspHyperParameters, action_size: int, meaning: ActionMeaning = "plain"
    ) -> None:
        self._hyper, self._size = hyper, action_size
        self._mean = first_guess(meaning, action_size)

    def noise(self, n: int, generator: torch.Generator) -> Tensor:
        """What one search for n images draws, shape (rounds, n, samples, a)."""
        shape = (self._hyper.cem_rounds, n, self._hyper.cem_samples, self._size)
        return torch.empty(shape).normal_(generator=generator)

    @torch.no_grad()
    def find(
        self,
        critic: GraspCritic,
        maps: Tensor,
        states: Tensor,
        noise: Tensor,
        tried: list[tuple[Tensor, Tensor]] | None = None,
    ) -> Found:
        """The best of the actions tried; scores are logits.

        Args:
            critic: that judges.
            maps: of its images, n of them.
            states: shape (n, s).
            noise: shape (rounds, n or 1, samples, a).
            tried: where given, actions (n, samples, a) and scores (n, samples) of each round go
                here.
        """
        n = len(states)

        def score(candidates: Tensor) -> Tensor:
            scores = critic.judge(maps, candidates, states)
            if tried is not None:
                tried.append((candidates, scores))
            return scores

        mean, std = self._mean.expand(n, -1), torch.ones(n, self._size)
        return cross_entropy_method(score, mean, std, noise, elites=self._hyper.cem_elites)


def grasp_critic(
    hyper: GraspHyperParameters, spaces: GraspSpaces, generator: torch.Generator
) -> GraspCritic:
    """A critic as the settings want it; see `GraspCritic`."""
    low, high = torch.tensor(spaces.state_low), torch.tensor(spaces.state_high)
    frame: Frame = WholePicture(spaces.size_px, low, high)
    if hyper.hand_view and spaces.hand_view is not None:
        frame = HandFrame(spaces.hand_view, low, high)
    return GraspCritic(
        SHAPES[hyper.network],
        frame,
        spaces.action_size,
        generator,
        spaces.action_meaning,
    )


def eye_of(hyper: GraspHyperParameters, spaces: GraspSpaces) -> Eye:
    """What such a critic is to look with."""
    if hyper.hand_view and spaces.hand_view is not None:
        return BinEye(spaces.hand_view, spaces.size_px)
    return PlainEye()
