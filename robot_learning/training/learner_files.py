"""Where a learner's truth lies: journal, checkpoint, and the version given out last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from robot_learning.files import write_atomic
from robot_learning.replay import Journal, JournalHeader
from robot_learning.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    require_same_run,
    save_checkpoint,
)

JOURNAL_FILE = "steps.journal"
_VERSION = "policy_version"


class LearnerFiles:
    """The files of one run.

    Attributes:
        journal: every step, in order.
        warnings: what was found damaged, one line each.
    """

    def __init__(
        self,
        directory: Path,
        header: JournalHeader,
        fingerprint: dict[str, Any],
        *,
        resume: bool,
    ) -> None:
        """Opens the journal in `directory`, which is made if it does not exist.

        Args:
            directory: of the run.
            header: what its journal holds.
            fingerprint: what the run before must have had in common with this one.
            resume: go on with what is there.

        Raises:
            CheckpointError: there is a run and `resume` is not given, or one with other settings,
                or a damaged one.
            JournalError: the journal is foreign, or was made under another contract.
            OSError: the folder cannot be written.
        """
        self.warnings: list[str] = []
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        if not resume and (directory / JOURNAL_FILE).exists():
            raise CheckpointError(
                f"{directory} already holds a run: go on with --resume, or choose another --out"
            )
        self._found = load_checkpoint(directory)
        if self._found:
            _, values = self._found
            require_same_run(directory, values["fingerprint"], fingerprint)
        self.journal = Journal(directory / JOURNAL_FILE, header)
        if self.journal.cut:
            self.warnings.append(f"{directory / JOURNAL_FILE}: {self.journal.cut}")

    def save(self, tensors: dict[str, Any], values: dict[str, Any]) -> None:
        """Writes the checkpoint that belongs to the journal as it is.

        Raises:
            FileWriteError: disk full or the like; the checkpoint before is intact.
        """
        values = values | {"journal_offset": self.journal.offset}
        save_checkpoint(self._directory, tensors, values)

    def take_found(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The tensors and values of the checkpoint that was found, once; None for none."""
        found, self._found = self._found, None
        if found is None:
            return None
        _, values = found
        missing = int(values["journal_offset"]) - self.journal.offset
        if missing > 0:
            self.warnings.append(
                f"{self._directory / JOURNAL_FILE}: {missing} bytes that the checkpoint knows are "
                "missing; going on with the steps that are left"
            )
        return found

    def write_version(self, version: int) -> None:
        """Remembers a version before it is given out.

        Beside the checkpoint, so that a learner killed between two never counts back: actors take
        newer versions only.
        """
        write_atomic(self._directory / _VERSION, str(version).encode(), durable=False)

    def version(self) -> int:
        """The version given out last; 0 when none was."""
        path = self._directory / _VERSION
        text = path.read_text() if path.exists() else "0"
        return int(text) if text.isdecimal() else 0
