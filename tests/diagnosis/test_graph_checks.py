from __future__ import annotations

import os
from pathlib import Path

import pytest

from robot_learning import workspace
from robot_learning.contract.load import config_dir
from robot_learning.diagnosis.check import Check, Status
from robot_learning.diagnosis.graph import (
    check_graph,
    check_profile,
    check_shared_memory,
    judge_probe,
)

SOUND = {"rclpy": "/ros/rclpy", "version": "7.1.6", "rmw": "rmw_fastrtps_cpp", "nodes": []}


def judged(**changes: object) -> dict[str, Check]:
    return {check.name: check for check in judge_probe({**SOUND, **changes}, {})}


def test_a_sound_probe_is_ok_throughout() -> None:
    assert {check.status for check in judged().values()} == {Status.OK}


@pytest.mark.parametrize(
    ("changes", "name", "status"),
    [
        ({"rclpy_error": "ImportError: librcl.so"}, "rclpy", Status.FAIL),
        ({"version": "3.3.15"}, "rclpy", Status.WARN),
        ({"interfaces_error": "ModuleNotFoundError: no"}, "workspace", Status.FAIL),
        ({"rmw_error": "RCLError: no rmw"}, "middleware", Status.FAIL),
        ({"rmw": "rmw_cyclonedds_cpp"}, "middleware", Status.WARN),
        ({"nodes": ["/a", "/b", "/c", "/d"]}, "domain", Status.WARN),
    ],
)
def test_each_fault_is_found_under_its_name(
    changes: dict[str, object], name: str, status: Status
) -> None:
    assert judged(**changes)[name].status is status


def test_a_busy_domain_names_its_nodes_and_the_domain() -> None:
    (domain,) = (
        check
        for check in judge_probe({**SOUND, "nodes": ["/x/sim"]}, {"ROS_DOMAIN_ID": "7"})
        if check.name == "domain"
    )
    assert domain.fact == "7 has 1 other nodes: /x/sim"
    assert "ROS_DOMAIN_ID" in domain.mend


def test_a_workspace_that_is_not_built_fails_with_the_command_that_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "workspace_dir", lambda: tmp_path)
    (check,) = check_graph({"PATH": "/usr/bin:/bin"})
    assert (check.name, check.status, check.mend) == ("workspace", Status.FAIL, "run: make setup")


def test_the_shipped_profile_is_sound() -> None:
    check = check_profile(config_dir() / "fastdds_shm.xml")
    assert check.status is Status.OK
    assert "32 MiB" in check.fact


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (None, Status.FAIL, "No such file"),
        ("<dds><profiles></dds>", Status.FAIL, "broken XML"),
        ("<dds/>", Status.WARN, "no shared-memory segment"),
    ],
)
def test_a_profile_that_does_not_serve_says_why(
    tmp_path: Path, text: str | None, status: Status, said: str
) -> None:
    path = tmp_path / "profile.xml"
    if text is not None:
        path.write_text(text)
    check = check_profile(path)
    assert check.status is status
    assert said in check.fact


def test_small_shared_memory_warns_and_leftovers_are_named_first(tmp_path: Path) -> None:
    segment = tmp_path / "fastrtps_00000000000000bb"
    segment.touch()
    os.utime(segment, (0, 0))
    check = check_shared_memory(tmp_path, free_bytes=64_000_000)
    assert check.status is Status.WARN
    assert "1 segments of dead processes" in check.fact
    assert check.mend.startswith("start any graph: its nodes clear them")
    assert check_shared_memory(tmp_path, free_bytes=2_000_000_000).status is Status.OK


def test_missing_shared_memory_fails(tmp_path: Path) -> None:
    assert check_shared_memory(tmp_path / "shm").status is Status.FAIL
