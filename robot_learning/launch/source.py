"""Reads a launch file into elements that remember their line."""

from __future__ import annotations

import os
import xml.parsers.expat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from robot_learning.launch.errors import LaunchError


@dataclass(frozen=True)
class Element:
    """One XML element: its tag, attributes as written, children in order, and where it starts."""

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list[Element] = field(default_factory=list)

    @property
    def where(self) -> str:
        """`file:line` of the opening tag."""
        return f"{self.file}:{self.line}"

    def named(self, tag: str) -> list[Element]:
        """The children with one tag."""
        return [child for child in self.children if child.tag == tag]


def absolute(file: Path) -> Path:
    """The absolute path without `..`; links are kept, as in the real launch."""
    return Path(os.path.normpath(file.absolute()))


def read_launch_file(file: Path) -> Element:
    """Reads a file's root element; its tags and attributes are not judged here.

    Raises:
        LaunchError: the file cannot be read, is no well-formed XML, has a document type (entities
            could expand without end), or has text between its tags (nothing would read it).
    """
    if file.suffix in (".py", ".yaml", ".yml"):
        raise LaunchError("only XML launch files are run here", str(file))
    try:
        data = file.read_bytes()
    except OSError as error:
        raise LaunchError(f"cannot be read: {error.strerror}", str(file)) from None
    return _Reader(file).read(data)


class _Reader:
    """Builds elements from the parser's events, which are the only ones that know lines."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: list[Element] = []
        self._root: Element | None = None
        self._parser = xml.parsers.expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, data: bytes) -> Element:
        try:
            self._parser.Parse(data, True)
        except xml.parsers.expat.ExpatError as error:
            reason = xml.parsers.expat.ErrorString(error.code)
            raise LaunchError(f"broken XML: {reason}", f"{self._file}:{error.lineno}") from None
        if self._root is None:
            raise LaunchError("broken XML: no element found", str(self._file))
        return self._root

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self._file, self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if text.strip():
            self._refuse(f"text between tags has no meaning: {text.strip()[:40]!r}")

    def _doctype(self, *_declaration: object) -> None:
        self._refuse("a document type (<!DOCTYPE>) is not allowed")

    def _refuse(self, message: str) -> NoReturn:
        raise LaunchError(message, f"{self._file}:{self._parser.CurrentLineNumber}")
