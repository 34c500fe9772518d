"""A classifier of pictures: how likely each shows success, and from when on that counts.

As in Singh et al. 2019 (arXiv 1904.07854) and Luo et al. 2024 (arXiv 2410.21845) a network is
learned from labelled frames. Its probabilities are brought to the frequencies that they state by
one temperature (Guo et al. 2017, arXiv 1706.04599), and success is said only above a threshold
that was chosen for few false positives, and only once it has held for some frames.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from robot_learning.files import write_atomic
from robot_learning.networks.image_encoder import ImageEncoder
from robot_learning.replay.images import UInt8
from robot_learning.rewards.pixels.frames import PictureView

CLASSIFIER_FILE = "success_classifier.safetensors"
_METADATA = "robot_learning_success_classifier"
_FORMAT = 2
_AT_ONCE = 256


class ClassifierError(ValueError):
    """A classifier is missing, foreign, damaged or of another view. One line says which."""


class SuccessNetwork(nn.Module):
    """Pictures, shape (n, 3, size, size), uint8, to logits of success, shape (n,)."""

    def __init__(self, size_px: int, features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = ImageEncoder(3, (size_px, size_px), features, generator)
        self.head = nn.Linear(features, 1)
        with torch.no_grad():
            nn.init.zeros_(self.head.weight)  # begins undecided
            nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.encoder(images))[:, 0]
        return logits


class SuccessClassifier:
    """A network with its temperature, threshold and hold.

    Attributes:
        view: of the pictures that it judges.
        threshold: probability from which on a picture counts as success.
        hold_steps: pictures in a row that must count.
        about: how it was learned and how good it is on episodes that it did not learn from.
    """

    def __init__(
        self,
        network: SuccessNetwork,
        view: PictureView,
        *,
        temperature: float,
        threshold: float,
        hold_steps: int,
        about: Mapping[str, Any],
    ) -> None:
        if not (temperature > 0.0 and 0.0 < threshold <= 1.0 and hold_steps >= 1):
            raise ValueError(
                f"temperature {temperature}, threshold {threshold}, hold_steps {hold_steps}"
            )
        self._network = network.eval().requires_grad_(False)
        self.view, self.about = view, dict(about)
        self._temperature, self.threshold, self.hold_steps = temperature, threshold, hold_steps

    def probability(self, picture: UInt8) -> float:
        """That one picture shows success, shape (size, size, 3).

        Raises:
            ValueError: it has another size.
        """
        return float(self.probabilities(picture[None])[0])

    @torch.no_grad()
    def probabilities(self, pictures: UInt8) -> NDArray[np.float64]:
        """Of several, shape (n, size, size, 3); shape (n,).

        Raises:
            ValueError: they have another size.
        """
        side = self.view.size_px
        if pictures.shape[1:] != (side, side, 3) or pictures.dtype != np.uint8:
            raise ValueError(
                f"pictures of shape {pictures.shape} and type {pictures.dtype}; this classifier "
                f"judges ({side}, {side}, 3) and uint8"
            )
        parts = np.array_split(pictures, max(1, -(-len(pictures) // _AT_ONCE)))
        logits = torch.cat([self._network(planes(part)) for part in parts])
        result: NDArray[np.float64] = torch.sigmoid(logits.double() / self._temperature).numpy()
        return result

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        description = {
            "format": _FORMAT,
            "view": asdict(self.view),
            "features": self._network.head.in_features,
            "temperature": self._temperature,
            "threshold": self.threshold,
            "hold_steps": self.hold_steps,
            "about": self.about,
        }
        tensors = {name: value.contiguous() for name, value in self._network.state_dict().items()}
        return save(tensors, {_METADATA: json.dumps(description, sort_keys=True)})

    def save(self, directory: Path) -> Path:
        """Writes its file into a folder; the file.

        Raises:
            FileWriteError: disk full or the like; the file before is intact.
        """
        directory.mkdir(parents=True, exist_ok=True)
        write_atomic(directory / CLASSIFIER_FILE, self.to_bytes())
        return directory / CLASSIFIER_FILE


def planes(pictures: UInt8) -> Tensor:
    """Pictures (n, size, size, 3) as a network takes them, (n, 3, size, size)."""
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))


def read_success_classifier(directory: Path, view: PictureView | None = None) -> SuccessClassifier:
    """Reads what `SuccessClassifier.save` wrote, checking all of it before use.

    Args:
        directory: where it is.
        view: of the pictures that it is to judge, if any.

    Raises:
        ClassifierError: there is none, it is foreign or damaged, or of another view.
    """
    path = directory / CLASSIFIER_FILE
    if not path.is_file():
        raise ClassifierError(
            f"{directory}: holds no {CLASSIFIER_FILE}; learn one first: robot-learning reward fit"
        )
    try:
        with safe_open(path, "pt") as file:
            description = json.loads((file.metadata() or {})[_METADATA])
        if description["format"] != _FORMAT:
            raise ValueError(
                f"its format is {description['format']}, known is {_FORMAT}; learn it anew"
            )
        known = PictureView.from_plain(description["view"])
        network = SuccessNetwork(known.size_px, int(description["features"]), torch.Generator())
        tensors = load(path.read_bytes())
        network.load_state_dict(tensors)
        if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
            raise ValueError("it holds NaN or infinity")
        classifier = SuccessClassifier(
            network,
            known,
            temperature=float(description["temperature"]),
            threshold=float(description["threshold"]),
            hold_steps=int(description["hold_steps"]),
            about=description["about"],
        )
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClassifierError(f"{path}: is no success classifier, or damaged: {reason}") from None
    if view is not None and (difference := view.difference(classifier.view)):
        raise ClassifierError(
            f"{path}: judges other pictures: {difference}; learn one for this robot and task: "
            "robot-learning reward collect, then reward fit"
        )
    return classifier
