"""The one error of the launch package: where in which file, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class LaunchError(ValueError):
    """A launch file, an argument, or something that a launch file names is wrong.

    Attributes:
        where: `file:line`, or None where the fault is in no file (a command-line argument).
    """

    def __init__(self, message: str, where: str | None = None) -> None:
        self.where = where
        super().__init__(f"{where}: {message}" if where else message)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Gives value errors raised inside the place they belong to, unless they have one."""
    try:
        yield
    except LaunchError as error:
        if error.where is not None:
            raise
        raise LaunchError(str(error), where) from None
    except ValueError as error:
        raise LaunchError(str(error), where) from None
