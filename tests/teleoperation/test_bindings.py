"""Bindings are strict, and say themselves on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from robot_learning.contract import ContractError, config_dir, load_contract
from robot_learning.control.tool_command import Grip, read_action
from robot_learning.teleoperation import (
    Bindings,
    GamepadBindings,
    KeyboardBindings,
    LeaderBindings,
    SpaceMouseBindings,
    Wish,
    load_bindings,
    to_action,
)

MODELS: dict[str, type[Bindings]] = {
    "keyboard": KeyboardBindings,
    "gamepad": GamepadBindings,
    "spacemouse": SpaceMouseBindings,
    "leader": LeaderBindings,
}


@pytest.mark.parametrize("device", MODELS)
def test_the_shipped_ones_load_and_every_control_is_on_the_screen(device: str) -> None:
    bindings = load_bindings(device, MODELS[device])
    lines = bindings.lines()
    assert lines[0] == bindings.title
    data = yaml.safe_load((config_dir() / "teleop" / f"{device}.yaml").read_text())
    controls = [*data.get("motion", {}), *data.get("grip", {}), *data["events"]]
    assert len(lines) >= 1 + len(controls)


@pytest.mark.parametrize(
    ("device", "change", "says"),
    [
        ("keyboard", {"motoin": {}}, "unknown key; did you mean motion"),
        ("keyboard", {"release": "w"}, "key 'w' is bound twice"),
        ("keyboard", {"release": "escpae"}, "'escpae' is no key"),
        ("keyboard", {"held_s": 0.0}, "held_s: Input should be greater than 0"),
        ("keyboard", {"events": {"1": "sucess"}}, "events.1"),
        ("gamepad", {"deadman": -1}, "deadman"),
        ("gamepad", {"deadzone": 1.0}, "deadzone"),
        ("spacemouse", {"axes": {"x": {"value": "tq"}}}, "axes.x.value"),
        ("leader", {"pedal": None}, "give one dead-man"),
        ("leader", {"device": "gamepad"}, "device"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(
    tmp_path: Path, device: str, change: dict[str, Any], says: str
) -> None:
    data = yaml.safe_load((config_dir() / "teleop" / f"{device}.yaml").read_text())
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(data | change))
    with pytest.raises(ContractError) as failed:
        load_bindings(file, MODELS[device])
    assert str(file) in str(failed.value) and says in str(failed.value)


def test_a_wish_is_an_action_of_the_tasks_kind() -> None:
    wish = Wish((0.5, -2.0, 0.0), 0.5, Grip.CLOSE)
    reach, grasp = load_contract().task.action, load_contract("panda", "bin_grasp").task.action
    assert to_action(reach, wish).tolist() == [0.5, -1.0, 0.0]
    lift = load_contract("panda", "lift").task.action
    for grip in Grip:
        action = to_action(lift, Wish((0.5, 0.0, 0.0), 0.0, grip)).astype(np.float64)
        assert action[0] == 0.5 and read_action(lift, action, 0.1).grip is grip
    action = to_action(grasp, wish).astype(np.float64)
    meant = read_action(grasp, action, 0.1)
    assert meant.spin_rad_s == pytest.approx(0.5 * grasp.turn_speed_max_rad_s, rel=1e-6)
    assert meant.grip is Grip.CLOSE and not meant.terminate
    still = read_action(grasp, to_action(grasp, Wish()).astype(np.float64), 0.1)
    assert not still.velocity_m_s.any() and still.spin_rad_s == 0.0 and still.grip is Grip.LEAVE
