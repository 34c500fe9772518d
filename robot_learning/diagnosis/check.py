"""One finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check ended: `FAIL` stops the main job, `WARN` makes it worse."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and how to mend it.

    Attributes:
        name: what was looked at.
        status: how it ended.
        fact: what was found, with units.
        mend: one line on what to do; empty exactly when the status is ok.
    """

    name: str
    status: Status
    fact: str
    mend: str = ""

    def __post_init__(self) -> None:
        if (self.status is Status.OK) == bool(self.mend):
            raise ValueError(f"check {self.name}: a finding that is not ok says how to mend it")


def ok(name: str, fact: str) -> Check:
    """A check that found nothing wrong."""
    return Check(name, Status.OK, fact)


def warn(name: str, fact: str, mend: str) -> Check:
    """A check that found what makes the main job worse."""
    return Check(name, Status.WARN, fact, mend)


def fail(name: str, fact: str, mend: str) -> Check:
    """A check that found what stops the main job."""
    return Check(name, Status.FAIL, fact, mend)
