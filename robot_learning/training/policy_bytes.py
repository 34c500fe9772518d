"""A policy as bytes: `policy.safetensors` and the message `PolicyParameters`.

The bytes depend on nothing but their content: one single metadata entry (safetensors writes
several in an arbitrary order), no times. The same weights give the same bytes, and a hash of them
means something.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from robot_learning.networks import POLICIES, Policy

FORMAT_VERSION = 2
_COMMON = {"input.mean", "input.std", "action.low", "action.high"}
_METADATA_KEY = "robot_learning_policy"
_HEADER_MAX = 1 << 20


class PolicyFileError(ValueError):
    """A policy file is missing, foreign, damaged, or not for this contract. One line says which."""


def policy_to_bytes(policy: Policy, contract_sha256: str = "") -> bytes:
    """The bytes of `policy.safetensors`, also carried by the message `PolicyParameters`."""
    tensors = policy.tensors() | {
        "input.mean": policy.mean,
        "input.std": policy.std,
        "action.low": policy.action_low,
        "action.high": policy.action_high,
    }
    description = policy.description() | {
        "clip": policy.clip,
        "contract_sha256": contract_sha256,
        "format_version": FORMAT_VERSION,
        "goal_size": policy.goal_size,
        "kind": policy.kind,
        "version": policy.version,
    }
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return save(contiguous, {_METADATA_KEY: _canonical(description)})


def policy_from_bytes(data: bytes, what: str = "policy parameters") -> tuple[Policy, str]:
    """Reads what `policy_to_bytes` wrote, checking all of it before use.

    Args:
        data: the bytes.
        what: what to call them in an error: a path or a message.

    Returns:
        The policy and the SHA-256 of the contract it was trained for ("" without one).

    Raises:
        PolicyFileError: the bytes are foreign, cut short, of a newer format, or hold a network
            that does not fit together or is not finite.
    """
    description = _read_metadata(data, what)
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise PolicyFileError(f"{what}: is cut short or damaged ({error}); copy it again") from None
    missing = sorted(_COMMON - set(tensors))
    if missing:
        raise PolicyFileError(f"{what}: is no policy: wrong tensors, {missing[:4]} missing")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32:
            raise PolicyFileError(f"{what}: {name} is {tensor.dtype}, expected float32")
        if not np.isfinite(tensor).all():
            raise PolicyFileError(
                f"{what}: {name} holds NaN or infinity; the training run diverged, "
                "use an earlier policy"
            )
    common = {
        "mean": tensors["input.mean"],
        "std": tensors["input.std"],
        "clip": float(description["clip"]),
        "action_low": tensors["action.low"],
        "action_high": tensors["action.high"],
        "goal_size": int(description["goal_size"]),
        "version": int(description["version"]),
    }
    _require_common(common, what)
    networks = {name: tensor for name, tensor in tensors.items() if name not in _COMMON}
    try:
        kind = _kind(description["kind"])
        assert kind is not None  # of `_read_metadata`
        policy = kind.read(networks, description, **common)
    except ValueError as error:
        raise PolicyFileError(f"{what}: {error}") from None
    if foreign := sorted(set(networks) - set(policy.tensors())):
        raise PolicyFileError(f"{what}: wrong tensors {foreign[:4]}")
    return policy, str(description["contract_sha256"])


def _kind(name: str) -> type[Policy] | None:
    """The class of a kind of policy; the planner's needs torch, which is fetched only for it."""
    if name == "planner":
        from robot_learning.planning.policy import PlannerPolicy

        return PlannerPolicy
    return POLICIES.get(name)


def require_format(version: int, what: str) -> None:
    """Refuses another version of the file format.

    Raises:
        PolicyFileError: says whether to update the software or to train again.
    """
    if version != FORMAT_VERSION:
        newer = version > FORMAT_VERSION
        raise PolicyFileError(
            f"{what}: has format {version}, this software reads {FORMAT_VERSION}; "
            + ("update this software" if newer else "train it again")
        )


def _read_metadata(data: bytes, what: str) -> dict[str, Any]:
    foreign = PolicyFileError(f"{what}: is not a policy file of this software")
    if len(data) < 8:
        raise foreign
    (length,) = struct.unpack_from("<Q", data)
    if not 2 <= length <= _HEADER_MAX:
        raise foreign
    if len(data) < 8 + length:
        raise PolicyFileError(f"{what}: is cut short or damaged (header); copy it again")
    try:
        header = json.loads(data[8 : 8 + length])
        description = json.loads(header["__metadata__"][_METADATA_KEY])
        version = int(description["format_version"])
        kind = description["kind"]
    except (ValueError, KeyError, TypeError):
        raise foreign from None
    require_format(version, what)
    fields = {"clip": float, "goal_size": int, "version": int, "contract_sha256": str}
    for name, kind_of in fields.items():
        if not isinstance(description.get(name), kind_of):
            raise PolicyFileError(f"{what}: its description has no proper {name!r}")
    if _kind(kind) is None or description["clip"] <= 0 or description["goal_size"] < 0:
        raise PolicyFileError(f"{what}: holds a policy of unknown kind {kind!r}")
    return dict(description)


def _require_common(common: dict[str, Any], what: str) -> None:
    mean, std = common["mean"], common["std"]
    low, high = common["action_low"], common["action_high"]
    if mean.ndim != 1 or std.shape != mean.shape or common["goal_size"] > len(mean):
        raise PolicyFileError(f"{what}: the normaliser does not fit the input")
    if low.ndim != 1 or low.shape != high.shape:
        raise PolicyFileError(f"{what}: the action range does not fit the action's size")
    if (std <= 0).any() or (low >= high).any():
        raise PolicyFileError(f"{what}: a deviation or an action range is not above zero")


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
