from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from robot_learning import workspace
from robot_learning.contract import config_dir
from robot_learning.workspace import WorkspaceError, graph_environment, without_shared_memory

PATH = {"PATH": "/usr/bin:/bin"}
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace as colcon leaves one, with a setup file that sets what a real one does."""
    prefix = tmp_path / "install" / "robot_learning_interfaces"
    (prefix / "share" / "robot_learning_interfaces").mkdir(parents=True)
    (prefix / "share" / "robot_learning_interfaces" / "package.xml").touch()
    (prefix / "lib" / VERSION).mkdir(parents=True)
    (tmp_path / "install" / "setup.bash").write_text(
        f'echo chatter\nexport AMENT_PREFIX_PATH="{prefix}:$AMENT_PREFIX_PATH"\n'
        f'export LD_LIBRARY_PATH="{prefix}/lib:$LD_LIBRARY_PATH"\n'
    )
    monkeypatch.setattr(workspace, "workspace_dir", lambda: tmp_path)
    return tmp_path / "install"


def test_the_workspace_is_sourced_into_the_environment_that_was_given(install: Path) -> None:
    env = graph_environment(base={**PATH, "AMENT_PREFIX_PATH": "/opt/ros/jazzy", "ODD": "a\nb"})
    prefixes = env["AMENT_PREFIX_PATH"].split(os.pathsep)
    assert prefixes[:2] == [str(install / "robot_learning_interfaces"), "/opt/ros/jazzy"]
    assert env["ODD"] == "a\nb"
    assert "SHLVL" not in env


def test_the_profile_the_middleware_and_this_machine_alone_are_the_defaults(install: Path) -> None:
    env = graph_environment(base=PATH)
    assert Path(env["FASTRTPS_DEFAULT_PROFILES_FILE"]).is_file()
    assert env["RMW_IMPLEMENTATION"] == "rmw_fastrtps_cpp"
    assert env["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert "ROS_DOMAIN_ID" not in env


@pytest.mark.parametrize(
    ("asked", "profile"),
    [
        ({}, "fastdds_shm.xml"),
        ({"ROS_STATIC_PEERS": ""}, "fastdds_shm.xml"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, "fastdds_shm.xml"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, "fastdds_shm.xml"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, "fastdds_network.xml"),
        ({"ROS_STATIC_PEERS": "192.0.2.7"}, "fastdds_network.xml"),
    ],
)
def test_ports_are_on_loopback_unless_other_machines_are_asked_for(
    install: Path, asked: dict[str, str], profile: str
) -> None:
    chosen = Path(graph_environment(base={**PATH, **asked})["FASTRTPS_DEFAULT_PROFILES_FILE"])
    assert chosen.name == profile
    listed = ["127.0.0.1"] if profile == "fastdds_shm.xml" else []
    assert [node.text for node in ElementTree.parse(chosen).iter() if "address" in node.tag] == (
        listed
    )


def test_the_two_profiles_differ_in_where_they_listen_alone(install: Path) -> None:
    def elements(name: str) -> list[tuple[str, str]]:
        root = ElementTree.parse(config_dir() / name).getroot()
        for parent in root.iter():
            for child in [child for child in parent if child.tag.endswith("interfaceWhiteList")]:
                parent.remove(child)
        return [(node.tag, (node.text or "").strip()) for node in root.iter()]

    assert elements("fastdds_shm.xml") == elements("fastdds_network.xml")


@pytest.mark.parametrize("part", ["initialAnnouncements", "data_writer"])
def test_lost_announcements_and_messages_are_made_up_for_as_soon_in_every_profile(
    part: str,
) -> None:
    def said(name: str) -> list[tuple[str, str]]:
        tree = ElementTree.parse(config_dir() / name)
        (found,) = [node for node in tree.iter() if node.tag.endswith(f"}}{part}")]
        return [(node.tag, (node.text or "").strip()) for node in found.iter()]

    names = [path.name for path in config_dir().glob("fastdds_*.xml")]
    assert len(names) == 4
    assert len({tuple(said(name)) for name in names}) == 1


def test_who_stops_an_arm_shares_no_memory_and_listens_on_loopback_alone(install: Path) -> None:
    chosen = without_shared_memory(graph_environment(base=PATH))
    root = ElementTree.parse(chosen["FASTRTPS_DEFAULT_PROFILES_FILE"]).getroot()

    def texts(tag: str) -> list[str]:
        return [(node.text or "").strip() for node in root.iter() if node.tag.endswith(tag)]

    assert texts("}type") == ["UDPv4"]
    assert texts("}interfaceWhiteList") == [""] and set(texts("}address")) == {"127.0.0.1"}
    assert chosen["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "SUBNET"  # LOCALHOST would add shared memory


@pytest.mark.parametrize("wide", ["SUBNET", "SYSTEM_DEFAULT"])
def test_who_stops_an_arm_shares_no_memory_across_machines_either(install: Path, wide: str) -> None:
    env = graph_environment(base={**PATH, "ROS_AUTOMATIC_DISCOVERY_RANGE": wide})
    chosen = without_shared_memory(env)
    profile = Path(chosen["FASTRTPS_DEFAULT_PROFILES_FILE"])
    assert "SHM" not in profile.read_text() and profile.name == "fastdds_network_udp.xml"
    assert chosen["ROS_AUTOMATIC_DISCOVERY_RANGE"] == wide


@pytest.mark.parametrize(
    "own",
    [
        {"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"},
        {"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"},
        {"ROS_STATIC_PEERS": "192.0.2.7"},
    ],
)
def test_another_choice_than_ours_is_left_to_nodes_that_share_no_memory_too(
    install: Path, own: dict[str, str]
) -> None:
    env = graph_environment(base={**PATH, **own})
    assert without_shared_memory(env) == env


def test_what_a_person_has_set_stays(install: Path) -> None:
    own = {"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    env = graph_environment(base={**PATH, **own, "ROS_DOMAIN_ID": "5"})
    assert own.items() <= env.items()
    assert env["ROS_DOMAIN_ID"] == "5"
    assert graph_environment(7, {**PATH, "ROS_DOMAIN_ID": "5"})["ROS_DOMAIN_ID"] == "7"


@pytest.mark.parametrize("domain_id", [-1, 102, 232])
def test_a_domain_whose_ports_are_not_safe_is_refused(install: Path, domain_id: int) -> None:
    with pytest.raises(ValueError, match=r"not in 0\.\.101"):
        graph_environment(domain_id, PATH)


def test_the_callers_environment_is_not_changed(install: Path) -> None:
    base = dict(PATH)
    graph_environment(1, base)["MORE"] = "x"
    assert base == PATH
    assert "MORE" not in graph_environment(1, base)


def test_with_the_wheels_a_child_finds_their_libraries_without_starting_twice(
    install: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "uses_wheels", lambda: True)
    env = graph_environment(base={**PATH, "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"})
    libraries = env["LD_LIBRARY_PATH"].split(os.pathsep)
    assert libraries[0] == str(install / "robot_learning_interfaces" / "lib")
    assert str(Path(sys.prefix) / "lib") in libraries
    assert "" not in libraries  # an empty part means the current folder
    assert env["_ROS_WHEELS_BOOTSTRAP_COMPLETE"] == "1"
    assert env["RMW_IMPLEMENTATION"] == "rmw_fastrtps_cpp"


def test_with_an_installation_nothing_of_the_wheels_is_set(
    install: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "uses_wheels", lambda: False)
    env = graph_environment(base={**PATH, "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"})
    assert "_ROS_WHEELS_BOOTSTRAP_COMPLETE" not in env
    assert env["RMW_IMPLEMENTATION"] == "rmw_cyclonedds_cpp"


def test_a_workspace_that_is_not_built_is_one_clear_error(install: Path) -> None:
    (install / "robot_learning_interfaces").rename(install / "elsewhere")
    with pytest.raises(WorkspaceError, match=r"install: the ROS 2 workspace is not built; run: m"):
        graph_environment(base=PATH)


def test_a_workspace_built_elsewhere_and_sourced_is_used(install: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "robot_learning_interfaces"
    (install / "robot_learning_interfaces").rename(elsewhere)
    env = graph_environment(base={**PATH, "AMENT_PREFIX_PATH": str(elsewhere)})
    assert str(elsewhere) in env["AMENT_PREFIX_PATH"]


def test_a_workspace_for_another_python_is_refused(install: Path) -> None:
    lib = install / "robot_learning_interfaces" / "lib"
    (lib / VERSION).rename(lib / "python3.9")
    with pytest.raises(WorkspaceError, match=r"built for python3\.9, and this is python3.*setup"):
        graph_environment(base=PATH)


def test_a_setup_file_that_fails_is_named(install: Path) -> None:
    (install / "setup.bash").write_text("echo broken chain >&2\nfalse\n")
    with pytest.raises(WorkspaceError, match=r"setup\.bash: cannot be sourced: broken chain"):
        graph_environment(base=PATH)


@pytest.mark.graph
def test_a_process_of_the_graph_imports_rclpy_and_the_interfaces() -> None:
    code = (
        "import os, rclpy, robot_learning_interfaces.msg as m; "
        "rclpy.init(); rclpy.create_node('n'); print(m.__name__, os.environ['ROS_DOMAIN_ID'])"
    )
    env = graph_environment(41)
    answer = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert answer.stdout == "robot_learning_interfaces.msg 41\n", answer.stderr
