"""The table of who may publish, hear, serve and call what, and its rows for one graph.

An enclave is what one process holds a key for. All nodes of a process share its rights; the table
gives them to the process as a whole, and to each node what ROS itself gives a node of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, Strict, StringConstraints, model_validator

from robot_learning.contract.base import StrictModel
from robot_learning.contract.errors import ContractError
from robot_learning.contract.load import load_strict

_CAMERA = "{camera}"
_TOKEN = r"[A-Za-z][A-Za-z0-9_]*"
_PART = rf"({_TOKEN}|_action|\{{camera\}})"
NAME = rf"^(/|~/)?{_PART}(/{_PART})*$"
NAMESPACE = re.compile(rf"^/$|^(/{_TOKEN})+$")

Name = Annotated[str, StringConstraints(pattern=NAME)]
Node = Annotated[str, StringConstraints(pattern=rf"^{_TOKEN}$")]
Names = Annotated[tuple[Name, ...], Strict(False)]


class Rights(StrictModel):
    """What may be done, by names as ROS 2 has them.

    Attributes:
        publishes: topics.
        hears: topics subscribed to.
        serves: services answered.
        calls: services asked.
    """

    publishes: Names = ()
    hears: Names = ()
    serves: Names = ()
    calls: Names = ()

    def together(self, other: Rights) -> Rights:
        """These and the other's, each once, in order."""
        return Rights(
            **{name: _merged(getattr(self, name), getattr(other, name)) for name in KINDS}
        )


KINDS = tuple(Rights.model_fields)


class Enclave(Rights):
    """A process: what it may do, and its nodes, each by its kind."""

    nodes: Annotated[dict[Node, Node], Field(default_factory=dict)]

    def grown(self, more: Enclave) -> Enclave:
        """With more nodes and rights."""
        rights = self.together(more).model_dump()
        return Enclave(**rights, nodes={**self.nodes, **more.nodes})


@dataclass(frozen=True)
class Profile:
    """The rights of one node of an enclave.

    Attributes:
        enclave: path of the enclave, such as /robot_learning/arm_driver.
        namespace: of the node.
        node: its name.
        rights: names complete: each begins with a slash.
    """

    enclave: str
    namespace: str
    node: str
    rights: Rights


class AccessTable(StrictModel):
    """The whole table: kinds of nodes, enclaves, and what only some graphs have."""

    kinds: dict[Node, Rights]
    enclaves: dict[Node, Enclave]
    options: Annotated[dict[Node, dict[Node, Enclave]], Field(default_factory=dict)]

    @model_validator(mode="after")
    def _known_kinds(self) -> Self:
        for enclaves in (self.enclaves, *self.options.values()):
            for name, enclave in enclaves.items():
                if not enclave.nodes and name not in self.enclaves:
                    raise ValueError(f"{name}: an enclave needs nodes")
                for node, kind in enclave.nodes.items():
                    if kind not in self.kinds:
                        known = ", ".join(self.kinds)
                        raise ValueError(f"{name}: node {node}: kind {kind!r} is not of {known}")
        return self

    def profiles(
        self,
        cameras: Sequence[str],
        *,
        namespace: str = "/",
        options: Iterable[str] = (),
        root: str = "/robot_learning",
    ) -> list[Profile]:
        """The table's rows for one graph.

        Args:
            cameras: names of the robot's cameras.
            namespace: that the whole graph runs in.
            options: of the table's, those that this graph has.
            root: path that all enclaves are under.

        Raises:
            ContractError: the table has no such option, or the namespace is none.
        """
        if not NAMESPACE.match(namespace):
            raise ContractError(f"namespace {namespace!r}: expected / or a name such as /left")
        rows = []
        for name, enclave in self._with(options).items():
            own = _complete(enclave, namespace, "", cameras)
            for node, kind in enclave.nodes.items():
                given = _complete(self.kinds[kind], namespace, node, cameras)
                rows.append(Profile(f"{root}/{name}", namespace, node, own.together(given)))
                own = Rights()  # said once for the whole process
        return rows

    def _with(self, options: Iterable[str]) -> dict[str, Enclave]:
        enclaves = dict(self.enclaves)
        for option in options:
            if option not in self.options:
                known = ", ".join(self.options) or "none"
                raise ContractError(f"the table has no option {option!r}; known: {known}")
            for name, more in self.options[option].items():
                enclaves[name] = enclaves[name].grown(more) if name in enclaves else more
        return enclaves


def load_access(name_or_path: str = "physical_robot") -> AccessTable:
    """Loads `config/security/NAME.yaml`, or the file at a path that ends in .yaml.

    Raises:
        ContractError: it is missing or malformed; names file, line and key.
    """
    return load_strict(name_or_path, "security", AccessTable)


def by_enclave(profiles: Iterable[Profile]) -> Mapping[str, Rights]:
    """What each process may do in all."""
    found: dict[str, Rights] = {}
    for profile in profiles:
        found[profile.enclave] = found.get(profile.enclave, Rights()).together(profile.rights)
    return found


def _merged(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *second]))


def _complete(rights: Rights, namespace: str, node: str, cameras: Sequence[str]) -> Rights:
    def full(name: str) -> str:
        if name.startswith("/"):
            return name
        prefix = namespace.rstrip("/")
        return f"{prefix}/{node}{name[1:]}" if name.startswith("~") else f"{prefix}/{name}"

    def each(name: str) -> list[str]:
        return [name.replace(_CAMERA, camera) for camera in cameras] if _CAMERA in name else [name]

    return Rights(
        **{
            kind: _merged((), (full(said) for name in getattr(rights, kind) for said in each(name)))
            for kind in KINDS
        }
    )
