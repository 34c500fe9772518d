"""What was carried over, and what the other format cannot hold."""

from __future__ import annotations

from dataclasses import dataclass, field


class ExchangeError(ValueError):
    """Episodes cannot be carried over. One line says why, and what to do."""


@dataclass(slots=True)
class Report:
    """Grows while episodes are carried over.

    Attributes:
        episodes: names of those carried over.
        steps: of them all.
        skipped: one line for each that was not.
        not_held: what is lost on the way, each line once.
    """

    episodes: list[str] = field(default_factory=list)
    steps: int = 0
    skipped: list[str] = field(default_factory=list)
    not_held: list[str] = field(default_factory=list)

    def add(self, name: str, steps: int) -> None:
        """One more was carried over."""
        self.episodes.append(name)
        self.steps += steps

    def loses(self, line: str) -> None:
        """Something cannot be held."""
        if line not in self.not_held:
            self.not_held.append(line)
