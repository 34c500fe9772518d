from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robot_learning.algorithms import TD3, Spaces, TD3HyperParameters
from robot_learning.contract import load_contract
from robot_learning.networks import Policy
from robot_learning.training.policy_file import (
    PolicyFile,
    PolicyFileError,
    load_policy,
    policy_from_bytes,
    policy_to_bytes,
    read_policy,
    save_policy,
)

CONTRACT = load_contract("panda", "reach")
SPACES = Spaces(20, 3, (-1.0,) * 3, (1.0,) * 3)


def make_policy() -> Policy:
    td3 = TD3(SPACES, TD3HyperParameters(hidden_sizes=(8, 8)), 0)
    td3.observe(np.random.default_rng(0).normal(1.0, 2.0, (50, 23)).astype(np.float32))
    return td3.policy().frozen(7)


def make_file(**changes: Any) -> PolicyFile:
    file = PolicyFile(
        policy=make_policy(),
        algorithm="td3",
        hyper_parameters={"gamma": 0.95},
        contract=CONTRACT,
        environment=None,
        metrics={"steps": 10},
    )
    return replace(file, **changes)


def changed(policy: Policy, **changes: Any) -> bytes:
    return policy_to_bytes(replace(policy, **changes))


def test_a_policy_acts_the_same_after_the_file(tmp_path: Path) -> None:
    file = make_file()
    save_policy(tmp_path, file)
    found = read_policy(tmp_path)
    inputs = np.random.default_rng(1).normal(size=23).astype(np.float32)
    expected = file.policy.act(inputs[:20], inputs[20:])
    assert np.array_equal(found.policy.act(inputs[:20], inputs[20:]), expected)
    seen = {"observation": inputs[:20], "desired_goal": inputs[20:], "achieved_goal": inputs[:3]}
    assert np.array_equal(found.policy.act(seen), expected)
    assert expected.dtype == np.float32 and expected.shape == (3,)
    assert (found.policy.version, found.contract, found.metrics) == (7, CONTRACT, {"steps": 10})


def test_the_same_policy_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_policy(tmp_path / name, make_file())
    for name in ("policy.safetensors", "policy.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_frozen_policy_does_not_change_with_the_learner() -> None:
    td3 = TD3(SPACES, TD3HyperParameters(hidden_sizes=(8, 8)), 0)
    live, frozen = td3.policy(), td3.policy().frozen(1)
    before = policy_to_bytes(frozen)
    td3.deployed.flat.add_(1.0)
    assert policy_to_bytes(frozen) == before
    assert policy_to_bytes(replace(live, version=1)) != before


def test_a_plain_environment_has_no_contract(tmp_path: Path) -> None:
    save_policy(tmp_path, make_file(contract=None, environment="gymnasium:Pendulum-v1"))
    found = read_policy(tmp_path)
    assert (found.contract, found.environment) == (None, "gymnasium:Pendulum-v1")
    with pytest.raises(PolicyFileError, match="gymnasium:Pendulum-v1, not under a contract"):
        load_policy(tmp_path, CONTRACT)


def test_another_contract_is_refused_with_the_keys_that_differ(tmp_path: Path) -> None:
    save_policy(tmp_path, make_file())
    assert load_policy(tmp_path, CONTRACT).version == 7
    with pytest.raises(PolicyFileError, match=r"another contract .*base_frame: 'fr3_link0' here"):
        load_policy(tmp_path, load_contract("fr3", "reach"))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6))
def test_cut_at_any_byte_is_refused(where: int) -> None:
    data = policy_to_bytes(make_policy())
    with pytest.raises(PolicyFileError, match="policy parameters: "):
        policy_from_bytes(data[: where % len(data)])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyFileError, match=r"not a policy file|cut short"):
        policy_from_bytes(data)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_policy_folder_is_refused(tmp_path: Path, where: int, bit: int) -> None:
    save_policy(tmp_path, make_file())
    path = tmp_path / "policy.safetensors"
    data = bytearray(path.read_bytes())
    data[where % len(data)] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(PolicyFileError):
        read_policy(tmp_path)


def other_network(data: bytes) -> bytes:
    """The bytes of a safetensors file of other software."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


POLICY = make_policy()
NAN_WEIGHT = POLICY.weights[1] * np.float32("nan")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (other_network(b""), "not a policy file of this software"),
        (
            changed(POLICY, weights=(POLICY.weights[0], NAN_WEIGHT, POLICY.weights[2])),
            "layer1.weight holds NaN or infinity",
        ),
        (changed(POLICY, mean=POLICY.mean + np.float32("inf")), "input.mean holds NaN"),
        (changed(POLICY, std=np.zeros(23, np.float32)), "not above zero"),
        (changed(POLICY, mean=POLICY.mean[:-1]), "normaliser does not fit"),
        (changed(POLICY, weights=POLICY.weights[::-1]), "layer 0 has weight"),
        (changed(POLICY, action_low=np.zeros(2, np.float32)), "does not fit the action's size"),
        (changed(POLICY, goal_size=24), "normaliser does not fit"),
        (changed(POLICY, mean=POLICY.mean.astype(np.float64)), "is float64, expected float32"),
        (changed(POLICY, weights=(), biases=()), "wrong tensors"),
    ],
)
def test_what_does_not_fit_together_is_named(data: bytes, message: str) -> None:
    with pytest.raises(PolicyFileError, match=message):
        policy_from_bytes(data)


def edited(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    description = json.loads(path.read_text())
    edit(description)
    path.write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(format_version=3), "format 3, .* update this software"),
        (lambda d: d.update(weights_sha256="0" * 64), "copy both files again"),
        (lambda d: d.pop("algorithm"), "no 'algorithm'"),
        (lambda d: d.update(metrics=3), "'metrics' is 3"),
        (lambda d: d["contract"]["task"].update(control_hz=-1.0), "contract.task.control_hz"),
        (lambda d: d["contract"]["task"].update(control_hz=25.0), "another contract"),
        (lambda d: d.update(contract=None), "another contract"),
    ],
)
def test_a_description_that_does_not_fit_is_named(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], message: str
) -> None:
    save_policy(tmp_path, make_file())
    edited(tmp_path / "policy.json", edit)
    with pytest.raises(PolicyFileError, match=message) as caught:
        read_policy(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_newer_format_of_weights_is_named() -> None:
    data = policy_to_bytes(make_policy()).replace(b'format_version\\":2', b'format_version\\":9')
    with pytest.raises(PolicyFileError, match=r"format 9, .* update this software"):
        policy_from_bytes(data)


@pytest.mark.parametrize("missing", ["policy.json", "policy.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    save_policy(tmp_path, make_file())
    (tmp_path / missing).unlink()
    with pytest.raises(PolicyFileError, match=f"{missing}: cannot be read"):
        read_policy(tmp_path)


def test_a_policy_refuses_other_sizes() -> None:
    with pytest.raises(ValueError, match="takes 20 observations and 3 goal values, was given 20"):
        make_policy().act(np.zeros(20, np.float32))
