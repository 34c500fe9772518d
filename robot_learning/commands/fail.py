"""How a verb ends when it cannot go on: one line, and a code."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

FAILED, USED_WRONGLY, INTERRUPTED = 1, 2, 130


def fail(message: str, code: int) -> NoReturn:
    """Ends the command with one line on standard error."""
    print(f"robot-learning: {message}", file=sys.stderr)
    raise typer.Exit(code) from None


def refuse(message: str) -> NoReturn:
    """Ends a command that was used wrongly."""
    fail(message, USED_WRONGLY)
