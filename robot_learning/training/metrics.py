"""What a run leaves to look at afterwards: `metrics.jsonl` and TensorBoard event files."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from tensorboard.summary.writer.event_file_writer import (  # type: ignore[import-untyped]
    EventFileWriter,
)

METRICS_FILE = "metrics.jsonl"


class MetricsWriter:
    """Appends one row of figures at a time to both."""

    def __init__(self, directory: Path) -> None:
        self._rows = (directory / METRICS_FILE).open("a", encoding="utf-8")
        self._events = EventFileWriter(str(directory / "tensorboard"))

    def write(self, steps: int, figures: Mapping[str, float | bool | None]) -> None:
        """Writes `figures` of the moment after `steps` environment steps.

        What is None or not finite is null in the file and missing in TensorBoard.
        """
        finite = {
            name: value if value is not None and math.isfinite(value) else None
            for name, value in figures.items()
        }
        now = time.time()
        self._rows.write(json.dumps({"steps": steps, "time_s": now} | finite) + "\n")
        self._rows.flush()
        values = [
            Summary.Value(tag=name, simple_value=float(value))
            for name, value in finite.items()
            if value is not None
        ]
        self._events.add_event(Event(wall_time=now, step=steps, summary=Summary(value=values)))

    def close(self) -> None:
        """Flushes and closes both."""
        self._rows.close()
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_metrics(directory: Path) -> list[dict[str, Any]]:
    """Rows of `metrics.jsonl` in the run's folder; a line torn by a crash is left out."""
    path = directory / METRICS_FILE
    rows: list[dict[str, Any]] = []
    if not path.exists():
        return rows
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows
