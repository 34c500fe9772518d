"""What is visible while a launch file is walked: variables, environment, the file's own folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from robot_learning.launch.packages import Packages

# Where the pushed namespace is kept: among the variables, as in the real launch, so that groups
# scope it with them.
NAMESPACE = "ros_namespace"


class Scope:
    """Variables (all of them text) and environment, with groups that restore them.

    Attributes:
        variables: what `<arg>`, `<let>` and includes have set.
        environment: what processes started now would get.
        depth: how many scoping groups are open.
        folder: the folder of the file being walked: what `$(dirname)` should mean.
        folder_of_last_include: what `$(dirname)` means to the real launch of Jazzy, which does not
            come back from an include. The two must agree wherever `$(dirname)` is used.
    """

    def __init__(
        self, environment: Mapping[str, str], variables: Mapping[str, str], source_tree: Path | None
    ) -> None:
        self._initial_environment = dict(environment)
        self._source_tree = source_tree
        self.variables = dict(variables)
        self.environment = dict(environment)
        self.depth = 0
        self.folder = Path()
        self.folder_of_last_include = Path()

    @property
    def namespace(self) -> str | None:
        """The namespace pushed so far, None where none is."""
        return self.variables.get(NAMESPACE)

    @property
    def packages(self) -> Packages:
        """The packages that the present environment sees."""
        return Packages(self.environment, self._source_tree)

    @contextmanager
    def group(self, *, forwarding: bool) -> Iterator[None]:
        """Opens a scope; what is set inside is gone after it.

        Args:
            forwarding: False starts it with no variables and the environment of the beginning.
        """
        variables, environment = self.variables, self.environment
        self.variables = dict(variables) if forwarding else {}
        self.environment = dict(environment) if forwarding else dict(self._initial_environment)
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            self.variables, self.environment = variables, environment
