"""The folder of a run, `--out DIR`: who writes what where.

```
DIR/config.yaml          the resolved settings: enough to repeat the run
DIR/checkpoint/          journal of steps, networks, optimisers: what --resume goes on from
DIR/policy.safetensors   weights and normaliser
DIR/policy.json          what the policy is for
DIR/best/                the same two files of the best policy, with --evaluate-every
DIR/metrics.jsonl        one row an episode
DIR/tensorboard/         the same for TensorBoard
DIR/learning_curve.png   success and return against environment steps
DIR/model.png            how good the model is, where one is learned; see `model_plot`
DIR/status.json          what the run is doing now, twice a second, for live views
```
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from robot_learning.contract import Contract, ContractError, require_same
from robot_learning.files import write_atomic

CONFIG_FILE = "config.yaml"
STATUS_FILE = "status.json"


class RunDirectoryError(ValueError):
    """The folder holds something else than what was asked for. One line says what to do."""


class RunDirectory:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint"
        self.best = path / "best"
        self.learning_curve = path / "learning_curve.png"
        self.model = path / "model.png"
        self._status_at_s = -1.0

    def begin(self, config: Mapping[str, Any], *, resume: bool) -> None:
        """Makes the folder of a new run and writes `config.yaml`; or looks at the run there.

        Args:
            config: the resolved settings; plain values.
            resume: go on with the run that is there. Its `config.yaml` stays until it is known
                that it may go on: see `write_config`.

        Raises:
            RunDirectoryError: there is a run and `resume` is not given, or the reverse; or it was
                begun under another contract.
            FileWriteError: the folder cannot be written.
        """
        exists = (self.path / CONFIG_FILE).exists()
        if exists and not resume:
            raise RunDirectoryError(
                f"{self.path} already holds a run: add --resume to go on with it, "
                "or choose another --out"
            )
        if resume and not exists:
            raise RunDirectoryError(
                f"{self.path} holds no run to resume; leave --resume out to begin one"
            )
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        if resume:
            self._require_contract(config)
        else:
            self.write_config(config)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replaces `config.yaml`.

        Raises:
            FileWriteError: the folder cannot be written.
        """
        text = yaml.safe_dump(dict(config), sort_keys=False)
        write_atomic(self.path / CONFIG_FILE, text.encode())

    def write_status(self, status: Mapping[str, Any], *, every_s: float = 0.5) -> bool:
        """Replaces `status.json`, if the last time is `every_s` ago; returns whether it did."""
        now = time.monotonic()
        if self._status_at_s >= 0 and now - self._status_at_s < every_s:
            return False
        self._status_at_s = now
        data = json.dumps(status).encode()
        # Not durable: a live view needs whole files, not files that survive a power cut.
        write_atomic(self.path / STATUS_FILE, data, durable=False)
        return True

    def _require_contract(self, config: Mapping[str, Any]) -> None:
        path = self.path / CONFIG_FILE
        try:
            before = yaml.safe_load(path.read_text(encoding="utf-8"))
            contracts = [c and Contract.model_validate(c) for c in map(_contract, (config, before))]
        except (yaml.YAMLError, UnicodeDecodeError, AttributeError, ValidationError):
            raise RunDirectoryError(
                f"{path}: is no description of a run, or damaged; choose another --out"
            ) from None
        now, then = contracts
        if now and then:
            try:
                require_same(now, then, f"the run in {self.path}")
            except ContractError as error:
                raise RunDirectoryError(
                    f"{error}; resume with the same contract, or choose another --out"
                ) from None


def _contract(config: Mapping[str, Any]) -> Any:
    return config.get("contract")


def next_free(parent: Path, name: str) -> Path:
    """`parent/name`, or with the first number behind it that is not taken."""
    if not (parent / name).exists():
        return parent / name
    number = 2
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"
