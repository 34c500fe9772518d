"""docker/: what every service must have and none may, and that what the files name is there.

No image is built here: that needs a Docker engine.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from robot_learning.cli import app
from robot_learning.launch.describe import arguments_of

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKER = REPOSITORY / "docker"
INTERPOLATED = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
FLAGS = re.compile(r"--[a-z-]+")


def interpolated(text: str, values: dict[str, str]) -> str:
    """As compose does it, for the forms that are used here."""

    def one(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if values.get(name):
            return values[name]
        assert kind == "-", f"{match.group()}: needs a value"
        return rest

    return INTERPOLATED.sub(one, text)


def compose(name: str = "compose.yaml", **values: str) -> dict[str, Any]:
    return yaml.safe_load(interpolated((DOCKER / name).read_text(), values))


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their words, continuation lines joined."""
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    joined = text.replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]  # type: ignore[misc]


SERVICES = compose()["services"]


def test_every_part_of_a_robots_work_has_a_profile() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items()} == {
        name: [name] for name in ("sim", "robot", "teleop", "camera", "learner")
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_shares_network_and_memory_and_is_stopped_gently(name: str) -> None:
    service = SERVICES[name]
    assert service["network_mode"] == "host" and service["ipc"] == "host"
    assert service["init"] is True and service["stop_signal"] == "SIGINT"
    assert int(service["stop_grace_period"].removesuffix("s")) >= 20
    assert "../runs:/opt/robot-learning/runs" in service["volumes"]
    assert service["environment"]["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert "privileged" not in service and "cap_add" not in service and "ports" not in service
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's, who is not root
    mounted = [volume.partition(":")[0] for volume in service["volumes"]]
    assert not [
        path for path in mounted if path.startswith(("/dev", "/var", "/etc")) or path == "/"
    ]


def test_devices_are_single_files_by_name() -> None:
    devices = {name: service.get("devices", []) for name, service in SERVICES.items()}
    assert {name for name, found in devices.items() if found} == {"teleop", "camera"}
    for found in devices.values():
        for device in found:
            outside, inside = device.split(":")
            assert re.fullmatch(r"/dev/(input|v4l)/by-id/[\w-]+", outside)
            assert re.fullmatch(r"/dev/\w+", inside)
    chosen = compose(TELEOP_PATH="/dev/hidraw3", TELEOP_DEVICE="spacemouse")["services"]["teleop"]
    assert chosen["devices"] == ["/dev/hidraw3:/dev/teleop"]
    assert "device:=spacemouse" in chosen["command"]


@pytest.mark.parametrize("name", ["sim", "robot", "teleop", "camera"])
def test_a_launch_file_and_its_arguments_are_there(name: str) -> None:
    program, verb, file, *arguments = SERVICES[name]["command"]
    assert (program, verb) == ("robot-learning", "launch")
    known = {argument.name for argument in arguments_of(REPOSITORY / file, {})}
    assert {argument.partition(":=")[0] for argument in arguments} <= known


@pytest.mark.parametrize("name", SERVICES)
def test_a_command_is_words_alone(name: str) -> None:
    assert all(isinstance(word, str) for word in SERVICES[name]["command"])  # compose refuses 12000


def test_the_learners_command_is_one_that_there_is() -> None:
    program, *words = SERVICES["learner"]["command"]
    assert program == "robot-learning" and words[0] == "train"
    shown = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).output
    assert {word for word in words if FLAGS.fullmatch(word)} <= set(FLAGS.findall(shown))


def test_a_robot_is_not_driven_by_a_contract_that_nobody_named() -> None:
    assert "robot:=" in SERVICES["robot"]["command"]  # empty: refused at start


@pytest.mark.parametrize("name", ["compose.gpu.yaml", "compose.security.yaml"])
def test_what_is_laid_over_changes_services_that_there_are(name: str) -> None:
    over = compose(name, KEYSTORE="/keys")["services"]
    assert set(over) <= set(SERVICES)
    assert "privileged" not in str(over)


def test_with_sros2_a_graph_without_keys_does_not_start() -> None:
    with pytest.raises(AssertionError, match="needs a value"):
        compose("compose.security.yaml")
    robot = compose("compose.security.yaml", KEYSTORE="/keys")["services"]["robot"]
    assert robot["environment"]["ROS_SECURITY_STRATEGY"] == "Enforce"
    assert robot["environment"]["ROS_SECURITY_ENABLE"] == "true"
    assert robot["volumes"] == ["/keys:/keystore:ro"]


def test_everything_that_is_copied_is_there_and_not_ignored() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = [words for name, words in instructions() if name == "COPY" and "--from" not in words]
    assert len(copied) >= 7
    for words in copied:
        for source in words.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
            assert source.split("/")[0] in let_in, source


def test_the_stages_build_on_each_other_and_pybullet_has_one_of_its_own() -> None:
    stages: dict[str, str] = {}
    for name, words in instructions():
        if name == "FROM":
            source, _, stage = words.split()
            assert source == "${ROS_IMAGE}" or source in stages
            stages[stage] = source
        if "--from=" in words and name == "COPY":
            assert words.partition("--from=")[2].split()[0] in stages
    assert list(stages)[-1] == "runtime" and stages["runtime"] == "base"
    assert "pybullet" in stages
    text = (DOCKER / "Dockerfile").read_text()
    assert "ARG ROS_IMAGE=ros:jazzy-ros-base\n" in text


def test_the_image_is_stopped_as_compose_stops_it_and_is_not_root() -> None:
    last = instructions()[-12:]
    assert ("STOPSIGNAL", "SIGINT") in last
    assert ("USER", "${UID}:${GID}") in last
    assert not [words for name, words in instructions() if name == "USER" and "root" in words]


def test_the_python_of_the_image_is_one_that_the_project_is_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    low, high = re.findall(r"3\.(\d+)", project["requires-python"])
    assert int(low) <= 12 < int(high)  # Ubuntu 24.04's
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert re.search(r"^pybullet==[\d.]+ \\$", lock, re.MULTILINE)  # what the stage cuts out
