"""`robot-learning launch` as it is typed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from robot_learning.commands import launch as launch_module
from robot_learning.workspace import WorkspaceError

CONTENT = """
<arg name="mode" default="fast" description="How.">
  <choice value="fast"/><choice value="slow"/></arg>
<arg name="robot"/>
<include file="$(dirname)/sub.launch.xml"/>
<node pkg="demo_pkg" exec="talker" name="demo" output="screen">
  <param name="robot" value="$(var robot)"/><env name="MODE" value="$(var mode)"/>
</node>
<timer period="2"><node pkg="nodes" exec="later" if="false"/></timer>
"""


@pytest.fixture
def environment_of(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> dict[str, str]:
    """The graph's environment, as if the workspace were built."""

    def graph_environment(domain_id: int | None = None) -> dict[str, str]:
        if domain_id is not None and domain_id > 101:
            raise ValueError("ROS domain 200 is not in 0..101")
        domain = {} if domain_id is None else {"ROS_DOMAIN_ID": str(domain_id)}
        return {**environment, **domain}

    monkeypatch.setattr(launch_module, "graph_environment", graph_environment)
    return environment


@pytest.fixture
def file(launch_file: Callable[..., Path]) -> Path:
    launch_file('<arg name="deep" default="$(env HOME)"/>', "sub.launch.xml")
    return launch_file(CONTENT)


def run(*words: object) -> Result:
    app = typer.Typer()
    app.command()(launch_module.launch)
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.usefixtures("environment_of")
def test_show_args_lists_arguments_with_defaults_and_choices(file: Path) -> None:
    text = run("-s", file).stdout
    assert "mode  (default: 'fast')" in text
    assert "How." in text
    assert "one of: fast, slow" in text
    assert "robot  (must be given)" in text
    assert "deep  (default: '$(env HOME)')" in text


@pytest.mark.usefixtures("environment_of")
def test_show_args_as_json(file: Path) -> None:
    content = json.loads(run("--show-args", file, "--json").stdout)
    assert [(a["name"], a["required"]) for a in content["arguments"]] == [
        ("mode", False),
        ("robot", True),
        ("deep", False),
    ]


@pytest.mark.usefixtures("environment_of")
def test_print_shows_what_would_be_started(file: Path, tmp_path: Path) -> None:
    result = run("-p", file, "robot:=panda", "--log-dir", tmp_path / "log")
    assert result.exit_code == 0
    assert "talker-1  node /demo" in result.stdout
    assert "--ros-args -r __node:=demo --params-file" in result.stdout
    assert "robot: panda" in result.stdout
    assert "MODE=fast" in result.stdout
    assert not (tmp_path / "log").exists()


@pytest.mark.usefixtures("environment_of")
def test_print_as_json(file: Path) -> None:
    content = json.loads(run("-p", "--json", file, "robot:=panda", "mode:=slow").stdout)
    (step,) = content["steps"]
    assert step["node"] == "/demo"
    assert step["environment"] == {"MODE": "slow"}
    assert step["command"][1:4] == ["--ros-args", "-r", "__node:=demo"]
    assert content["variables"]["robot"] == "panda"


def test_print_works_before_the_build(
    launch_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_built(_domain: int | None) -> dict[str, str]:
        raise WorkspaceError("the ROS 2 workspace is not built; run: make setup")

    monkeypatch.setattr(launch_module, "graph_environment", not_built)
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    file = launch_file('<node pkg="nodes" exec="sim"/>')
    result = run("-p", file)
    assert result.exit_code == 0
    assert "MISSING: package 'nodes' not found" in result.stdout
    result = run(file)
    assert result.exit_code == 2
    assert "not built; run: make setup" in result.stderr


@pytest.mark.usefixtures("environment_of")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mode:=fast"], "argument 'robot' must be given"),
        (["robot:=a", "mode:=quick"], "argument 'mode' is 'quick'; expected one of: fast, slow"),
        (["robot:=a", "moed:=fast"], "no argument 'moed'; did you mean mode?"),
        (["robot"], "no such launch file"),
        (["robot:=a", "--domain", "200"], "--domain: ROS domain 200 is not in 0..101"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(file: Path, words: list[str], message: str) -> None:
    first = "nope.launch.xml" if words == ["robot"] else file
    result = run("-p", first, *(word for word in words if word != "robot"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert message in result.stderr


@pytest.mark.usefixtures("environment_of")
def test_run_gives_the_exit_code_and_one_json_object(
    launch_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = launch_file(
        '<executable cmd="sh -c \'echo $ROS_DOMAIN_ID; exit 4\'" name="job" output="screen"/>'
    )
    result = run(file, "--json", "--domain", "7", "--log-dir", tmp_path / "log")
    assert result.exit_code == 4
    assert "[job-1] 7" in result.stderr
    content = json.loads(result.stdout)
    assert content["exit_code"] == 4
    assert content["failed"] == "job-1"
    assert content["processes"] == [{"name": "job-1", "exit_code": 4, "respawns": 0}]
    assert Path(content["log_dir"]) == tmp_path / "log"


@pytest.mark.usefixtures("environment_of")
def test_logs_go_to_a_new_folder_each_time(
    launch_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = launch_file("<executable cmd='true'/>")
    assert run(file).exit_code == 0
    assert run(file).exit_code == 0
    assert len(list((tmp_path / "runs" / "log").iterdir())) == 2


def test_launches_that_start_in_the_same_second_do_not_share_their_parameter_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch_module.time, "strftime", lambda _: "now")
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: launch_module._new_log_dir(), range(40)))
    assert len(set(folders)) == 40 and all(folder.is_dir() for folder in folders)


@pytest.mark.usefixtures("environment_of")
def test_where_no_log_can_be_kept_nothing_is_started(
    launch_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file")
    result = run(launch_file("<executable cmd='touch started'/>"))
    assert result.exit_code == 2 and "choose another by --log-dir" in result.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.usefixtures("environment_of")
def test_show_all_shows_output_that_would_be_hidden(
    launch_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = launch_file("<executable cmd='echo shown' name='a'/>")
    assert "[a-1] shown" not in run(file, "--log-dir", tmp_path / "l1").stdout
    assert "[a-1] shown" in run("-a", file, "--log-dir", tmp_path / "l2").stdout


def test_the_environment_of_the_process_is_not_changed(file: Path) -> None:
    before = dict(os.environ)
    run("-p", file, "robot:=a")
    assert dict(os.environ) == before


@pytest.mark.usefixtures("environment_of")
def test_a_malformed_robot_is_refused_before_anything_is_started(
    launch_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = launch_file(
        '<arg name="robot" default="panda"/><arg name="task" default="reach"/>'
        '<executable cmd="sh -c \'echo never\'" output="screen"/>'
    )
    robot = tmp_path / "mine.yaml"
    robot.write_text("nmae: mine\n")
    result = run(file, f"robot:={robot}", "--log-dir", tmp_path / "log")
    assert result.exit_code == 2
    assert f"robot-learning launch: {robot}:1: nmae: unknown key; did you mean name?" in (
        result.stderr
    )
    assert "never" not in result.stdout and not (tmp_path / "log").exists()
