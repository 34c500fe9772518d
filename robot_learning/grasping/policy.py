"""The policy that grasps: the action of highest value for what the camera shows."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from robot_learning.files import write_atomic
from robot_learning.grasping.qt_opt import GraspQTOpt, under
from robot_learning.grasping.search import GraspSearch, eye_of, grasp_critic
from robot_learning.grasping.settings import GraspHyperParameters
from robot_learning.grasping.world import GraspSpaces
from robot_learning.networks.grasp_critic import GraspCritic
from robot_learning.replay.images import UInt8
from robot_learning.replay.step import Float32
from robot_learning.training.policy_bytes import PolicyFileError

POLICY_FILE = "grasp_policy.safetensors"
_METADATA = "robot_learning_grasp_policy"
_NOISE = "search.noise"
_FORMAT = 7
SEARCHES = 16
"""Searches in a row that draw differently: where an action changes nothing, the next is another."""


class Judged(NamedTuple):
    """What a search found.

    Attributes:
        best: the best action, shape (a,).
        value: of it, in [0, 1].
        tried: all actions, shape (rounds x samples, a).
        values: of these, shape (rounds x samples,).
    """

    best: Float32
    value: float
    tried: Float32
    values: Float32


class GraspPolicy:
    """A critic and its search; the same pictures and states in a row give the same actions.

    Attributes:
        spaces: what it sees and does, and under which contract it was trained.
    """

    name = "policy"

    def __init__(
        self,
        critic: GraspCritic,
        hyper: GraspHyperParameters,
        noise: torch.Tensor,
        spaces: GraspSpaces,
    ) -> None:
        """Takes the parts as they are.

        Args:
            critic: that judges; it is not changed.
            hyper: of the search.
            noise: of searches in turn, shape (rounds, `SEARCHES`, samples, a).
            spaces: what it sees and does.
        """
        self._critic, self._hyper, self._noise = critic.eval(), hyper, noise
        self._search = GraspSearch(hyper, spaces)
        self.spaces = spaces
        self._eye = eye_of(hyper, spaces)
        self._searches = 0  # in this episode

    def begin(self, rng: np.random.Generator, image: UInt8) -> None:
        """A new episode; it draws nothing, and looks at the picture.

        Raises:
            ValueError: the picture has another size than those it was trained with.
        """
        self._eye.begin(self._checked(image))
        self._searches = 0

    def act(self, image: UInt8, state: Float32) -> Float32:
        """The best action found, shape (a,), for a picture (size, size, 3) and a state (s,)."""
        return self.judge(image, state).best

    @torch.no_grad()
    def judge(self, image: UInt8, state: Float32) -> Judged:
        """The best action found, and all that were tried.

        Raises:
            ValueError: picture or state have other sizes than it was trained with.
            RuntimeError: before `begin`, of a policy that remembers what it saw.
        """
        state_size = self.spaces.state_size
        if state.shape != (state_size,) or not np.isfinite(state).all():
            raise ValueError(f"a state {state!r}; this policy needs {state_size} numbers")
        known = np.asarray(state, np.float32)
        seen = torch.from_numpy(self._eye.see(self._checked(image)).copy()).unsqueeze(0)
        states = torch.from_numpy(known).unsqueeze(0)
        planes = self._critic.look(seen, states)
        maps = self._critic.encode(planes)
        rounds: list[tuple[torch.Tensor, torch.Tensor]] = []
        turn = self._searches % SEARCHES
        self._searches += 1
        noise = self._noise[:, turn : turn + 1]
        found = self._search.find(self._critic, maps, states, noise, rounds)
        return Judged(
            found.best[0].numpy(),
            float(torch.sigmoid(found.score[0])),
            torch.cat([actions[0] for actions, _ in rounds]).numpy(),
            torch.sigmoid(torch.cat([scores[0] for _, scores in rounds])).numpy(),
        )

    def _checked(self, image: UInt8) -> UInt8:
        size_px = self.spaces.size_px
        expected = (size_px, size_px, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(
                f"a picture of shape {image.shape} and type {image.dtype}; this policy was trained "
                f"with {expected} and uint8"
            )
        return image

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        about = {
            "format": _FORMAT,
            "hyper_parameters": self._hyper.model_dump(mode="json"),
            "spaces": asdict(self.spaces),
        }
        tensors = {f"critic.{k}": v.contiguous() for k, v in self._critic.state_dict().items()}
        return save(
            tensors | {_NOISE: self._noise.contiguous()},
            {_METADATA: json.dumps(about, sort_keys=True)},
        )

    def save(self, directory: Path) -> Path:
        """Writes its file into a folder; the file.

        Raises:
            FileWriteError: disk full or the like; the file before is intact.
        """
        write_atomic(directory / POLICY_FILE, self.to_bytes())
        return directory / POLICY_FILE


def policy_of(learner: GraspQTOpt) -> GraspPolicy:
    """The slow copy of a learner's critic as a policy; later learning does not change it."""
    hyper, spaces = learner.hyper, learner.spaces
    critic = grasp_critic(hyper, spaces, torch.Generator())
    critic.load_state_dict(learner.acting.state_dict())
    noise = learner.search.noise(SEARCHES, torch.Generator().manual_seed(0))
    return GraspPolicy(critic, hyper, noise, spaces)


def read_grasp_policy(directory: Path, spaces: GraspSpaces | None = None) -> GraspPolicy:
    """Reads what `GraspPolicy.save` wrote, checking all of it before use.

    Args:
        directory: where it is.
        spaces: of the world in which it is to act, if any.

    Raises:
        PolicyFileError: there is none, or it is foreign or damaged, or of another world.
    """
    path = directory / POLICY_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise PolicyFileError(f"{directory}: holds no {POLICY_FILE}; train one first") from None
    except OSError as error:
        raise PolicyFileError(f"{path}: cannot be read: {error.strerror}") from None
    policy = grasp_policy_from_bytes(data, str(path))
    if spaces is not None and policy.spaces != spaces:
        raise PolicyFileError(
            f"{path}: was trained under contract {policy.spaces.sha256[:12]}, this is "
            f"{spaces.sha256[:12]}: give the robot and task it was trained with"
        )
    return policy


def grasp_policy_from_bytes(data: bytes, what: str = "a policy") -> GraspPolicy:
    """Reads what `GraspPolicy.to_bytes` gave, checking all of it before use.

    Args:
        data: the bytes.
        what: what to call them in an error: a path, say.

    Raises:
        PolicyFileError: they are foreign or damaged.
    """
    try:
        about = json.loads(_metadata(data)[_METADATA])
        if about["format"] != _FORMAT:
            raise ValueError(f"its format is {about['format']}, known is {_FORMAT}")
        tensors = load(data)
        hyper = GraspHyperParameters.model_validate(about["hyper_parameters"])
        noise = tensors[_NOISE]
        spaces = GraspSpaces.from_plain(about["spaces"])
        critic = grasp_critic(hyper, spaces, torch.Generator())
        critic.load_state_dict(under(tensors, "critic"))
        if noise.shape != (hyper.cem_rounds, SEARCHES, hyper.cem_samples, spaces.action_size):
            raise ValueError(f"its search draws {tuple(noise.shape)}")
        return GraspPolicy(critic, hyper, noise, spaces)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PolicyFileError(f"{what}: is no grasp policy, or damaged: {reason}") from None


def _metadata(data: bytes) -> dict[str, str]:
    """Of safetensors bytes, whose header is JSON behind its length in 8 bytes."""
    length = int.from_bytes(data[:8], "little")
    if not 0 < length <= len(data) - 8:
        raise ValueError("it is cut off or no safetensors file")
    header: dict[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return header
