"""Learning a success classifier, and saying how good it is on episodes that it never saw.

Episodes, not pictures, are divided: neighbours in time look alike, and would make a classifier
that has learned its pictures by heart seem good.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from robot_learning.networks.image_encoder import Photometric, distort, shifted
from robot_learning.rewards.pixels.classifier import SuccessClassifier, SuccessNetwork, planes
from robot_learning.rewards.pixels.frames import FramesError, LabelledEpisode, PictureView
from robot_learning.rewards.pixels.settings import ClassifierSettings

_EPISODES_MIN = 3  # of either kind: one to learn from, one to tune by, one to report on
_AT_ONCE = 256
_TEMPERATURES = np.geomspace(0.1, 10.0, 81)
Say = Callable[[int, float], None]
"""Takes the updates done and the loss on the episodes kept for tuning."""


@dataclass(frozen=True, slots=True)
class Division:
    """Which episodes are for what.

    Attributes:
        learn: their pictures are learned from.
        tune: weights, temperature and threshold are chosen by them.
        held_out: only reported on.
    """

    learn: list[LabelledEpisode]
    tune: list[LabelledEpisode]
    held_out: list[LabelledEpisode]


def divide(
    episodes: Sequence[LabelledEpisode], settings: ClassifierSettings, seed: int
) -> Division:
    """Divides episodes at random, those with and those without a success in the same parts.

    Raises:
        FramesError: there are too few of either kind.
    """
    rng = np.random.default_rng([seed, 7])
    result = Division([], [], [])
    for successful in (True, False):
        kind = [episode for episode in episodes if bool(episode.labels.any()) is successful]
        if len(kind) < _EPISODES_MIN:
            what = "with a success" if successful else "without any"
            raise FramesError(
                f"{len(kind)} episodes {what}; at least {_EPISODES_MIN} are needed, and some tens "
                "are better: collect more, failures that look like successes above all"
            )
        order = [kind[index] for index in rng.permutation(len(kind))]
        tune = max(1, round(settings.tune_share * len(order)))
        held_out = max(1, round(settings.held_out_share * len(order)))
        held_out = min(held_out, len(order) - tune - 1)
        result.held_out.extend(order[:held_out])
        result.tune.extend(order[held_out : held_out + tune])
        result.learn.extend(order[held_out + tune :])
    return result


def fit_classifier(
    division: Division, view: PictureView, settings: ClassifierSettings, seed: int, say: Say
) -> SuccessClassifier:
    """Learns a classifier from the first part of a division and tunes it by the second.

    Args:
        division: of the episodes.
        view: of their pictures.
        settings: how to learn.
        seed: of everything random.
        say: is told how far it is.
    """
    torch.set_num_threads(1)  # as in `Learner`: a fit repeats bit for bit, also on a busy machine
    generator = torch.Generator().manual_seed(seed)
    network = SuccessNetwork(view.size_px, settings.features, generator)
    adam = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.l2)
    slower = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.01, settings.updates)
    images, labels = joined(division.learn)
    kinds = [np.flatnonzero(labels == wanted) for wanted in (True, False)]
    if not len(kinds[1]):
        raise FramesError("every picture to learn from shows success: collect failures too")
    tune_images, tune_labels = joined(division.tune)
    tune_planes, wanted = planes(tune_images), torch.from_numpy(tune_labels)
    rng = np.random.default_rng([seed, 8])
    best_loss, best = float("inf"), copy.deepcopy(network.state_dict())
    for update in range(1, settings.updates + 1):
        half = max(1, settings.batch_size // 2)
        chosen = np.concatenate([rng.choice(kind, half) for kind in kinds])
        batch = _varied(planes(images[chosen]), settings, generator)
        loss = functional.binary_cross_entropy_with_logits(
            network.train()(batch), torch.from_numpy(labels[chosen]).float()
        )
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        slower.step()
        if update % settings.check_updates == 0 or update == settings.updates:
            logits = _logits(network, tune_planes)
            now = _balanced_loss(logits, wanted)
            say(update, now)
            if now < best_loss:
                best_loss, best = now, copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    logits = _logits(network, tune_planes)
    temperature = _temperature(logits, wanted)
    scores = torch.sigmoid(logits.double() / temperature).numpy()
    threshold = threshold_for(scores[~tune_labels], settings.false_positive_rate_max)
    about: dict[str, Any] = {"settings": settings.model_dump(mode="json"), "seed": seed}
    return SuccessClassifier(
        network,
        view,
        temperature=temperature,
        threshold=threshold,
        hold_steps=settings.hold_steps,
        about=about,
    )


def threshold_for(failures: NDArray[np.float64], rate_max: float) -> float:
    """The lowest threshold that at most this part of the failures' probabilities reaches.

    It is never below one half.

    Args:
        failures: probabilities of success of pictures that show none, shape (n,).
        rate_max: of them, at most.
    """
    allowed = int(rate_max * len(failures))
    ordered = np.sort(failures)[::-1]
    highest = float(ordered[allowed]) if allowed < len(ordered) else 0.0
    # Just above the first one that may not pass.
    return min(1.0, max(0.5, float(np.nextafter(highest, 2.0))))


def joined(episodes: Sequence[LabelledEpisode]) -> tuple[Any, NDArray[np.bool_]]:
    """All pictures, shape (n, size, size, 3), and labels, shape (n,)."""
    images = np.concatenate([episode.images for episode in episodes])
    return images, np.concatenate([episode.labels for episode in episodes])


def _varied(batch: Tensor, settings: ClassifierSettings, generator: torch.Generator) -> Tensor:
    if settings.shift_px:
        limit = settings.shift_px
        shifts = torch.randint(-limit, limit + 1, (len(batch), 2), generator=generator)
        batch = shifted(batch, shifts)
    return distort(batch, Photometric(), generator) if settings.photometric else batch


@torch.no_grad()
def _logits(network: SuccessNetwork, images: Tensor) -> Tensor:
    network.eval()
    return torch.cat([network(part) for part in torch.split(images, _AT_ONCE)])


def _balanced_loss(logits: Tensor, labels: Tensor) -> float:
    """Cross-entropy in which successes and failures weigh the same."""
    losses = functional.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    kinds = [losses[labels], losses[~labels]]
    return float(sum(kind.mean() for kind in kinds if len(kind)) / 2.0)


def _temperature(logits: Tensor, labels: Tensor) -> float:
    """The divisor of logits under which these labels are likeliest (Guo et al. 2017)."""
    wanted = labels.double()
    losses = [
        float(functional.binary_cross_entropy_with_logits(logits.double() / value, wanted))
        for value in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])
