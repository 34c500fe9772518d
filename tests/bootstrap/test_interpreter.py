from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bootstrap.errors import SetupError
from bootstrap.interpreter import Interpreter, choose, probe


def interpreter(version: tuple[int, int, int], *, headers: bool = True, venv: bool = True):
    return Interpreter("/usr/bin/" + ".".join(map(str, version)), version, headers, venv)


def test_the_first_complete_interpreter_of_a_supported_version_is_chosen() -> None:
    known = {
        "a": None,
        "b": interpreter((3, 13, 0)),
        "c": interpreter((3, 11, 2), headers=False),
        "d": interpreter((3, 12, 1)),
        "e": interpreter((3, 11, 7)),
    }
    assert choose(known, known.__getitem__) is known["d"]


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 13, 0), (2, 7, 18)])
def test_an_unsupported_version_is_refused_naming_what_was_seen(
    version: tuple[int, int, int],
) -> None:
    text = ".".join(map(str, version))
    with pytest.raises(SetupError, match=rf"3\.11 or 3\.12 is needed \(python3 is {text}\)"):
        choose(["python3"], lambda _: interpreter(version))


def test_no_interpreter_at_all_names_what_was_looked_for() -> None:
    with pytest.raises(SetupError, match=r"no python3\.11, no python3\.12, no python3"):
        choose(ask=lambda _: None)


def test_missing_headers_name_the_package_to_install() -> None:
    with pytest.raises(SetupError, match=r"Python\.h.*apt install python3\.11-dev"):
        choose(["python3"], lambda _: interpreter((3, 11, 7), headers=False))


def test_a_missing_venv_module_names_the_package_to_install() -> None:
    with pytest.raises(SetupError, match=r"ensurepip.*apt install python3\.12-venv"):
        choose(["python3"], lambda _: interpreter((3, 12, 1), venv=False))


def test_probing_this_interpreter_tells_its_version() -> None:
    answer = probe(sys.executable)
    assert answer is not None
    assert answer.version == sys.version_info[:3]


def test_a_command_that_fails_counts_as_absent(tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'not active' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert probe(str(shim)) is None
    assert probe(str(tmp_path / "absent")) is None
