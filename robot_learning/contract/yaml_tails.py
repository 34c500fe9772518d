"""Comments that stand behind a value in a YAML tree, and where they go when the value changes.

ruamel.yaml hangs the lines between two keys on whatever stood last before them, however deep in
the tree that is. Whoever adds a key there, or replaces the value, takes those lines off first and
hangs them behind the new last one, or they end up in the middle or are lost.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

Node = CommentedMap | CommentedSeq


def last_key(node: Node) -> Any:
    """The last key of a mapping or place of a list that is not empty."""
    return next(reversed(node)) if isinstance(node, CommentedMap) else len(node) - 1


def take_tail(node: Node, key: Any) -> str:
    """Takes off the lines behind a key's value; a comment in the value's own line stays."""
    node, key = _deepest(node, key)
    token = _token(node, key)
    if token is None:
        return ""
    own, _, tail = token.value.partition("\n")
    if own:
        token.value = f"{own}\n"
    else:
        _hang(node, key, None)
    return str(tail)


def give_tail(node: Node, key: Any, tail: str) -> None:
    """Hangs lines behind a key's value."""
    if not tail:
        return
    node, key = _deepest(node, key)
    token = _token(node, key)
    if token is None:
        _hang(node, key, CommentToken("\n" + tail, CommentMark(0), None))
    else:
        token.value = f"{token.value.rstrip(chr(10))}\n{tail}"


def _deepest(node: Node, key: Any) -> tuple[Node, Any]:
    """Where in the tree the last thing of a key's value stands."""
    value = node[key]
    while isinstance(value, Node) and value and not value.fa.flow_style():
        node, key = value, last_key(value)
        value = node[key]
    return node, key


def _slot(node: Node) -> int:
    return 2 if isinstance(node, CommentedMap) else 0


def _token(node: Node, key: Any) -> CommentToken | None:
    found = node.ca.items.get(key)
    return found[_slot(node)] if found else None


def _hang(node: Node, key: Any, token: CommentToken | None) -> None:
    node.ca.items.setdefault(key, [None] * 4)[_slot(node)] = token
    value = node[key]
    if isinstance(value, Node) and value.ca.comment:
        value.ca.comment[0] = token  # a list in one line holds the same
