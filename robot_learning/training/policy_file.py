"""Policy files: `policy.safetensors` (weights, normaliser) and `policy.json` (what they are for).

The bytes depend on nothing but their content: no wall-clock times, sorted keys, and one single
metadata entry (safetensors writes several in an arbitrary order). The same weights give the same
files, and a hash of them means something.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from robot_learning.contract import Contract, ContractError, require_same
from robot_learning.networks import Policy
from robot_learning.training.files import write_atomic

FORMAT_VERSION = 1
WEIGHTS_FILE = "policy.safetensors"
DESCRIPTION_FILE = "policy.json"
_KIND = "mlp_tanh"
_METADATA_KEY = "robot_learning_policy"
_HEADER_MAX = 1 << 20


class PolicyFileError(ValueError):
    """A policy file is missing, foreign, damaged, or not for this contract. One line says which."""


@dataclass(frozen=True)
class PolicyFile:
    """A policy and what it is for.

    Attributes:
        policy: ready to act.
        algorithm: name of the method that learned it.
        hyper_parameters: with which it was learned.
        contract: the robot and task it was trained for; None for a plain Gymnasium environment.
        environment: id of that environment; None with a contract.
        metrics: figures of the run: steps, updates, success, evaluation.
        git_revision: of the software that learned it, where it ran from a checkout.
    """

    policy: Policy
    algorithm: str
    hyper_parameters: dict[str, Any]
    contract: Contract | None
    environment: str | None
    metrics: dict[str, Any]
    git_revision: str | None = None


def policy_to_bytes(policy: Policy, contract_sha256: str = "") -> bytes:
    """The bytes of `policy.safetensors`, also carried by the message `PolicyParameters`."""
    tensors = {
        "input.mean": policy.mean,
        "input.std": policy.std,
        "action.low": policy.action_low,
        "action.high": policy.action_high,
    }
    for index, (weight, bias) in enumerate(zip(policy.weights, policy.biases, strict=True)):
        tensors[f"layer{index}.weight"] = weight
        tensors[f"layer{index}.bias"] = bias
    description = {
        "clip": policy.clip,
        "contract_sha256": contract_sha256,
        "format_version": FORMAT_VERSION,
        "goal_size": policy.goal_size,
        "kind": _KIND,
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
    layers = sum(name.endswith(".weight") for name in tensors)
    names = {"input.mean", "input.std", "action.low", "action.high"}
    names |= {f"layer{i}.{part}" for i in range(layers) for part in ("weight", "bias")}
    if set(tensors) != names or layers == 0:
        wrong = sorted(set(tensors) ^ names) or ["layer0.weight"]
        raise PolicyFileError(f"{what}: is no {_KIND} policy: wrong tensors {wrong[:4]}")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32:
            raise PolicyFileError(f"{what}: {name} is {tensor.dtype}, expected float32")
        if not np.isfinite(tensor).all():
            raise PolicyFileError(
                f"{what}: {name} holds NaN or infinity; the training run diverged, "
                "use an earlier policy"
            )
    policy = Policy(
        weights=tuple(tensors[f"layer{i}.weight"] for i in range(layers)),
        biases=tuple(tensors[f"layer{i}.bias"] for i in range(layers)),
        mean=tensors["input.mean"],
        std=tensors["input.std"],
        clip=float(description["clip"]),
        action_low=tensors["action.low"],
        action_high=tensors["action.high"],
        goal_size=int(description["goal_size"]),
        version=int(description["version"]),
    )
    _require_shapes(policy, what)
    return policy, str(description["contract_sha256"])


def save_policy(directory: Path, file: PolicyFile) -> str:
    """Writes both files; returns the SHA-256 of the weights file.

    Raises:
        FileWriteError: disk full or the like; no half file is left.
    """
    sha256 = file.contract.sha256 if file.contract else ""
    data = policy_to_bytes(file.policy, sha256)
    weights_sha256 = hashlib.sha256(data).hexdigest()
    description = {
        "algorithm": file.algorithm,
        "contract": file.contract.model_dump(mode="json") if file.contract else None,
        "contract_sha256": sha256 or None,
        "environment": file.environment,
        "format_version": FORMAT_VERSION,
        "git_revision": file.git_revision,
        "hyper_parameters": file.hyper_parameters,
        "metrics": file.metrics,
        "policy_version": file.policy.version,
        "weights_sha256": weights_sha256,
    }
    directory.mkdir(parents=True, exist_ok=True)
    write_atomic(directory / WEIGHTS_FILE, data)
    text = json.dumps(description, sort_keys=True, indent=2, allow_nan=False) + "\n"
    write_atomic(directory / DESCRIPTION_FILE, text.encode())
    return weights_sha256


def read_policy(directory: Path) -> PolicyFile:
    """Reads and checks a policy folder.

    Raises:
        PolicyFileError: something is missing, foreign, damaged or does not fit together.
    """
    description = _read_description(directory / DESCRIPTION_FILE)
    path = directory / WEIGHTS_FILE
    data = _read_bytes(path)
    policy, sha256 = policy_from_bytes(data, str(path))
    if hashlib.sha256(data).hexdigest() != description["weights_sha256"]:
        raise PolicyFileError(
            f"{path}: is not the file that {DESCRIPTION_FILE} beside it describes; "
            "copy both files again"
        )
    contract = None
    if description["contract"] is not None:
        try:
            contract = Contract.model_validate(description["contract"])
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise PolicyFileError(
                f"{directory / DESCRIPTION_FILE}: contract.{key}: {first['msg']}"
            ) from None
    if (contract.sha256 if contract else "") != sha256:
        raise PolicyFileError(
            f"{directory / DESCRIPTION_FILE}: holds another contract than {WEIGHTS_FILE} names"
        )
    return PolicyFile(
        policy=policy,
        algorithm=description["algorithm"],
        hyper_parameters=description["hyper_parameters"],
        contract=contract,
        environment=description["environment"],
        metrics=description["metrics"],
        git_revision=description["git_revision"],
    )


def load_policy(directory: Path, contract: Contract | None = None) -> Policy:
    """Reads a policy to be used under `contract`.

    Raises:
        PolicyFileError: as `read_policy`, or the policy is for another contract.
    """
    file = read_policy(directory)
    if contract is not None:
        require_contract(file, contract, f"the policy in {directory}")
    return file.policy


def require_contract(file: PolicyFile, contract: Contract, what: str) -> None:
    """Refuses a policy trained for another contract.

    Raises:
        PolicyFileError: naming the keys that differ.
    """
    if file.contract is None:
        raise PolicyFileError(
            f"{what} was trained on the environment {file.environment}, not under a contract"
        )
    try:
        require_same(contract, file.contract, what)
    except ContractError as error:
        raise PolicyFileError(str(error)) from None


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PolicyFileError(f"{path}: cannot be read: {error.strerror}") from None


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
    _require_format(version, what)
    fields = {"clip": float, "goal_size": int, "version": int, "contract_sha256": str}
    for name, kind_of in fields.items():
        if not isinstance(description.get(name), kind_of):
            raise PolicyFileError(f"{what}: its description has no proper {name!r}")
    if kind != _KIND or description["clip"] <= 0 or description["goal_size"] < 0:
        raise PolicyFileError(f"{what}: holds a policy of unknown kind {kind!r}")
    return dict(description)


def _read_description(path: Path) -> dict[str, Any]:
    data = _read_bytes(path)
    try:
        description = json.loads(data)
    except ValueError:
        raise PolicyFileError(f"{path}: is not JSON; cut short or foreign") from None
    kinds: dict[str, Any] = {
        "format_version": int,
        "algorithm": str,
        "hyper_parameters": dict,
        "contract": dict | None,
        "environment": str | None,
        "metrics": dict,
        "git_revision": str | None,
        "weights_sha256": str,
    }
    for name, kind in kinds.items():
        if not isinstance(description, dict) or name not in description:
            raise PolicyFileError(f"{path}: is not the description of a policy: no {name!r}")
        if not isinstance(description[name], kind):
            raise PolicyFileError(f"{path}: {name!r} is {description[name]!r:.40}")
        if name == "format_version":
            _require_format(description[name], str(path))
    return dict(description)


def _require_format(version: int, what: str) -> None:
    if version != FORMAT_VERSION:
        newer = version > FORMAT_VERSION
        raise PolicyFileError(
            f"{what}: has format {version}, this software reads {FORMAT_VERSION}; "
            + ("update this software" if newer else "train it again")
        )


def _require_shapes(policy: Policy, what: str) -> None:
    fan_in = policy.mean.shape
    for index, (weight, bias) in enumerate(zip(policy.weights, policy.biases, strict=True)):
        if weight.ndim != 2 or weight.shape[:1] != fan_in or bias.shape != weight.shape[1:]:
            raise PolicyFileError(
                f"{what}: layer {index} has weight {weight.shape} and bias {bias.shape}, "
                f"its input is {fan_in}"
            )
        fan_in = bias.shape
    if policy.action_low.shape != fan_in or policy.action_high.shape != fan_in:
        raise PolicyFileError(f"{what}: the last layer gives {fan_in}, not the action's size")
    if policy.std.shape != policy.mean.shape or policy.goal_size > len(policy.mean):
        raise PolicyFileError(f"{what}: the normaliser does not fit the input")
    if (policy.std <= 0).any() or (policy.action_low >= policy.action_high).any():
        raise PolicyFileError(f"{what}: a deviation or an action range is not above zero")


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
