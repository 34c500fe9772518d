"""An SROS2 policy (policy.xsd, version 0.2.0) of rows of an access table.

What is not allowed in it is denied: `ros2 security` writes `<default>DENY</default>` behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree

from robot_learning.security.access import Profile

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!-- Made by `robot-learning security policy` of a table in config/security: change that. -->
"""
# Element of the list, of one of it, and the attribute that allows.
_WORDS = {
    "publishes": ("topics", "topic", "publish"),
    "hears": ("topics", "topic", "subscribe"),
    "serves": ("services", "service", "reply"),
    "calls": ("services", "service", "request"),
}


def policy_xml(profiles: Iterable[Profile]) -> str:
    """The policy as text, the same for the same rows.

    Args:
        profiles: the rows; those of one enclave follow each other.
    """
    policy = ElementTree.Element("policy", version="0.2.0")
    enclaves = ElementTree.SubElement(policy, "enclaves")
    for path, rows in groupby(profiles, key=lambda row: row.enclave):
        enclave = ElementTree.SubElement(enclaves, "enclave", path=path)
        within = ElementTree.SubElement(enclave, "profiles")
        for row in rows:
            _add(within, row)
    ElementTree.indent(policy)
    return f"{_HEAD}{ElementTree.tostring(policy, encoding='unicode')}\n"


def _add(within: ElementTree.Element, row: Profile) -> None:
    profile = ElementTree.SubElement(within, "profile", ns=row.namespace, node=row.node)
    for kind, (many, one, attribute) in _WORDS.items():
        names = sorted(getattr(row.rights, kind))
        if names:
            allowed = ElementTree.SubElement(profile, many, {attribute: "ALLOW"})
            for name in names:
                ElementTree.SubElement(allowed, one).text = name
