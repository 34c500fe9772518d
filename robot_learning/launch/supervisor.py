"""Runs a plan: one loop that starts, watches, respawns and stops processes.

Everything happens in the calling thread, which has to be the main one: the kernel ties children to
the thread that started them. The loop sleeps in `select` until output comes, a process ends, a
signal arrives or something is due.

Stopping is SIGINT to every process group at once, SIGTERM after each process's `sigterm_timeout`,
SIGKILL after its `sigkill_timeout` more: the same as the real launch. No order is kept between
processes; nodes that need one are ordered by their lifecycle manager.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from functools import partial
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

from robot_learning.launch.child import Child, State
from robot_learning.launch.groups import Guardian
from robot_learning.launch.plan import Message, Plan, Process, Shutdown, Step
from robot_learning.launch.screen import Screen

# A process that ends this soon after its start, this often in a row, will not get better.
QUICK_END_S = 1.0
QUICK_ENDS_MAX = 10
# By this a program says that it was started wrongly, as with an unknown option (`argparse`, shells
# and this project's nodes use it so): started again in the same way it would say so again.
USED_WRONGLY = 2
# How often to look whether a group without its program is empty: nothing announces that.
_LINGER_PERIOD_S = 0.05
# After SIGKILL only a process stuck in the kernel is still there.
_KILL_PATIENCE_S = 10.0


class Supervisor:
    """The processes of one plan.

    Args:
        plan: what to run.
        log_dir: the folder of the processes' log files; must exist.
        screen: where lines go.

    Attributes:
        children: every process started so far, in order.
        stopping: why everything is being stopped, None while it is not.
        failure: the first process that failed: its label and exit code.
    """

    def __init__(self, plan: Plan, log_dir: Path, screen: Screen) -> None:
        self.children: list[Child] = []
        self.stopping: str | None = None
        self.failure: tuple[str, int] | None = None
        self.selector = DefaultSelector()
        self._log_dir = log_dir
        self._screen = screen
        self._pending: deque[Step] = deque(plan.steps)
        self._started_s = time.monotonic()
        grace_s = max((p.sigkill_timeout_s for p in plan.processes), default=0.0)
        self._guardian = Guardian(grace_s)

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing is due any more."""
        return not self._pending and all(child.state is State.ENDED for child in self.children)

    @property
    def restarts(self) -> int:
        """How often a process was started again."""
        return sum(child.starts - 1 for child in self.children)

    @property
    def duration_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def turn(self, until_s: float | None) -> None:
        """Does what is due, then waits for the next thing and does that.

        Args:
            until_s: when to come back at the latest (monotonic clock), None for no limit.
        """
        self._do_what_is_due()
        if self.finished:
            return
        times = [self._next_due_s(), until_s]
        due_s = min((time_s for time_s in times if time_s is not None), default=None)
        timeout_s = None if due_s is None else max(0.0, due_s - time.monotonic())
        for key, _ in self.selector.select(timeout_s):
            key.data()
        if self._screen.broken:
            self.stop("nobody reads the output any more")

    def stop(self, reason: str) -> None:
        """Begins to stop everything, unless that has begun already."""
        if self.stopping is not None:
            return
        self.stopping = reason
        self._screen.say(f"stopping: {reason}")
        self._pending = deque(step for step in self._pending if step.survives_shutdown)
        now_s = time.monotonic()
        for child in self.children:
            if child.state is State.WAITING:
                child.state = State.ENDED
            elif child.state is State.RUNNING:
                process = child.process
                terminate_s = now_s + process.sigterm_timeout_s
                child.signals = [
                    (now_s, signal.SIGINT),
                    (terminate_s, signal.SIGTERM),
                    (terminate_s + process.sigkill_timeout_s, signal.SIGKILL),
                ]
        self._do_what_is_due()

    def escalate(self) -> None:
        """Sends every live process its next, harder signal at once."""
        now_s = time.monotonic()
        for child in self.children:
            if child.is_live and child.signals:
                early_s = child.signals[0][0] - now_s
                child.signals = [(at_s - early_s, number) for at_s, number in child.signals]
        self._do_what_is_due()

    def kill(self) -> None:
        """Ends everything at once."""
        for child in self.children:
            if child.is_live:
                child.signal(signal.SIGKILL)
            if child.state is State.RUNNING:
                child.reap()
            child.state = State.ENDED
        self._pending.clear()

    def close(self) -> None:
        """Lets go of everything; what still runs is ended."""
        self.kill()
        self.selector.close()
        for child in self.children:
            child.close_output()
            child.reader.close()
        self._guardian.close()

    # What is due.

    def _next_due_s(self) -> float | None:
        times = [self._started_s + self._pending[0].at_s] if self._pending else []
        for child in self.children:
            if child.state is State.WAITING:
                times.append(child.respawn_at_s)
            elif child.is_live and child.signals:
                times.append(child.signals[0][0])
            if child.state is State.LINGERING:
                times.append(time.monotonic() + _LINGER_PERIOD_S)
        return min(times, default=None)

    def _do_what_is_due(self) -> None:
        now_s = time.monotonic()
        while self._pending and self._started_s + self._pending[0].at_s <= now_s:
            self._take(self._pending.popleft())
        for child in self.children:
            if child.state is State.WAITING and child.respawn_at_s <= now_s:
                self._start(child)
            while child.is_live and child.signals and child.signals[0][0] <= now_s:
                self._send(child, child.signals.pop(0)[1])
            if child.state is State.LINGERING and not child.has_left_something():
                self._gone(child)

    def _take(self, step: Step) -> None:
        match step.action:
            case Message(text):
                self._screen.say(text)
            case Shutdown(reason):
                self.stop(reason)
            case Process() as process if self.stopping is None:
                child = Child(process, self._log_dir)
                self.children.append(child)
                self._start(child)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            child.cannot_start(error)
            child.state = State.WAITING if self._judge(child) else State.ENDED
            return
        self._guardian.add(child.pid)
        assert child.pid_fd is not None and child.output is not None
        self.selector.register(child.pid_fd, EVENT_READ, partial(self._reap, child))
        self.selector.register(child.output, EVENT_READ, partial(self._read, child))
        self._screen.say(f"{child.label} started, pid {child.pid}")

    def _send(self, child: Child, number: signal.Signals) -> None:
        if child.kill_sent:
            self._screen.say(f"pid {child.pid} of {child.label} cannot be killed", alarm=True)
            child.state = State.ENDED
            return
        if number is not signal.SIGINT:
            what = child.label if child.state is State.RUNNING else f"what {child.label} started"
            self._screen.say(f"{what} is still there: sending {number.name}", alarm=True)
        child.signal(number)
        if number is signal.SIGKILL:
            child.kill_sent = True
            child.signals.append((time.monotonic() + _KILL_PATIENCE_S, number))

    # What the selector reports.

    def _read(self, child: Child) -> None:
        if child.output is None:  # closed by an earlier event of the same moment
            return
        lines = child.read()
        if lines is None:
            self.selector.unregister(child.output)
            child.close_output()
        else:
            self._pass_on(child, lines)

    def _reap(self, child: Child) -> None:
        if child.pid_fd is None:
            return
        self.selector.unregister(child.pid_fd)
        child.reap()
        self._pass_on(child, child.read_rest())
        child.respawns = self.stopping is None and self._judge(child)
        if not child.has_left_something():
            self._gone(child)
        elif not child.signals:
            self._screen.say(f"{child.label} has ended, not so what it started")
            now_s = time.monotonic()
            child.signals = [
                (now_s, signal.SIGTERM),
                (now_s + child.process.sigkill_timeout_s, signal.SIGKILL),
            ]

    def _pass_on(self, child: Child, lines: list[str]) -> None:
        for line in lines:
            self._screen.process_line(child.label, line, show=child.process.on_screen)
        if child.reader.log_error is not None:
            self._screen.say(f"log lost: {child.reader.log_error}", alarm=True)
            child.reader.log_error = None

    # What follows from an end.

    def _gone(self, child: Child) -> None:
        """The program and everything it started have ended."""
        self._guardian.remove(child.pid)
        if child.output is not None:
            self.selector.unregister(child.output)
            child.close_output()
        respawns = child.respawns and self.stopping is None
        child.state = State.WAITING if respawns else State.ENDED

    def _judge(self, child: Child) -> bool:
        """Reports an end that nobody asked for; returns whether to start the process again."""
        process, code = child.process, child.exit_code or 0
        self._report(child)
        if process.required:
            self._fail(child, code)
            self.stop(f'{child.label} was required (on_exit="shutdown")')
            return False
        if not process.respawn:
            self._fail(child, code)
            return False
        if code == USED_WRONGLY:
            self._fail(child, code)
            self.stop(f"{child.label} was started wrongly (exit code {code}); see its last lines")
            return False
        child.quick_ends = child.quick_ends + 1 if child.uptime_s < QUICK_END_S else 0
        if child.quick_ends > QUICK_ENDS_MAX:
            self._fail(child, code or 1)
            self.stop(
                f"{child.label} is in a crash loop: it ended within {QUICK_END_S:.0f} s of its "
                f"start {child.quick_ends} times in a row"
            )
            return False
        if 0 <= process.respawn_max_retries < child.starts:
            self._screen.say(f"{child.label} is not respawned again (respawn_max_retries)")
            self._fail(child, code)
            return False
        child.respawn_at_s = time.monotonic() + process.respawn_delay_s
        self._screen.say(
            f"{child.label} is respawned in {process.respawn_delay_s:.1f} s "
            f"(respawn {child.starts})"
        )
        return True

    def _report(self, child: Child) -> None:
        failed = child.exit_code != 0
        self._screen.say(
            f"{child.label} {child.ended_how} after {child.uptime_s:.1f} s", alarm=failed
        )
        if failed and not child.process.on_screen:
            for line in child.tail:
                self._screen.quote(child.label, line)
            self._screen.say(f"its output: {child.log_file}")

    def _fail(self, child: Child, code: int) -> None:
        if code and self.failure is None:
            self.failure = (child.label, code)
