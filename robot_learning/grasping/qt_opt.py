"""QT-Opt on images (Kalashnikov et al. 2018, arXiv 1806.10293): labelling, updating, searching.

The three jobs of the paper's figure 3 are three methods: `targets` is a Bellman updater's, `update`
the trainer's, and the search of `GraspSearch` a robot's. They share nothing but weights, so they
may run in one process or in many.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from robot_learning.grasping.search import GraspSearch, grasp_critic
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import GraspSpaces
from robot_learning.networks.action_features import moved_at_random
from robot_learning.networks.grasp_critic import GraspCritic
from robot_learning.replay.images import ImageBatch
from robot_learning.replay.step import Float32

Weights = dict[str, Tensor]


class GraspQTOpt:
    """One critic, a running average of it, a lagged copy of that average, and a slower average.

    Attributes:
        acting: the slower average, for whoever acts: single updates move the height at which a
            lift is ended by more than a task forgives.
        updates: gradient steps done.
        search: for the best action.
        spaces: what is seen and done.
    """

    def __init__(
        self,
        hyper: GraspHyperParameters,
        spaces: GraspSpaces,
        seed: int,
    ) -> None:
        """Begins with random weights.

        Args:
            hyper: how to learn.
            spaces: what is seen and done.
            seed: of everything random.

        Raises:
            ValueError: the pictures are too small for the network.
        """
        self.hyper = hyper
        self._generator = torch.Generator().manual_seed(seed)
        self.spaces = spaces
        self.critic = grasp_critic(hyper, spaces, self._generator)
        self.average, self.lagged = copy.deepcopy(self.critic), copy.deepcopy(self.critic)
        self.acting = copy.deepcopy(self.critic)
        self.search = GraspSearch(hyper, spaces)
        for slow in (self.average, self.lagged, self.acting):
            slow.requires_grad_(False).eval()
        self._adam = torch.optim.Adam(
            self.critic.parameters(), hyper.learning_rate, weight_decay=hyper.l2, fused=True
        )
        self.updates = 0

    @torch.no_grad()
    def targets(self, batch: ImageBatch) -> Float32:
        """Targets r + gamma (1 - terminated) min_i Q_i(o', argmax_a Q_1(o', a)), shape (n,).

        They lie in [0, 1], with `return_bound` not below the return that the episode had from o
        on. Q_1 is the running average, Q_2 its lagged copy. A truncated episode is
        not terminated: its o' counts.
        """
        hyper = self.hyper
        images, states = torch.from_numpy(batch.next_images), torch.from_numpy(batch.next_states)
        planes = self.average.look(images, states)
        maps = self.average.encode(planes)
        noise = self.search.noise(len(states), self._generator)
        found = self.search.find(self.average, maps, states, noise)
        values = torch.sigmoid(found.score)
        if hyper.second_target:
            maps, best = self.lagged.encode(planes), found.best.unsqueeze(1)
            second = self.lagged.judge(maps, best, states)[:, 0]
            values = torch.minimum(values, torch.sigmoid(second))
        rewards, ends = torch.from_numpy(batch.rewards), torch.from_numpy(batch.terminated)
        returns = torch.from_numpy(batch.returns_to_go)
        targets = rewards + hyper.gamma * (1.0 - ends) * values
        targets = torch.lerp(targets, returns, hyper.monte_carlo_share)
        if hyper.return_bound:
            targets = torch.maximum(targets, returns)
        result: Float32 = targets.clamp_(0.0, 1.0).numpy()
        return result

    def anneal(self, done: float) -> None:
        """Sets the learning rate for a share of the run that is done, 0 to 1."""
        hyper, late = self.hyper, min(max(2.0 * done - 1.0, 0.0), 1.0)
        ratio = hyper.learning_rate_final / hyper.learning_rate
        for group in self._adam.param_groups:
            group["lr"] = hyper.learning_rate * ratio**late

    def update(self, batch: ImageBatch, targets: Float32) -> dict[str, float]:
        """One step of Adam on labelled transitions; the slow copies follow."""
        actions, states = self._done_or_asked(batch), torch.from_numpy(batch.states)
        target = torch.from_numpy(targets)
        critic = self.critic.train()
        varied = critic.frame.variation(len(states), self.hyper.crop_pad_px, self._generator)
        planes = critic.look(torch.from_numpy(batch.images), states, varied)
        if self.hyper.photometric:
            planes = critic.frame.relit(planes, self._generator)
        if critic.frame.has_first:
            planes = self._first_alone(planes)
        random = moved_at_random(self.spaces.action_meaning, actions, self._generator)
        both = torch.stack((actions, random), 1)
        logits, elsewhere = critic.judge(critic.encode(planes), both, states, varied).unbind(1)
        loss = self._loss(logits, target)
        if self.hyper.negative_weight:
            nothing = self._loss(elsewhere, torch.zeros_like(target))
            loss = loss + self.hyper.negative_weight * nothing
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        self.updates += 1
        self._follow()
        values = torch.sigmoid(logits.detach())
        return {
            "loss": loss.item(),
            "q_mean": values.mean().item(),
            "target_mean": target.mean().item(),
            "q_error": (values - target).abs().mean().item(),
        }

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of everything that changes, by name."""
        tensors = {"generator": self._generator.get_state(), "updates": torch.tensor(self.updates)}
        for name, network in self._networks():
            tensors |= {f"{name}.{k}": v.clone() for k, v in network.state_dict().items()}
        for index, moments in self._adam.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{key}": value.clone() for key, value in moments.items()}
        return tensors

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from what `state_dict` gave."""
        self._generator.set_state(tensors["generator"])
        self.updates = int(tensors["updates"])
        for name, network in self._networks():
            network.load_state_dict(under(tensors, name))
        moments: dict[int, Weights] = {}
        for name, value in under(tensors, "adam").items():
            index, _, key = name.partition(".")
            moments.setdefault(int(index), {})[key] = value.clone()
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": moments, "param_groups": groups})

    def slow_weights(self) -> Weights:
        """Copies of the weights that label, by name."""
        return {
            f"{name}.{key}": value.clone()
            for name, network in self._labelling()
            for key, value in network.state_dict().items()
        }

    def load_slow_weights(self, weights: Weights) -> None:
        """Labels with these from now on."""
        for name, network in self._labelling():
            network.load_state_dict(under(weights, name))

    def _loss(self, logits: Tensor, target: Tensor) -> Tensor:
        if self.hyper.loss == "cross_entropy":
            return functional.binary_cross_entropy_with_logits(logits, target)
        return functional.mse_loss(torch.sigmoid(logits), target)

    def _done_or_asked(self, batch: ImageBatch) -> Tensor:
        """Of each transition the executed action or the requested one, shape (n, a).

        Both lead to the same. Without the second, what no limit lets happen - further down on the
        floor - would never be learned, and a search would go on finding it promising.
        """
        asked = torch.rand(len(batch.actions), 1, generator=self._generator) < 0.5
        actions, requested = torch.from_numpy(batch.actions), torch.from_numpy(batch.requested)
        return torch.where(asked, requested, actions)

    def _first_alone(self, planes: Tensor) -> Tensor:
        """Of some, the first picture in the place of the present one too."""
        first, _ = planes.chunk(2, 1)
        alone = torch.rand(len(planes), generator=self._generator) < self.hyper.first_alone_share
        return torch.where(alone[:, None, None, None], torch.cat((first, first), 1), planes)

    @torch.no_grad()
    def _follow(self) -> None:
        hyper = self.hyper
        _approach(self.average, self.critic, hyper.polyak)
        # Faster at first, when there is little worth keeping.
        _approach(self.acting, self.critic, max(hyper.acting_polyak, 9 / (10 + self.updates)))
        if not hyper.target_lag_updates or self.updates % hyper.target_lag_updates == 0:
            self.lagged.load_state_dict(self.average.state_dict())

    def _networks(self) -> tuple[tuple[str, GraspCritic], ...]:
        return ("critic", self.critic), ("acting", self.acting), *self._labelling()

    def _labelling(self) -> tuple[tuple[str, GraspCritic], ...]:
        return ("average", self.average), ("lagged", self.lagged)


def under(tensors: Weights, part: str) -> Weights:
    """The tensors called `part.detail`, by their detail."""
    prefix = f"{part}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _approach(slow: nn.Module, new: nn.Module, share: float) -> None:
    """Moves weights towards others; running statistics of normalisation are averages already."""
    for weight, target in zip(slow.parameters(), new.parameters(), strict=True):
        weight.lerp_(target, share)
    for mine, theirs in zip(slow.buffers(), new.buffers(), strict=True):
        mine.copy_(theirs)
