"""Walks a launch file and gives the plan it comes to.

The whole file is walked at once, then the timers' contents in the order they are due, as the real
launch does: by then groups have ended, so a timer sees what is set at the end of the walk.
"""

from __future__ import annotations

import difflib
import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from robot_learning.launch.attributes import required, text
from robot_learning.launch.check import check_file
from robot_learning.launch.declarations import declarations, missing_argument
from robot_learning.launch.errors import LaunchError, located
from robot_learning.launch.grammar import parse_seconds
from robot_learning.launch.names import absolute_namespace
from robot_learning.launch.plan import Action, Message, Plan, Process, Shutdown, Step
from robot_learning.launch.processes import ProcessBuilder
from robot_learning.launch.scope import NAMESPACE, Scope
from robot_learning.launch.source import Element, absolute, read_launch_file
from robot_learning.launch.substitutions import unescape
from robot_learning.launch.values import parse_boolean, parse_condition

_INCLUDE_DEPTH_MAX = 32
# Variables that mean something to the launch itself and need no declaration to be given.
_BUILT_IN = ("launch-prefix", "sigterm_timeout", "sigkill_timeout")


def expand(
    file: Path,
    arguments: Mapping[str, str],
    *,
    environment: Mapping[str, str],
    parameters_dir: Path,
    source_tree: Path | None = None,
    allow_missing: bool = False,
) -> Plan:
    """Expands a launch file.

    Args:
        file: the launch file.
        arguments: what is given for its arguments.
        environment: the environment that processes start from, also what `$(env ...)` sees.
        parameters_dir: where the parameter files that processes are given will be.
        source_tree: a folder of package sources that answers `$(find-pkg-share ...)` before the
            build.
        allow_missing: do not fail on programs that are not there.

    Raises:
        LaunchError: the file or an argument is wrong, or something it names is not there.
    """
    scope = Scope(environment, arguments, source_tree)
    walk = _Walk(scope, ProcessBuilder(parameters_dir.absolute(), allow_missing=allow_missing))
    walk.include(file, given=arguments)
    walk.run_timers()
    for name in arguments:
        if name not in walk.known_arguments and name not in _BUILT_IN:
            raise LaunchError(_unknown_argument(name, sorted(walk.known_arguments), file))
    return Plan(file, dict(scope.variables), tuple(walk.steps), tuple(walk.warnings()))


def _unknown_argument(name: str, known: list[str], file: Path) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    listing = f"it takes: {', '.join(known)}" if known else "it takes none"
    return f"{file} has no argument {name!r}; {hint}{listing}"


@dataclass(frozen=True)
class _Timer:
    """A timer's contents, waiting for their turn."""

    element: Element
    folder: Path
    folder_of_last_include: Path
    survives_shutdown: bool


class _Walk:
    """Visits elements in order, changing the scope and collecting steps."""

    def __init__(self, scope: Scope, builder: ProcessBuilder) -> None:
        self.steps: list[Step] = []
        self.known_arguments: set[str] = set()
        self._scope = scope
        self._builder = builder
        self._timers: list[tuple[float, int, _Timer]] = []
        self._timers_seen = 0
        self._now_s = 0.0
        self._survives_shutdown = False
        self._include_depth = 0

    def include(self, file: Path, given: Mapping[str, str]) -> None:
        """Walks a file as a whole, with the arguments given to it."""
        file = absolute(file)
        root = read_launch_file(file)
        check_file(root)
        self.known_arguments.update(declaration.name for declaration in declarations(root))
        if missing := missing_argument(root, given):
            raise LaunchError(missing, root.where)
        outer = self._scope.folder
        self._scope.folder = self._scope.folder_of_last_include = file.parent
        self._include_depth += 1
        if self._include_depth > _INCLUDE_DEPTH_MAX:
            raise LaunchError("includes go round in a circle", root.where)
        self._scope.variables.update(given)
        self._children(root)
        self._include_depth -= 1
        self._scope.folder = outer

    def run_timers(self) -> None:
        """Walks what is in the timers, earliest first; they may hold further timers."""
        while self._timers:
            self._now_s, _, timer = heapq.heappop(self._timers)
            self._scope.folder = timer.folder
            self._scope.folder_of_last_include = timer.folder_of_last_include
            self._survives_shutdown = timer.survives_shutdown
            self._children(timer.element)

    def warnings(self) -> list[str]:
        """What is allowed and still looks like a mistake."""
        actions = (step.action for step in self.steps)
        names = Counter(action.node for action in actions if isinstance(action, Process))
        return [
            f"{count} nodes are called {name}: ROS 2 cannot tell them apart"
            for name, count in names.items()
            if name is not None and count > 1
        ]

    def _children(self, element: Element) -> None:
        for child in element.children:
            with located(child.where):
                if self._applies(child):
                    self._visit(child)

    def _applies(self, element: Element) -> bool:
        wanted = "unless" not in element.attributes
        condition = text(element, "if" if wanted else "unless", self._scope)
        return condition is None or parse_condition(condition) == wanted

    def _visit(self, element: Element) -> None:
        scope = self._scope
        match element.tag:
            case "arg":
                self._declare(element)
            case "let":
                name = required(element, "name", scope)
                scope.variables[name] = required(element, "value", scope)
            case "set_env":
                name = required(element, "name", scope)
                scope.environment[name] = required(element, "value", scope)
            case "push_ros_namespace":
                pushed = required(element, "namespace", scope)
                scope.variables[NAMESPACE] = absolute_namespace(scope.namespace, pushed) or "/"
            case "group":
                self._group(element)
            case "include":
                self._include(element)
            case "timer":
                self._timer(element)
            case "node":
                self._add(self._builder.node(element, scope))
            case "executable":
                self._add(self._builder.executable(element, scope))
            case "log":
                self._add(Message(required(element, "message", scope)))
            case "shutdown":
                self._add(Shutdown(text(element, "reason", scope) or "the launch file asks for it"))
            case tag:
                raise LaunchError(f"tag <{tag}> is not supported")

    def _add(self, action: Action) -> None:
        self.steps.append(Step(self._now_s, action, self._survives_shutdown))

    def _declare(self, element: Element) -> None:
        """An argument keeps a value that is set already."""
        variables = self._scope.variables
        name = unescape(element.attributes["name"])
        if name not in variables:
            default = text(element, "default", self._scope)
            if default is None:
                raise LaunchError(f"argument {name!r} must be given")
            variables[name] = default
        choices = [unescape(choice.attributes["value"]) for choice in element.children]
        if choices and variables[name] not in choices:
            raise LaunchError(
                f"argument {name!r} is {variables[name]!r}; expected one of: {', '.join(choices)}"
            )

    def _group(self, element: Element) -> None:
        if not parse_boolean(element.attributes.get("scoped", "true")):
            self._children(element)
            return
        forwarding = parse_boolean(element.attributes.get("forwarding", "true"))
        with self._scope.group(forwarding=forwarding):
            self._children(element)

    def _include(self, element: Element) -> None:
        file = absolute(Path(required(element, "file", self._scope)))
        if not file.is_file():
            raise LaunchError(f"included file {file} does not exist")
        # From here on the real $(dirname) is the included file's, also for its arguments.
        self._scope.folder_of_last_include = file.parent
        given: dict[str, str] = {}
        for argument in element.children:
            name = required(argument, "name", self._scope)
            given[name] = required(argument, "value", self._scope)
            self._scope.variables[name] = given[name]
        self.include(file, given)

    def _timer(self, element: Element) -> None:
        if self._scope.depth:
            raise LaunchError(
                "<timer> inside a scoped group (or an include in one): when it is due the group "
                "has ended, and its variables, namespace and environment with it; put the group "
                'inside the timer, or give the group scoped="false"'
            )
        period_s = parse_seconds(required(element, "period", self._scope))
        timer = _Timer(
            element,
            self._scope.folder,
            self._scope.folder_of_last_include,
            not parse_boolean(text(element, "cancel_on_shutdown", self._scope) or "true"),
        )
        self._timers_seen += 1
        heapq.heappush(self._timers, (self._now_s + period_s, self._timers_seen, timer))
