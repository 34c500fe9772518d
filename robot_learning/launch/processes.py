"""Turns `<node>` and `<executable>` tags into processes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

from robot_learning.launch.attributes import required, text
from robot_learning.launch.command_line import split_words
from robot_learning.launch.errors import LaunchError, located
from robot_learning.launch.evaluate import evaluate
from robot_learning.launch.grammar import parse_count, parse_output, parse_seconds
from robot_learning.launch.names import absolute_namespace, check_node_name, join_namespace
from robot_learning.launch.parameters import existing_file, parameter_yaml
from robot_learning.launch.plan import Process
from robot_learning.launch.scope import Scope
from robot_learning.launch.source import Element
from robot_learning.launch.values import parse_boolean

# The real launch's variable that replaces every output=.
SHOW_OVERRIDE = "OVERRIDE_LAUNCH_PROCESS_OUTPUT"
_TIMEOUT_S = "5"  # of the real launch, from SIGINT to SIGTERM and from there to SIGKILL


@dataclass
class ProcessBuilder:
    """Builds processes, numbering them and their parameter files in order.

    Args:
        parameters_dir: the folder that parameter files will be written to.
        allow_missing: go on where a package or program is not there, and say so in the process
            (to show a plan before anything is built).
    """

    parameters_dir: Path
    allow_missing: bool = False
    _processes: int = field(default=0, init=False)
    _files: int = field(default=0, init=False)

    def executable(self, element: Element, scope: Scope) -> Process:
        """The process of an `<executable>` tag.

        Raises:
            LaunchError: cmd= is empty, or the program is not there.
        """
        words = _words(element, "cmd", scope)
        if words[0] == "":
            raise LaunchError('cmd="" names no program', element.where)
        return self._process(element, scope, words, label=text(element, "name", scope))

    def node(self, element: Element, scope: Scope) -> Process:
        """The process of a `<node>` tag, with the arguments every ROS 2 node understands.

        Raises:
            LaunchError: a name is not valid, a parameter has no valid value, or a parameter file,
                the package or its executable is not there.
        """
        name = text(element, "name", scope)
        with located(element.where):
            if name is not None:
                check_node_name(name)
            namespace = absolute_namespace(scope.namespace, text(element, "namespace", scope))
        known = name is not None and namespace is not None
        known_as = join_namespace(namespace, name) if known else None

        program, missing = self._program(element, scope)
        command = [program, *_words(element, "args", scope)]
        if "ros_args" in element.attributes:
            command += ["--ros-args", *_words(element, "ros_args", scope)]
        command.append("--ros-args")
        if name is not None:
            command += ["-r", f"__node:={name}"]
        if namespace is not None:
            command += ["-r", f"__ns:={namespace}"]
        files: dict[Path, str] = {}
        for parameter in element.named("param"):
            if "from" in parameter.attributes:
                file = existing_file(parameter, scope)
            else:
                self._files += 1
                file = self.parameters_dir / f"launch_params_{self._files}.yaml"
                files[file] = parameter_yaml(parameter, scope, known_as)
            command += ["--params-file", str(file)]
        for remap in element.named("remap"):
            source, target = required(remap, "from", scope), required(remap, "to", scope)
            command += ["-r", f"{source}:={target}"]
        label = text(element, "exec_name", scope)
        process = self._process(element, scope, command, label=label, missing=missing)
        node = join_namespace(namespace or "/", name) if name is not None else None
        return replace(process, parameter_files=files, node=node, namespace=namespace)

    def _program(self, element: Element, scope: Scope) -> tuple[str, str | None]:
        """The program of a node, and why it cannot be run where that is so."""
        program = required(element, "exec", scope)
        package = text(element, "pkg", scope)
        if package is None:
            return program, None
        try:
            return str(scope.packages.executable(package, program)), None
        except LaunchError as error:
            if not self.allow_missing:
                raise LaunchError(str(error), element.where) from None
            return f"<not built>/lib/{package}/{program}", str(error)

    def _process(
        self,
        element: Element,
        scope: Scope,
        command: list[str],
        *,
        label: str | None,
        missing: str | None = None,
    ) -> Process:
        attributes = element.attributes
        environment = dict(scope.environment)
        for variable in element.named("env"):
            environment[required(variable, "name", scope)] = required(variable, "value", scope)
        prefix = text(element, "launch-prefix", scope)
        if prefix is None:
            prefix = scope.variables.get("launch-prefix", "")
        cwd = text(element, "cwd", scope)
        with located(element.where):
            command = [*shlex.split(prefix), *command]
            process = Process(
                label=f"{label or Path(command[0]).name}-{self._processes + 1}",
                command=tuple(command),
                environment=environment,
                where=element.where,
                cwd=Path(cwd) if cwd is not None else None,
                output=parse_output(self._output(element, scope)),
                respawn=parse_boolean(text(element, "respawn", scope) or "false"),
                respawn_delay_s=parse_seconds(attributes.get("respawn_delay", "0")),
                respawn_max_retries=parse_count(attributes.get("respawn_max_retries", "-1")),
                sigterm_timeout_s=_timeout_s(element, "sigterm_timeout", scope),
                sigkill_timeout_s=_timeout_s(element, "sigkill_timeout", scope),
                required="on_exit" in attributes,
                missing=missing,
            )
            if process.cwd is not None and not process.cwd.is_dir():
                raise LaunchError(f"cwd={cwd!r} is no folder")
            if missing is None and process.program() is None:
                missing = f"program {command[0]!r} not found, or not executable"
                if not self.allow_missing:
                    raise LaunchError(missing)
                process = replace(process, missing=missing)
        self._processes += 1
        return process

    @staticmethod
    def _output(element: Element, scope: Scope) -> str:
        override = scope.environment.get(SHOW_OVERRIDE)
        return override or text(element, "output", scope) or "log"


def _words(element: Element, attribute: str, scope: Scope) -> list[str]:
    if attribute not in element.attributes:
        return []
    with located(element.where):
        words = split_words(element.attributes[attribute])
        return [evaluate(word, scope) for word in words]


def _timeout_s(element: Element, name: str, scope: Scope) -> float:
    """A timeout: its attribute, else the variable of that name, else the real launch's."""
    default = scope.variables.get(name, _TIMEOUT_S)
    return parse_seconds(element.attributes.get(name, default))
