"""ROS names: joining namespaces, and the rules that node names and namespaces obey."""

from __future__ import annotations

import re

_NODE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMESPACE = re.compile(r"/|(/[A-Za-z_][A-Za-z0-9_]*)+")
_NODE_NAME_LENGTH_MAX = 255  # rmw's limits
_NAMESPACE_LENGTH_MAX = 245


def join_namespace(base: str | None, name: str | None) -> str | None:
    """Puts a relative name below a namespace; an absolute name stands alone.

    Returns:
        The joined name without a trailing slash, or None where both are None.
    """
    if name is None:
        joined = base
    elif not base or name.startswith("/"):
        joined = name
    else:
        joined = ("" if base == "/" else base) + "/" + name
    if joined is not None and joined != "/":
        joined = joined.rstrip("/")
    return joined


def absolute_namespace(base: str | None, name: str | None) -> str | None:
    """Joins as `join_namespace` and makes the outcome absolute.

    Raises:
        ValueError: the outcome is no valid namespace.
    """
    joined = join_namespace(base, name)
    if joined is None:
        return None
    if not joined.startswith("/"):
        joined = "/" + joined
    if not _NAMESPACE.fullmatch(joined) or len(joined) > _NAMESPACE_LENGTH_MAX:
        raise ValueError(
            f"{joined!r} is no valid namespace: words of letters, digits and _ that do not start "
            "with a digit, separated by single /"
        )
    return joined


def check_node_name(name: str) -> None:
    """Checks a node's base name.

    Raises:
        ValueError: it is not valid.
    """
    if not _NODE_NAME.fullmatch(name) or len(name) > _NODE_NAME_LENGTH_MAX:
        raise ValueError(
            f"{name!r} is no valid node name: letters, digits and _, not starting with a digit"
        )
