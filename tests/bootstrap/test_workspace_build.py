from __future__ import annotations

from pathlib import Path

import pytest
from bootstrap.errors import SetupError
from bootstrap.workspace_build import check_compiler, prepare_build


def build(workspace: Path, key: str = "k") -> None:
    with prepare_build(workspace, key):
        (workspace / "build" / "CMakeCache.txt").write_text("half")
        (workspace / "install").mkdir(exist_ok=True)


def cache(workspace: Path) -> Path:
    return workspace / "build" / "CMakeCache.txt"


def test_a_finished_build_is_gone_on_from(tmp_path: Path) -> None:
    build(tmp_path)
    with prepare_build(tmp_path, "k"):
        assert cache(tmp_path).exists()


def test_a_build_that_failed_is_gone_on_from(tmp_path: Path) -> None:
    with pytest.raises(SetupError), prepare_build(tmp_path, "k"):
        cache(tmp_path).touch()
        raise SetupError("a message does not compile")
    with prepare_build(tmp_path, "k"):
        assert cache(tmp_path).exists()


def test_a_build_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), prepare_build(tmp_path, "k"):
        cache(tmp_path).touch()
        raise KeyboardInterrupt
    with prepare_build(tmp_path, "k"):
        assert not cache(tmp_path).exists()


def test_a_build_for_another_ros_or_python_is_begun_anew(tmp_path: Path) -> None:
    build(tmp_path, "wheels of 3.11")
    with prepare_build(tmp_path, "wheels of 3.12"):
        assert not cache(tmp_path).exists()
        assert not (tmp_path / "install").exists()


def program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_a_missing_compiler_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no C compiler.*apt install build-essential"):
        check_compiler({"PATH": str(tmp_path)})
    program(tmp_path, "cc")
    with pytest.raises(
        SetupError, match=r"no C\+\+ compiler found \(looked for c\+\+, g\+\+, clang"
    ):
        check_compiler({"PATH": str(tmp_path)})
    program(tmp_path, "clang++")
    check_compiler({"PATH": str(tmp_path)})


def test_a_compiler_that_the_user_names_must_exist(tmp_path: Path) -> None:
    program(tmp_path, "cc")
    program(tmp_path, "g++")
    with pytest.raises(SetupError, match=r"looked for g\+\+-99"):
        check_compiler({"PATH": str(tmp_path), "CXX": "g++-99"})
    check_compiler({"PATH": str(tmp_path), "CXX": "g++ -m64"})
