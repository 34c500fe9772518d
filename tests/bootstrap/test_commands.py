from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from bootstrap import disk
from bootstrap.commands import Console, Runner
from bootstrap.errors import SetupError


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(dict(os.environ), tmp_path, tmp_path / "logs", Console())


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_output_goes_to_the_log_of_the_stage(runner: Runner) -> None:
    asyncio.run(runner.run("wheels", python("print('unpacking')")))
    assert "unpacking" in (runner.logs / "wheels.log").read_text()


def test_a_failure_names_the_stage_the_log_and_the_end_of_the_output(runner: Runner) -> None:
    code = "for i in range(100): print('line', i)\nraise SystemExit(3)"
    with pytest.raises(SetupError) as caught:
        asyncio.run(runner.run("wheels", python(code)))
    message = str(caught.value)
    assert message.startswith("wheels failed (exit status 3)")
    assert str(runner.logs / "wheels.log") in message
    assert "line 99" in message
    assert "line 50" not in message


def test_a_failure_on_a_disk_without_room_says_so_though_its_log_could_not_be_written(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_mb_at", lambda _: 600)
    with pytest.raises(SetupError, match="the disk is full, or nearly"):
        asyncio.run(runner.run("torch", python("print('Coll'); raise SystemExit(2)")))
    network = python("print('Read timed out'); raise SystemExit(2)")
    with pytest.raises(SetupError, match="no package index was reached"):
        asyncio.run(runner.run("torch", network))


def test_a_program_that_is_not_there_is_named(runner: Runner) -> None:
    with pytest.raises(SetupError, match=r"cannot run /no/such/program: No such file"):
        asyncio.run(runner.run("wheels", ["/no/such/program"]))


def test_the_next_command_is_tried_only_when_the_one_before_failed(runner: Runner) -> None:
    fails, works = python("raise SystemExit(1)"), python("print('second')")
    never = python("open('third', 'w')")
    asyncio.run(runner.run_first("torch", [fails, works, never]))
    assert "second" in (runner.logs / "torch.log").read_text()
    assert not (runner.cwd / "third").exists()


def test_a_cancelled_command_takes_its_children_with_it(runner: Runner, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    grandchild = "import os, time; open('pid.new', 'w').write(str(os.getpid())); "
    grandchild += "os.rename('pid.new', 'pid'); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {grandchild!r}])"

    async def cancel_once_running() -> None:
        task = asyncio.create_task(runner.run("workspace", python(code)))
        while not pid_file.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_dead(int(pid_file.read_text()))

    asyncio.run(cancel_once_running())


async def until_dead(pid: int) -> None:
    """Returns when the process is gone (or a zombie that its new parent has yet to collect)."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        await asyncio.sleep(0.01)
