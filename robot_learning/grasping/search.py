"""What acts of QT-Opt: a critic, and the search for the action that it thinks best."""

from __future__ import annotations

import torch
from torch import Tensor

from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import GraspSpaces
from robot_learning.networks.action_features import first_guess, with_whole_grips
from robot_learning.networks.grasp_critic import SHAPES, Frame, GraspCritic
from robot_learning.networks.hand_view import HandFrame
from robot_learning.networks.whole_picture import WholePicture
from robot_learning.perception.eyes import BinEye, Eye, PlainEye
from robot_learning.planning import Found, cross_entropy_method
from robot_learning.rewards.lift import STILL_M_S


class GraspSearch:
    """The best action for a critic, by the cross-entropy method; the image is encoded once."""

    def __init__(self, hyper: GraspHyperParameters, spaces: GraspSpaces) -> None:
        self._hyper, self._size = hyper, spaces.action_size
        self._mean = first_guess(spaces.action_meaning, spaces.action_size)
        self._fingers = spaces.fingers if hyper.whole_grips else None

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
            possible = self._possible(candidates, states)
            scores = critic.judge(maps, possible, states)
            if tried is not None:
                tried.append((possible, scores))
            return scores

        mean, std = self._mean.expand(n, -1), torch.ones(n, self._size)
        found = cross_entropy_method(score, mean, std, noise, elites=self._hyper.cem_elites)
        return found._replace(best=self._possible(found.best.unsqueeze(1), states)[:, 0])

    def _possible(self, candidates: Tensor, states: Tensor) -> Tensor:
        """Candidates (n, samples, a) as they may be done."""
        if self._fingers is None:
            return candidates
        return with_whole_grips(candidates, states[:, self._fingers], STILL_M_S)


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
