"""How imperfect a simulator is: what is refused, and what nobody must agree on."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from robot_learning.contract import Contract, differences, load_contract, require_same

RESPONSE = {"stiffness_1_s2": [400.0] * 7, "damping_1_s": [30.0] * 7}


def with_simulation(**settings: Any) -> Contract:
    data = load_contract("panda").model_dump(mode="json")
    data["robot"]["simulation"] |= settings
    return Contract.model_validate(data)


def test_the_hash_of_shipped_contracts_is_what_policies_were_trained_under() -> None:
    assert load_contract("panda", "reach").sha256.startswith("c349fc97d5b9")
    assert load_contract("fr3", "lift").sha256.startswith("901b24e536b6")
    assert load_contract("iiwa7", "push").sha256.startswith("b506e78ff84a")


def test_what_other_robots_have_is_unknown_to_the_hash_of_those_who_have_none() -> None:
    agreed = load_contract("panda").agreed()["robot"]
    assert set(agreed["gripper"]) == {"joint_names", "width_max_m", "speed_max_m_s", "force_max_n"}
    assert all("continuous" not in joint for joint in agreed["arm"]["joints"])


def test_how_a_knuckle_makes_a_width_is_agreed_on() -> None:
    data = load_contract("gen3").model_dump(mode="json")
    data["robot"]["gripper"]["knuckle"]["link_m"] = 0.06
    keys = [row[0] for row in differences(load_contract("gen3"), Contract.model_validate(data))]
    assert keys == ["robot.gripper.knuckle.link_m"]


def test_what_was_measured_of_an_arm_makes_no_policy_unusable() -> None:
    measured = with_simulation(
        control_delay_s=0.05,
        state_latency_s=0.01,
        position_noise_rad=1e-4,
        response=RESPONSE,
        randomisation={"control_delay_s": [0.04, 0.06], "stiffness_factor": [0.9, 1.1]},
    )
    require_same(load_contract("panda"), measured, "the policy")
    assert differences(load_contract("panda"), measured) == []


@pytest.mark.parametrize("key", ["model", "physics_hz"])
def test_another_model_or_step_is_another_contract(key: str) -> None:
    other = with_simulation(**{key: "iiwa7" if key == "model" else 120.0})
    assert [row[0] for row in differences(load_contract("panda"), other)] == [
        f"robot.simulation.{key}"
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"response": RESPONSE | {"stiffness_1_s2": [400.0] * 6}}, "at least 7"),
        ({"response": RESPONSE | {"stiffness_1_s2": [400.0] * 6 + [0.0]}}, "greater than 0"),
        ({"response": RESPONSE | {"stiffness_1_s2": [1e6] * 7}}, "above physics_hz squared"),
        ({"response": RESPONSE | {"coulomb_friction_rad_s2": [-1.0] * 7}}, "greater than or"),
        ({"response": RESPONSE | {"gain": [1.0] * 7}}, "Extra inputs"),
        ({"randomisation": {"stiffness_factor": [0.9, 1.1]}}, "which is not given"),
        (
            {"response": RESPONSE, "randomisation": {"stiffness_factor": [0.0, 1.1]}},
            "a factor of 0",
        ),
        ({"randomisation": {"control_delay_s": [0.2, 0.1]}}, "is no range"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        with_simulation(**settings)
