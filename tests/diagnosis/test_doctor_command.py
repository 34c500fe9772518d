from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from robot_learning.commands import doctor as command
from robot_learning.diagnosis.check import Check, Status, fail, ok, warn

SOUND = [ok("Python", "3.11.7"), warn("memory", "1.0 GB available", "close programs")]
BROKEN = [*SOUND, fail("workspace", "[x] is not built", "run: make setup")]


def run(monkeypatch: pytest.MonkeyPatch, checks: list[Check], *arguments: str):
    monkeypatch.setattr(command, "examine", lambda: iter(checks))
    app = typer.Typer()
    app.command()(command.doctor)
    return CliRunner().invoke(app, arguments)


def test_warnings_alone_do_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, SOUND)
    assert result.exit_code == 0
    assert "1 ok, 1 warnings, 0 failed" in result.stdout


def test_a_failed_check_fails_the_command_and_shows_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = run(monkeypatch, BROKEN)
    assert result.exit_code == 1
    assert "-> run: make setup" in result.stdout
    assert "[x] is not built" in result.stdout


def test_json_is_one_object_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, BROKEN, "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert answer["checks"][0] == {
        "name": "Python",
        "status": "ok",
        "fact": "3.11.7",
        "mend": None,
    }
    assert [check["status"] for check in answer["checks"]] == ["ok", "warn", "fail"]


def test_status_words_are_those_that_scripts_rely_on() -> None:
    assert [status.value for status in Status] == ["ok", "warn", "fail"]
