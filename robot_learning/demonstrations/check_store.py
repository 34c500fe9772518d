"""Whether a store holds together: every file good, and a catalogue that says what the files say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from robot_learning.demonstrations.bag_reader import BagError
from robot_learning.demonstrations.catalogue import CatalogueError
from robot_learning.demonstrations.check_episode import Finding, check_episode
from robot_learning.demonstrations.episode_summary import EpisodeSummary
from robot_learning.demonstrations.file_lock import is_busy
from robot_learning.demonstrations.message_codec import CodecError
from robot_learning.demonstrations.store import WHOLE, Store


@dataclass(frozen=True, slots=True)
class Checked:
    """One file, or the catalogue, and what is wrong with it."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Nothing makes it useless or untrue."""
        return not any(finding.level == "error" for finding in self.findings)


def check_files(
    store: Store, paths: Iterable[Path], on_file: Callable[[], None] | None = None
) -> tuple[list[Checked], list[EpisodeSummary]]:
    """Checks files from front to back; what they say comes along for `check_catalogue`."""
    checked, summaries = [], []
    for path in paths:
        try:
            episode, summary = store.read(path)
        except (BagError, CodecError, OSError) as error:
            findings: tuple[Finding, ...] = (Finding("error", str(error)),)
        else:
            findings = tuple(check_episode(episode))
            if f"{summary.id}{WHOLE}" != path.name:
                other = Finding("error", f"calls itself {summary.id}; was it renamed?")
                findings = (*findings, other)
            summaries.append(summary)
        checked.append(Checked(path.name, findings))
        if on_file is not None:
            on_file()
    return checked, summaries


def check_unfinished(store: Store) -> list[Checked]:
    """Files that were cut; one that is being recorded is in order."""
    cut = Finding("error", "the recording was cut: robot-learning episodes repair")
    return [Checked(path.name, () if is_busy(path) else (cut,)) for path in store.unfinished()]


def check_catalogue(store: Store, summaries: Iterable[EpisodeSummary]) -> Checked:
    """Compares every line with its file."""
    name = store.catalogue.path.name
    try:
        lines = {line.id: line for line in store.catalogue.all()}
    except CatalogueError as error:
        return Checked(name, (Finding("error", str(error)),))
    files = {summary.id: summary for summary in summaries}
    findings = [
        *(f"{id_} is in no readable file" for id_ in sorted(lines.keys() - files.keys())),
        *(f"{id_} is missing" for id_ in sorted(files.keys() - lines.keys())),
        *(
            f"{id_}: {column} is {getattr(lines[id_], column)!r}, the file says "
            f"{getattr(files[id_], column)!r}"
            for id_ in sorted(lines.keys() & files.keys())
            for column in _differences(lines[id_], files[id_])
        ),
    ]
    mend = "; mend it: robot-learning episodes rebuild"
    return Checked(name, tuple(Finding("error", text + mend) for text in findings))


def _differences(line: EpisodeSummary, file: EpisodeSummary) -> list[str]:
    return [
        field.name
        for field in fields(EpisodeSummary)
        if getattr(line, field.name) != getattr(file, field.name)
    ]
