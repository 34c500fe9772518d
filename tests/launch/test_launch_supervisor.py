"""Real processes: output, logs, ends, respawns and exit codes."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from robot_learning.launch import LaunchError, LaunchSession, run_launch, supervisor


class Run:
    """Runs launch files and keeps what they printed."""

    def __init__(self, launch_file: Callable[..., Path], log_dir: Path) -> None:
        self._launch_file = launch_file
        self.log_dir = log_dir
        self.screen = io.StringIO()
        self.lines: list[tuple[str, str]] = []

    def session(self, content: str) -> LaunchSession:
        return LaunchSession(
            self._launch_file(content),
            {},
            environment=dict(os.environ),
            log_dir=self.log_dir,
            on_line=lambda label, line: self.lines.append((label, line)),
            stream=self.screen,
        )

    def __call__(self, content: str) -> int:
        with self.session(content) as session:
            session.start()
            exit_code = session.poll(30.0)
        assert exit_code is not None, self.screen.getvalue()
        return exit_code

    def after(self, text: str, script: str, name: str, attributes: str = "") -> str:
        """A process that does something once the launcher has said something."""
        wait = f'until grep -q "{text}" {self.log_dir}/launch.log; do sleep 0.05; done'
        return shell(f"{wait}; {script}", name, attributes)

    @property
    def text(self) -> str:
        return self.screen.getvalue()

    def log(self, label: str) -> str:
        return (self.log_dir / f"{label}.log").read_text()


@pytest.fixture
def run(launch_file: Callable[..., Path], tmp_path: Path) -> Run:
    return Run(launch_file, tmp_path / "log")


def shell(script: str, name: str = "job", attributes: str = "") -> str:
    escaped = script.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return f"""<executable cmd="sh -c '{escaped}'" name="{name}" {attributes}/>"""


# Output


def test_output_screen_shows_both_streams_in_order_with_the_label(run: Run) -> None:
    assert run(shell("echo one; echo two >&2; printf last", attributes='output="screen"')) == 0
    shown = [line for line in run.text.splitlines() if line.startswith("[job-1]")]
    assert shown == ["[job-1] one", "[job-1] two", "[job-1] last"]


def test_output_log_goes_to_the_file_alone(run: Run) -> None:
    assert run(shell("echo hidden")) == 0
    assert "hidden" not in run.text
    assert "\nhidden\n" in run.log("job-1")


def test_every_line_reaches_the_callback(run: Run) -> None:
    run(shell("echo a; echo b", "x") + shell("printf c", "y"))
    assert sorted(run.lines) == [("x-1", "a"), ("x-1", "b"), ("y-2", "c")]


def test_bytes_that_are_no_text_and_long_lines_are_survived(run: Run) -> None:
    script = r"printf \\377\\n; head -c 300000 /dev/zero | tr \\000 a; echo; echo end"
    assert run(shell(script.replace("\\", "\\\\"), attributes='output="both"')) == 0
    assert ("job-1", "end") in run.lines
    assert sum(line.count("a") for _, line in run.lines) == 300_000
    assert "�" in run.lines[0][1]


def test_the_launchers_own_lines_are_kept(run: Run) -> None:
    run('<log message="hello there"/>')
    assert "[launch] hello there" in run.text
    assert "hello there" in run.log("launch")


def test_parameter_files_are_written_before_the_start(
    run: Run, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prefix / "lib" / "demo_pkg" / "talker").write_text('#!/bin/sh\ncat "$3"\n')
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(prefix))
    assert run('<node pkg="demo_pkg" exec="talker"><param name="a" value="1"/></node>') == 0
    assert [line for _, line in run.lines] == ["/**:", "  ros__parameters:", "    a: 1"]


# Exit codes


def test_all_well_is_zero(run: Run) -> None:
    assert run(shell("exit 0") + shell("sleep 0.1")) == 0
    assert "exit code 0" in run.text.splitlines()[-1]


def test_nothing_to_do_ends_at_once(run: Run) -> None:
    assert run("") == 0


def test_a_failure_is_named_and_the_others_go_on(run: Run) -> None:
    content = shell("echo why >&2; exit 3", "bad") + shell("sleep 0.5; echo still here", "good")
    assert run(content) == 3
    assert "[launch] bad-1 ended with exit code 3 after" in run.text
    assert "[bad-1] | why" in run.text
    assert str(run.log_dir / "bad-1.log") in run.text
    assert ("good-2", "still here") in run.lines
    assert "exit code 3 (bad-1)" in run.text.splitlines()[-1]


def test_the_first_failure_counts(run: Run) -> None:
    late = run.after("early-2 ended", "exit 4", "late")
    assert run(late + shell("exit 5", "early")) == 5


def test_a_signal_is_named_and_is_128_and_its_number(run: Run) -> None:
    assert run(shell("kill -SEGV $$", "crash")) == 128 + 11
    assert "crash-1 was killed by SIGSEGV" in run.text


def test_a_required_process_ends_everything(run: Run) -> None:
    content = shell("sleep 0.2; exit 7", "main", 'on_exit="shutdown"') + shell("exec sleep 60")
    assert run(content) == 7
    assert 'stopping: main-1 was required (on_exit="shutdown")' in run.text


def test_a_required_process_that_ends_well_is_zero(run: Run) -> None:
    content = shell("exit 0", "main", 'on_exit="shutdown"') + shell("exec sleep 60")
    assert run(content) == 0


def test_a_shutdown_of_the_file_is_zero(run: Run) -> None:
    content = shell("exec sleep 60") + '<timer period="0.2"><shutdown reason="enough"/></timer>'
    assert run(content) == 0
    assert "stopping: enough" in run.text


def test_nothing_of_a_later_timer_starts_after_a_shutdown(run: Run) -> None:
    content = (
        '<shutdown reason="enough"/><timer period="0.1">'
        + shell("echo late")
        + '</timer><timer period="0.1" cancel_on_shutdown="false"><log message="bye"/></timer>'
    )
    assert run(content) == 0
    assert run.lines == []
    assert "[launch] bye" in run.text


def test_a_program_whose_interpreter_is_missing_says_so(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    assert run(f'<executable cmd="{script}"/>') == 127
    assert "not found (or its interpreter is not)" in run.text


# Respawns


def test_a_respawned_process_does_not_make_the_launch_fail(run: Run, tmp_path: Path) -> None:
    again, enough = tmp_path / "again", tmp_path / "enough"
    second = f"test -e {again} && touch {enough} && exec sleep 60"
    content = shell(f"echo turn; {second}; touch {again}; exit 9", "phoenix", 'respawn="true"')
    watch = shell(f"until test -e {enough}; do sleep 0.05; done", "watch", 'on_exit="shutdown"')
    assert run(content + watch) == 0
    assert run.lines == [("phoenix-1", "turn")] * 2
    assert "phoenix-1 ended with exit code 9" in run.text
    assert "1 respawn(s)" in run.text.splitlines()[-1]
    assert run.log("phoenix-1").count("started, pid") == 2


def test_a_clean_end_is_respawned_too(run: Run) -> None:
    content = shell("echo turn", attributes='respawn="true" respawn_max_retries="2"')
    assert run(content) == 0
    assert len(run.lines) == 3


def test_after_the_last_retry_a_failure_counts(run: Run) -> None:
    assert run(shell("exit 6", attributes='respawn="true" respawn_max_retries="1"')) == 6


def test_what_was_started_wrongly_is_not_started_again(run: Run) -> None:
    wrong = shell("echo wrong; exit 2", "wrong", 'respawn="true"')
    assert run(wrong + shell("exec sleep 60")) == 2
    assert "stopping: wrong-1 was started wrongly (exit code 2)" in run.text
    assert run.log("wrong-1").count("started, pid") == 1


def test_a_respawn_waits_for_its_delay(run: Run) -> None:
    content = shell("echo turn", attributes='respawn="true" respawn_delay="30"')
    assert run(content + run.after("is respawned", "exit 0", "watch", 'on_exit="shutdown"')) == 0
    assert len(run.lines) == 1
    assert "respawned in 30.0 s" in run.text


@pytest.fixture
def any_end_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is at the moment."""
    monkeypatch.setattr(supervisor, "QUICK_END_S", 30.0)


@pytest.mark.usefixtures("any_end_is_quick")
def test_a_crash_loop_is_named_and_given_up(run: Run) -> None:
    assert run(shell("exit 8", "loop", 'respawn="true"') + shell("exec sleep 60")) == 8
    assert "stopping: loop-1 is in a crash loop: it ended within 30 s of its start 11" in run.text
    assert run.log("loop-1").count("started, pid") == 11


@pytest.mark.usefixtures("any_end_is_quick")
def test_a_loop_of_clean_ends_is_a_failure(run: Run) -> None:
    assert run(shell("exit 0", "loop", 'respawn="true"')) == 1


def test_what_an_ended_process_started_is_ended_before_its_respawn(
    run: Run, tmp_path: Path
) -> None:
    script = f"sleep 60 & echo $! >> {tmp_path}/pids; exit 1"
    assert run(shell(script, attributes='respawn="true" respawn_max_retries="1"')) == 1
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert not any(_is_alive(pid) for pid in pids)


# The session as an interface


def test_a_session_is_polled_between_other_work(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "now"
    with run.session(shell(f"until test -e {file}; do sleep 0.05; done; exit 2")) as session:
        session.start()
        assert session.poll(0.01) is None
        (report,) = session.processes
        assert report.pid is not None
        assert _is_alive(report.pid)
        file.touch()
        assert session.poll(20.0) == 2
        assert session.poll() == 2
        assert session.processes[0].pid is None
        assert session.processes[0].exit_code == 2


def test_a_session_stops_what_runs_when_it_is_left(run: Run) -> None:
    with run.session(shell("exec sleep 60")) as session:
        session.start()
        pid = session.processes[0].pid
    assert session.exit_code == 0
    assert pid is not None
    assert not _is_alive(pid)


def test_a_session_stops_on_request(run: Run) -> None:
    with run.session(shell("exec sleep 60")) as session:
        session.start()
        assert session.stop("enough seen") == 0
        assert session.stop() == 0
    assert "stopping: enough seen" in run.text


def test_an_exception_of_the_caller_ends_the_processes(run: Run) -> None:
    with pytest.raises(ZeroDivisionError), run.session(shell("exec sleep 60")) as session:
        session.start()
        pid = session.processes[0].pid
        raise ZeroDivisionError
    assert pid is not None
    assert not _is_alive(pid)


def test_an_exception_of_the_callback_ends_the_processes(
    launch_file: Callable[..., Path], tmp_path: Path
) -> None:
    def fail(_label: str, line: str) -> None:
        raise RuntimeError(line)

    pid_file = tmp_path / "pid"
    with pytest.raises(RuntimeError, match="boom"):
        run_launch(
            launch_file(shell(f"echo $$ > {pid_file}; echo boom; exec sleep 60")),
            {},
            environment=dict(os.environ),
            log_dir=tmp_path / "log",
            on_line=fail,
            quiet=True,
        )
    assert not _is_alive(int(pid_file.read_text()))


def test_a_session_belongs_to_the_main_thread(run: Run) -> None:
    session = run.session("")
    errors: list[RuntimeError] = []

    def start() -> None:
        try:
            session.start()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


def test_a_screen_that_is_gone_stops_the_launch(run: Run, launch_file: Callable[..., Path]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    closed = os.fdopen(writer, "w", buffering=1)
    file = launch_file(shell("while :; do echo a; sleep 0.1; done", attributes='output="screen"'))
    with LaunchSession(
        file, {}, environment=dict(os.environ), log_dir=run.log_dir, stream=closed
    ) as session:
        session.start()
        assert session.poll(20.0) == 0
    assert "nobody reads the output" in run.log("launch")
    with contextlib.suppress(BrokenPipeError):
        closed.close()


def test_a_log_folder_that_cannot_be_made_is_one_clear_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("in the way")
    with pytest.raises(LaunchError, match="cannot write to"):
        run("")


def test_signal_handlers_and_descriptors_are_put_back(run: Run) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    count = len(list(Path("/proc/self/fd").iterdir()))
    run(shell("exit 0") + shell("exit 1", attributes='respawn="true" respawn_max_retries="3"'))
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    assert len(list(Path("/proc/self/fd").iterdir())) == count


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_a_process_that_cannot_be_watched_is_not_left_running(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert run(shell(f"sleep 0.5; touch {tmp_path}/ran")) == 127
    assert "job-1 could not be started: Too many open files" in run.text
    assert not (tmp_path / "ran").exists()
