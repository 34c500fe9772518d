"""The arguments that a launch file declares, known without running it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from robot_learning.launch.source import Element
from robot_learning.launch.substitutions import unescape


@dataclass(frozen=True)
class Declaration:
    """An `<arg>` of a file.

    Attributes:
        default: as written, substitutions not done; None where the argument must be given.
        conditional: it stands below a condition or in a timer, so it may never be needed.
    """

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...]
    conditional: bool
    where: str


def declarations(root: Element) -> list[Declaration]:
    """Every argument that a file declares itself, in order; not those of its includes."""
    return list(_walk(root, conditional=False))


def _walk(element: Element, *, conditional: bool) -> Iterator[Declaration]:
    for child in element.children:
        may_not_happen = child.tag == "timer" or bool({"if", "unless"} & set(child.attributes))
        if child.tag == "arg":
            yield _declaration(child, conditional or may_not_happen)
        elif child.tag in ("group", "timer"):
            yield from _walk(child, conditional=conditional or may_not_happen)


def _declaration(element: Element, conditional: bool) -> Declaration:
    return Declaration(
        name=unescape(element.attributes["name"]),
        default=element.attributes.get("default"),
        description=unescape(element.attributes.get("description", "")),
        choices=tuple(unescape(choice.attributes["value"]) for choice in element.children),
        conditional=conditional,
        where=element.where,
    )


def missing_argument(root: Element, given: Collection[str]) -> str | None:
    """Says which argument a file needs and was not given, None where all are there.

    Only what is given to this very file counts: a variable of the file that includes it does not,
    as in the real launch.
    """
    for declaration in declarations(root):
        if declaration.conditional or declaration.default is not None or declaration.name in given:
            continue
        description = f" ({declaration.description})" if declaration.description else ""
        near = difflib.get_close_matches(declaration.name, sorted(given), n=1)
        hint = f"; {near[0]!r} was given" if near else ""
        return f"argument {declaration.name!r}{description} must be given{hint}"
    return None
