"""Policy folders: `policy.safetensors` (weights, normaliser) and `policy.json` (what they are for).

Neither holds a wall-clock time: the same seed gives the same two files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from robot_learning.contract import Contract, ContractError, require_same
from robot_learning.contract.task import TASKS
from robot_learning.files import write_atomic
from robot_learning.networks import Policy
from robot_learning.training.policy_bytes import (
    FORMAT_VERSION,
    PolicyFileError,
    policy_from_bytes,
    policy_to_bytes,
    require_format,
)

__all__ = [
    "PolicyFile",
    "PolicyFileError",
    "load_policy",
    "policy_from_bytes",
    "policy_to_bytes",
    "read_policy",
    "require_contract",
    "save_policy",
]

WEIGHTS_FILE = "policy.safetensors"
DESCRIPTION_FILE = "policy.json"


@dataclass(frozen=True)
class PolicyFile:
    """A policy and what it is for.

    Attributes:
        policy: ready to act.
        algorithm: name of the method that learned it.
        hyper_parameters: with which it was learned.
        contract: the robot and task it was trained for; None for a plain Gymnasium environment.
        environment: id of that environment; None with a contract.
        frame_stack: how many of its newest observations the policy takes as one.
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
    frame_stack: int = 1


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
        "frame_stack": file.frame_stack,
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
            # A kind of task stands in pydantic's path, and is no key of the file.
            key = ".".join(str(part) for part in first["loc"] if part not in TASKS)
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
        frame_stack=description["frame_stack"],
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
        "frame_stack": int,
        "metrics": dict,
        "git_revision": str | None,
        "weights_sha256": str,
    }
    if isinstance(description, dict):
        description.setdefault("frame_stack", 1)  # files from before there was any
    for name, kind in kinds.items():
        if not isinstance(description, dict) or name not in description:
            raise PolicyFileError(f"{path}: is not the description of a policy: no {name!r}")
        if not isinstance(description[name], kind):
            raise PolicyFileError(f"{path}: {name!r} is {description[name]!r:.40}")
        if name == "format_version":
            require_format(description[name], str(path))
    return dict(description)
