"""The catalogue of a store: one SQLite file, which the episodes' files can make anew.

The files are the truth. The catalogue only answers quickly what is in them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from robot_learning.demonstrations.episode_summary import EpisodeSummary, StreamSummary

FILE = "catalogue.sqlite"
_VERSION = 1
_WAIT_S = 10.0  # for another process that writes
_COLUMNS = [field.name for field in fields(EpisodeSummary) if field.name != "streams"]
_STREAM_COLUMNS = [field.name for field in fields(StreamSummary)]
_TABLES = f"""
CREATE TABLE IF NOT EXISTS episodes (
    id TEXT PRIMARY KEY, {", ".join(name for name in _COLUMNS if name != "id")}
);
CREATE TABLE IF NOT EXISTS streams (
    episode TEXT NOT NULL, {", ".join(_STREAM_COLUMNS)}, PRIMARY KEY (episode, topic)
);
"""


class CatalogueError(RuntimeError):
    """The catalogue cannot be used; its episodes' files can."""


class Catalogue:
    """The catalogue in a store's folder; made when it is not there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def put(self, summary: EpisodeSummary) -> None:
        """Writes an episode's line, or writes it anew.

        Raises:
            CatalogueError: it cannot be written.
        """
        with self._open() as database:
            _put(database, summary)

    def replace_all(self, summaries: Iterable[EpisodeSummary]) -> None:
        """Makes the whole catalogue anew.

        Raises:
            CatalogueError: it cannot be written.
        """
        try:
            with self._open() as database:
                database.execute("DELETE FROM episodes")
                database.execute("DELETE FROM streams")
                for summary in summaries:
                    _put(database, summary)
        except CatalogueError:
            # Beyond repair, as a foreign or torn file is: the episodes' files know everything.
            self.path.unlink(missing_ok=True)
            with self._open() as database:
                for summary in summaries:
                    _put(database, summary)

    def all(self) -> list[EpisodeSummary]:
        """Every line, the oldest episode first.

        Raises:
            CatalogueError: it cannot be read.
        """
        if not self.path.exists():
            return []
        with self._open() as database:
            streams: dict[str, list[StreamSummary]] = {}
            query = f"SELECT episode, {', '.join(_STREAM_COLUMNS)} FROM streams ORDER BY topic"
            for row in database.execute(query):
                streams.setdefault(row[0], []).append(StreamSummary(*row[1:]))
            query = f"SELECT {', '.join(_COLUMNS)} FROM episodes ORDER BY started_utc, id"
            return [_summary(row, streams) for row in database.execute(query)]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = None
        try:
            database = sqlite3.connect(self.path, timeout=_WAIT_S)
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise CatalogueError(
                    f"{self.path} is of version {version}, this software writes {_VERSION}: "
                    "robot-learning episodes rebuild"
                )
            with database:
                database.executescript(_TABLES)
                database.execute(f"PRAGMA user_version = {_VERSION}")
                yield database
        except sqlite3.Error as error:
            raise CatalogueError(
                f"{self.path}: {error}; the episodes' files are not touched by this: "
                "robot-learning episodes rebuild"
            ) from None
        finally:
            if database is not None:
                database.close()


def _put(database: sqlite3.Connection, summary: EpisodeSummary) -> None:
    values = asdict(summary)
    streams: list[dict[str, Any]] = values.pop("streams")
    marks = ", ".join("?" * len(_COLUMNS))
    database.execute(
        f"INSERT OR REPLACE INTO episodes ({', '.join(_COLUMNS)}) VALUES ({marks})",
        [values[name] for name in _COLUMNS],
    )
    database.execute("DELETE FROM streams WHERE episode = ?", [summary.id])
    marks = ", ".join("?" * (1 + len(_STREAM_COLUMNS)))
    database.executemany(
        f"INSERT INTO streams (episode, {', '.join(_STREAM_COLUMNS)}) VALUES ({marks})",
        [[summary.id, *(stream[name] for name in _STREAM_COLUMNS)] for stream in streams],
    )


def _summary(row: tuple[Any, ...], streams: dict[str, list[StreamSummary]]) -> EpisodeSummary:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["is_evaluation"] = bool(values["is_evaluation"])
    return EpisodeSummary(**values, streams=tuple(streams.get(values["id"], ())))
