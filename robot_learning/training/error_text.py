"""What somebody else's code raised, as one line to print."""

from __future__ import annotations


def one_line(error: Exception) -> str:
    """The error's type and text, without line breaks."""
    return " ".join(f"{type(error).__name__}: {error}".split())
