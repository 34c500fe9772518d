from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
from pathlib import Path

import pytest
from bootstrap import disk, stages
from bootstrap.commands import Console, Runner
from bootstrap.errors import SetupError
from bootstrap.lock_file import locked
from bootstrap.ros import RosSource
from bootstrap.stages import Lanes, Stage, plan
from bootstrap.stamps import Stamps
from bootstrap.venv import Venv

WHEELS, JAZZY = RosSource(None), RosSource("/opt/ros/jazzy")

LIBRARY = {"wheels", "project", "first-import", "dev"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("requirements", "requirements-ros", "requirements-dev", "requirements-torch"):
        (tmp_path / f"{name}.lock").write_text("x")
    (tmp_path / "pyproject.toml").touch()
    source = tmp_path / "ros2_ws" / "src" / "interfaces" / "msg"
    source.mkdir(parents=True)
    (source / "A.msg").write_text("int32 x\n")
    return tmp_path


def planned(
    root: Path, *, ros: RosSource = WHEELS, dev: bool = False, version: str = "3.11.7", **env: str
) -> Lanes:
    venv = Venv(root / ".venv", version, root, root / ".venv" / "lib")
    runner = Runner(env, root, root / "logs", Console())
    return plan(root, ros, venv, runner, Stamps(root / ".venv" / ".setup"), dev=dev)


def names(lanes: Lanes) -> list[str]:
    return [stage.name for stage in lanes.all]


def changed(before: Lanes, after: Lanes) -> set[str]:
    keys = {stage.name: stage.key for stage in before.all}
    return {stage.name for stage in after.all if keys.get(stage.name) != stage.key}


def test_an_installation_of_ros_gets_no_ros_wheel(root: Path) -> None:
    assert "ros-wheels" in names(planned(root))
    assert "ros-wheels" not in names(planned(root, ros=JAZZY))


def test_test_tools_are_installed_only_for_the_tests(root: Path) -> None:
    assert "dev" not in names(planned(root))
    assert "dev" in names(planned(root, dev=True))


def test_the_room_that_is_asked_for_is_of_stages_that_there_are(root: Path) -> None:
    assert set(disk.NEEDS_MB) <= set(names(planned(root, dev=True)))


@pytest.mark.parametrize(
    ("file", "stages_due"),
    [
        ("ros2_ws/src/interfaces/msg/A.msg", {"workspace"}),
        ("launch/new.launch.xml", {"workspace"}),
        ("pyproject.toml", {"project"}),
        ("requirements-dev.lock", {"dev"}),
        ("requirements.lock", LIBRARY),
        ("requirements-torch.lock", {"torch", *LIBRARY}),
        ("requirements-ros.lock", {"ros-wheels", "workspace", *LIBRARY}),
    ],
)
def test_a_changed_file_is_acted_on_by_what_depends_on_it_alone(
    root: Path, file: str, stages_due: set[str]
) -> None:
    before = planned(root, dev=True)
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text("changed")
    assert changed(before, planned(root, dev=True)) == stages_due


def test_another_python_or_another_ros_does_everything_anew(root: Path) -> None:
    before = planned(root)
    assert changed(before, planned(root, version="3.12.1")) == set(names(before))
    assert changed(before, planned(root, ros=JAZZY)) == set(names(before)) - {"ros-wheels"}


def test_another_build_of_torch_is_installed(root: Path) -> None:
    after = planned(root, ROBOT_LEARNING_TORCH="default")
    assert changed(planned(root), after) == {"torch", *LIBRARY} - {"dev"}


def fake_lanes(log: list[str], fail: str = "") -> Lanes:
    def stage(name: str) -> Stage:
        async def run() -> None:
            log.append(f"{name} begins")
            await asyncio.sleep(0)
            if name == fail:
                raise SetupError(f"{name} failed")
            log.append(f"{name} ends")

        return Stage(name, name, f"key of {name}", run)

    return Lanes(
        ros_wheels=(stage("ros-wheels"),),
        workspace=stage("workspace"),
        torch=stage("torch"),
        python=(stage("wheels"), stage("project")),
    )


def run(lanes: Lanes, due: list[Stage], stamps: Stamps) -> None:
    asyncio.run(stages._run_lanes(lanes, due, stamps, Console()))


def test_the_workspace_is_built_while_library_wheels_are_installed(tmp_path: Path) -> None:
    log: list[str] = []
    lanes, stamps = fake_lanes(log), Stamps(tmp_path)
    run(lanes, list(lanes.all), stamps)
    assert log.index("ros-wheels ends") < log.index("workspace begins")
    assert log.index("workspace begins") < log.index("wheels ends")
    assert log.index("wheels begins") < log.index("workspace ends")
    assert log.index("ros-wheels ends") < log.index("wheels begins")
    assert all(stamps.matches(stage.name, stage.key) for stage in lanes.all)


def test_a_failed_stage_has_no_stamp_and_what_was_done_keeps_its_own(tmp_path: Path) -> None:
    log: list[str] = []
    lanes, stamps = fake_lanes(log, fail="wheels"), Stamps(tmp_path)
    with pytest.raises(SetupError, match="wheels failed"):
        run(lanes, list(lanes.all), stamps)
    assert stamps.matches("ros-wheels", "key of ros-wheels")
    assert not stamps.matches("wheels", "key of wheels")
    assert "project begins" not in log


def test_only_what_is_due_runs(tmp_path: Path) -> None:
    log: list[str] = []
    lanes = fake_lanes(log)
    run(lanes, [lanes.workspace], Stamps(tmp_path))
    assert log == ["workspace begins", "workspace ends"]


def test_a_workspace_that_someone_deleted_is_built_again(root: Path) -> None:
    stamps = Stamps(root / ".venv" / ".setup")
    stage = planned(root).workspace
    stamps.finish(stage.name, stage.key)
    assert not stages._done(root, stage, stamps)
    (root / "ros2_ws" / "install").mkdir()
    (root / "ros2_ws" / "install" / "setup.bash").touch()
    assert stages._done(root, stage, stamps)


def test_one_setup_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / ".cache" / "setup.lock"
    with locked(path, print):
        other = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_a_child_that_outlives_a_killed_setup_keeps_the_next_one_waiting(tmp_path: Path) -> None:
    path = tmp_path / "setup.lock"
    with locked(path, print) as descriptor:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    other = os.open(path, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    child.communicate()
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
