"""The grammar of `$(name argument ...)` in attribute values.

The rules, as the launch front end of ROS 2 reads them:

- Text is literal; `$` starts a substitution only before `(`, and never after a backslash.
- A backslash is dropped and the character after it is kept.
- Arguments are separated by exactly one space, may hold substitutions, and may stand whole in
  single or double quotes. Outside quotes a parenthesis needs a backslash.
- Inside quotes a nested substitution has unquoted arguments only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from robot_learning.launch.errors import LaunchError

Template: TypeAlias = "tuple[str | Call, ...]"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Call:
    """One substitution: its name and its arguments, each a template of its own."""

    name: str
    arguments: tuple[Template, ...]


@lru_cache(maxsize=4096)
def parse_template(text: str) -> Template:
    """Splits a value into literal text and substitutions.

    Raises:
        LaunchError: the value does not follow the grammar; names the column, not the file.
    """
    return _Reader(text).template(quote=None)


def unescape(text: str) -> str:
    """Drops the backslash of every escaped character, as in values without substitutions."""
    return _ESCAPE.sub(r"\1", text)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self, quote: str | None) -> Template:
        """Reads up to the end of the text, or past the closing quote."""
        parts: list[str | Call] = []
        start = self._at
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == quote and not self._escaped():
                self._flush(parts, start)
                self._at += 1
                return tuple(parts)
            if self._opens_call():
                self._flush(parts, start)
                parts.append(self._call(quote))
                start = self._at
            else:
                self._at += 1
        if quote is not None:
            raise self._error(f"a quote {quote} is not closed")
        self._flush(parts, start)
        return tuple(parts)

    def _call(self, quote: str | None) -> Call:
        start = self._at
        self._at += 2
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise self._error("a substitution's name must follow $( at once")
        self._at = match.end()
        arguments = []
        while self._peek() == " ":
            self._at += 1
            arguments.append(self._argument(quote))
        if self._peek() != ")":
            self._at = min(self._at, len(self._text))
            raise self._error(
                f"$({match.group()} is not closed where expected (opened at column {start + 1}); "
                "arguments are separated by one space, other spaces go in quotes"
            )
        self._at += 1
        return Call(match.group(), tuple(arguments))

    def _argument(self, quote: str | None) -> Template:
        char = self._peek()
        if quote is None and char is not None and char in "'\"":
            self._at += 1
            return self.template(quote=char)
        forbidden = "'\"" if quote is None else quote
        parts: list[str | Call] = []
        start = begin = self._at
        while (char := self._peek()) is not None:
            if self._opens_call():
                self._flush(parts, start)
                parts.append(self._call(quote))
                start = self._at
            elif char == " " or (char in "()" + forbidden and not self._escaped()):
                break
            else:
                self._at += 1
        if self._at == begin:
            raise self._error("an argument is missing (two spaces, or a space before the bracket)")
        self._flush(parts, start)
        return tuple(parts)

    def _opens_call(self) -> bool:
        return self._text.startswith("$(", self._at) and not self._escaped()

    def _escaped(self) -> bool:
        # One character of look-behind, like the original: `\\$(` is escaped too.
        return self._at > 0 and self._text[self._at - 1] == "\\"

    def _peek(self) -> str | None:
        return self._text[self._at] if self._at < len(self._text) else None

    def _flush(self, parts: list[str | Call], start: int) -> None:
        if self._at > start:
            parts.append(unescape(self._text[start : self._at]))

    def _error(self, message: str) -> LaunchError:
        return LaunchError(f"{message}, at column {self._at + 1} of {self._text!r}")
