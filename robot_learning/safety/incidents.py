"""What happened in the seconds before a stop: a ring in memory, a file a fault."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

from robot_learning.hardware import Array


class IncidentLog:
    """Keeps the last seconds of states and commands; writes them as JSON lines on a fault.

    Args:
        directory: where files go; None keeps the ring only.
        span_s: how many seconds are kept.
        files_max: no more files than this in one run: a fault that repeats must not fill a disk.
    """

    def __init__(self, directory: Path | None, span_s: float = 10.0, files_max: int = 100) -> None:
        self.directory = directory
        self.span_s = span_s
        self.files_max = files_max
        self.written: list[Path] = []
        self._ring: deque[tuple[float, str, Array, Array]] = deque()

    def add(self, now_s: float, kind: str, position_rad: Array, velocity_rad_s: Array) -> None:
        """Remembers a state or a command; arrays are kept, not copied."""
        self._ring.append((now_s, kind, position_rad, velocity_rad_s))
        while self._ring and self._ring[0][0] < now_s - self.span_s:
            self._ring.popleft()

    def write(self, now_s: float, reason: str) -> Path | None:
        """Writes the ring; None when there is nowhere to write, or too much was written."""
        if self.directory is None or len(self.written) >= self.files_max:
            return None
        path = self.directory / f"incident-{len(self.written):03d}.jsonl"
        head = {"reason": reason, "at_s": now_s, "unit": "rad, rad/s, seconds before the stop"}
        lines = [json.dumps(head)]
        for at_s, kind, position, velocity in self._ring:
            row = {
                "before_s": round(now_s - at_s, 4),
                "kind": kind,
                "position_rad": [round(float(x), 5) for x in position],
                "velocity_rad_s": [round(float(x), 5) for x in velocity],
            }
            lines.append(json.dumps(row))
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            while path.exists():  # a monitor that was restarted
                self.written.append(path)
                path = self.directory / f"incident-{len(self.written):03d}.jsonl"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError:
            return None  # a full disk must never keep the monitor from stopping the arm
        self.written.append(path)
        return path
