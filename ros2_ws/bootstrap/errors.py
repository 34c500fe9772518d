"""The one error of the set-up: what went wrong, where, and what to do."""

from __future__ import annotations


class SetupError(Exception):
    """Set-up cannot go on; the message is what a person reads."""
