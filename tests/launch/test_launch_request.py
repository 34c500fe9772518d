from __future__ import annotations

from pathlib import Path

import pytest

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.packages import Packages
from robot_learning.launch.request import parse_arguments, parse_request


@pytest.fixture
def shared_file(prefix: Path) -> Path:
    file = prefix / "share" / "demo_pkg" / "launch" / "demo.launch.xml"
    file.parent.mkdir()
    file.write_text("<launch/>")
    return file


def test_a_file_is_found_by_path(tmp_path: Path, environment: dict[str, str]) -> None:
    file = tmp_path / "a.launch.xml"
    file.write_text("<launch/>")
    request = parse_request([str(file), "a:=1", "b:=x:=y", "a:=2"], environment)
    assert request.file == file
    assert request.arguments == {"a": "2", "b": "x:=y"}


def test_a_file_is_found_anywhere_below_the_share_of_its_package(
    shared_file: Path, environment: dict[str, str]
) -> None:
    request = parse_request(["demo_pkg", "demo.launch.xml", "a:=1"], environment)
    assert request.file == shared_file
    assert request.arguments == {"a": "1"}


def test_a_file_that_a_package_does_not_have_names_those_it_has(
    shared_file: Path, environment: dict[str, str]
) -> None:
    with pytest.raises(LaunchError, match=r"no launch file 'dem\.launch\.xml'; did you mean demo"):
        parse_request(["demo_pkg", "dem.launch.xml"], environment)


def test_a_file_that_a_package_has_twice_is_refused(
    shared_file: Path, environment: dict[str, str]
) -> None:
    (shared_file.parents[1] / shared_file.name).write_text("<launch/>")
    with pytest.raises(LaunchError, match="more than one"):
        parse_request(["demo_pkg", "demo.launch.xml"], environment)


def test_a_path_that_is_not_there_names_a_near_one(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "sim_train.launch.xml").write_text("<launch/>")
    with pytest.raises(LaunchError, match=r"no such launch file; did you mean .*sim_train\.launch"):
        parse_request([str(tmp_path / "sim_trian.launch.xml"), "a:=1"], environment)


def test_a_package_that_is_not_there_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(LaunchError, match="package 'demo_pgk' not found; did you mean demo_pkg"):
        parse_request(["demo_pgk", "a.launch.xml"], environment)


@pytest.mark.parametrize("word", ["a", "a=1", ":=1", "a:="])
def test_words_that_are_no_arguments_are_refused(word: str) -> None:
    with pytest.raises(LaunchError, match="not of the form name:=value"):
        parse_arguments([word])


def test_the_first_prefix_that_has_a_package_counts(prefix: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    path = f"{other}::{prefix}"
    assert Packages({"AMENT_PREFIX_PATH": path}).share("demo_pkg") == prefix / "share/demo_pkg"
    index = other / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "demo_pkg").touch()
    assert Packages({"AMENT_PREFIX_PATH": path}).share("demo_pkg") == other / "share/demo_pkg"


def test_sources_answer_for_share_folders_before_the_build(prefix: Path, tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "new_pkg").mkdir(parents=True)
    (source / "demo_pkg").mkdir()
    packages = Packages({"AMENT_PREFIX_PATH": str(prefix)}, source)
    assert packages.share("new_pkg") == source / "new_pkg"
    assert packages.share("demo_pkg") == prefix / "share" / "demo_pkg"
    with pytest.raises(LaunchError, match="make setup"):
        packages.executable("new_pkg", "node")


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_odd_package_names_are_not_found(prefix: Path, name: str) -> None:
    with pytest.raises(LaunchError, match="not found"):
        Packages({"AMENT_PREFIX_PATH": str(prefix)}).share(name)


def test_an_executable_must_be_a_file_that_may_run(prefix: Path) -> None:
    (prefix / "lib" / "demo_pkg" / "notes").write_text("")
    with pytest.raises(LaunchError, match="no executable 'notes'"):
        Packages({"AMENT_PREFIX_PATH": str(prefix)}).executable("demo_pkg", "notes")
