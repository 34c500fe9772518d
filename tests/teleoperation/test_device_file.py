"""Files that devices speak through: a pipe in a device node's place, and a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from robot_learning.teleoperation.device_file import AGAIN_S, DeviceFile, Terminal


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "device"
    os.mkfifo(path)
    return path


def test_what_was_written_is_read_without_waiting(pipe: Path) -> None:
    file = DeviceFile(pipe)
    assert file.read(0.0) == [] and not file.connected
    with pipe.open("wb", buffering=0) as writer:
        assert file.read(0.1) == [] and file.connected
        writer.write(b"abc")
        assert file.read(0.2) == [b"abc"]
    assert file.read(0.3) == [] and not file.connected
    assert "the other end is closed" in file.problem
    with pipe.open("wb", buffering=0):
        file.read(0.4)
        assert file.connected
    file.close()
    file.close()


def test_a_device_that_is_not_there_is_looked_for_again_now_and_then(tmp_path: Path) -> None:
    path = tmp_path / "device"
    file = DeviceFile(path)
    file.read(0.0)
    assert "is it plugged in?" in file.problem
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    os.write(writer, b"x")
    assert file.read(AGAIN_S / 2) == []
    assert file.read(AGAIN_S + 0.01) == [b"x"]
    os.close(writer)
    file.close()


def test_a_terminals_keys_come_one_by_one_unseen_and_it_is_given_back_as_it_was() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    terminal = Terminal(Path(os.ttyname(slave)))
    os.write(master, b"w")
    assert terminal.read() == b"w" and terminal.read() == b""
    terminal.write("hello\n")
    assert os.read(master, 100) == b"hello\r\n"
    changed = termios.tcgetattr(slave)
    assert not changed[3] & (termios.ECHO | termios.ICANON)
    assert changed[3] & termios.ISIG, "Ctrl-C still ends things"
    terminal.close()
    assert termios.tcgetattr(slave)[3] == before[3]
    os.close(master)
    os.close(slave)


def test_a_terminal_that_was_closed_is_missed() -> None:
    master, slave = pty.openpty()
    terminal = Terminal(Path(os.ttyname(slave)))
    os.close(slave)
    assert terminal.read() == b"" and terminal.connected
    os.close(master)
    assert terminal.read() == b"" and not terminal.connected
    terminal.write("nobody reads this")
    terminal.close()


def test_what_is_no_terminal_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OSError, match="is no terminal"):
        Terminal(file)


def test_the_terminal_is_found_from_which_a_parent_was_started() -> None:
    """As a launch does: the node's own input is nothing, its grandparent's is the terminal."""
    ask = (
        "from robot_learning.teleoperation.device_file import terminal_of_parents as find;"
        "print(find())"
    )
    start = f"import subprocess as s; s.run([{sys.executable!r}, '-c', {ask!r}], stdin=s.DEVNULL)"
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", start], stdin=slave, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_it_reads_in_the_background_of_its_own_terminal_as_a_launch_runs_it() -> None:
    read = (
        "import sys, time; from pathlib import Path;"
        "from robot_learning.teleoperation.device_file import Terminal;"
        "t = Terminal(Path(sys.argv[1])); print('ready', flush=True);"
        "\nwhile not (data := t.read()): time.sleep(0.01)\n"
        "print(data.decode()); t.close()"
    )
    master, slave = pty.openpty()
    tty = os.ttyname(slave)
    start = (
        "import subprocess as s;"
        f"s.run([{sys.executable!r}, '-c', {read!r}, {tty!r}], stdin=s.DEVNULL, process_group=0)"
    )

    def own_the_terminal() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    shell = subprocess.Popen(
        [sys.executable, "-c", start],
        stdin=slave,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=own_the_terminal,
    )
    try:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "ready\n"
        os.write(master, b"w")
        assert shell.stdout.readline() == "w\n"
        assert shell.wait(20) == 0
    finally:  # with the owner of the terminal goes what it has in the background
        shell.kill()
        shell.wait()
        os.close(master)
        os.close(slave)
