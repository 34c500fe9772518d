"""Command lines and parameter files, as the real launch 3.4.2 and launch_ros 0.26 make them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.plan import Plan, Process

NODE = '<node pkg="demo_pkg" exec="talker"'


def only(plan: Plan) -> Process:
    (process,) = plan.processes
    return process


def arguments(plan: Plan) -> list[str]:
    return list(only(plan).command[1:])


def test_the_whole_command_line_of_a_node(
    plan_of: Callable[..., Plan], prefix: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text("/**: {ros__parameters: {a: 1}}\n")
    plan = plan_of(
        f"""
        <push_ros_namespace namespace="cell"/>
        {NODE} name="demo" namespace="arm" args="--fast x" ros_args="--log-level info">
          <param name="rate" value="20.0"/>
          <param from="$(dirname)/p.yaml"/>
          <param name="gains"><param name="p" value="1"/>
            <param name="more"><param name="d" value="[1, 2]"/></param></param>
          <remap from="joint_states" to="/robot/joint_states"/>
          <remap from="a" to="b"/>
        </node>
        """
    )
    process = only(plan)
    params = tmp_path / "params"
    assert list(process.command) == [
        str(prefix / "lib" / "demo_pkg" / "talker"),
        "--fast", "x",
        "--ros-args", "--log-level", "info",
        "--ros-args",
        "-r", "__node:=demo",
        "-r", "__ns:=/cell/arm",
        "--params-file", str(params / "launch_params_1.yaml"),
        "--params-file", str(tmp_path / "p.yaml"),
        "--params-file", str(params / "launch_params_2.yaml"),
        "-r", "joint_states:=/robot/joint_states",
        "-r", "a:=b",
    ]  # fmt: skip
    assert process.parameter_files == {
        params / "launch_params_1.yaml": "/cell/arm/demo:\n  ros__parameters:\n    rate: 20.0\n",
        params / "launch_params_2.yaml": (
            "/cell/arm/demo:\n  ros__parameters:\n"
            "    gains.more.d:\n    - 1\n    - 2\n    gains.p: 1\n"
        ),
    }
    assert process.label == "talker-1"
    assert process.node == "/cell/arm/demo"
    assert process.where.endswith("test.launch.xml:4")


def test_the_shortest_command_line(plan_of: Callable[..., Plan]) -> None:
    assert arguments(plan_of(f"{NODE}/>")) == ["--ros-args"]


@pytest.mark.parametrize(
    ("pushed", "namespace", "expected"),
    [
        ([], None, None),
        ([], "", "/"),
        ([], "/", "/"),
        ([], "a", "/a"),
        ([], "/a/", "/a"),
        (["a"], None, "/a"),
        (["a", "b"], None, "/a/b"),
        (["a", "/b"], "c", "/b/c"),
        (["a"], "/c", "/c"),
        (["a"], "", "/a"),
        (["/"], "x", "/x"),
        ([""], None, "/"),
    ],
)
def test_relative_namespaces_are_joined_and_absolute_ones_replace(
    plan_of: Callable[..., Plan], pushed: list[str], namespace: str | None, expected: str | None
) -> None:
    pushes = "".join(f'<push_ros_namespace namespace="{name}"/>' for name in pushed)
    own = "" if namespace is None else f'namespace="{namespace}"'
    found = arguments(plan_of(f"{pushes}{NODE} {own}/>"))
    assert found == (["--ros-args"] + (["-r", f"__ns:={expected}"] if expected else []))


@pytest.mark.parametrize("name", ["a-b", "9a", "", "a/b", "~a", "a" * 256])
def test_invalid_node_names_are_refused(plan_of: Callable[..., Plan], name: str) -> None:
    with pytest.raises(LaunchError, match=r":2: '.*' is no valid node name"):
        plan_of(f'{NODE} name="{name}"/>')


@pytest.mark.parametrize("name", ["a b", "9", "a//b", "a-b", "/" + "a" * 250])
def test_invalid_namespaces_are_refused(plan_of: Callable[..., Plan], name: str) -> None:
    with pytest.raises(LaunchError, match=r":2: '.*' is no valid namespace"):
        plan_of(f'{NODE} namespace="{name}"/>')


@pytest.mark.parametrize(
    ("attributes", "key"),
    [
        ("", "/**"),
        ('name="n"', "/**"),
        ('namespace="a"', "/**"),
        ('name="n" namespace="a"', "/a/n"),
        ('name="n" namespace="/"', "/n"),
    ],
)
def test_parameters_are_for_the_full_name_where_it_is_known(
    plan_of: Callable[..., Plan], attributes: str, key: str
) -> None:
    process = only(plan_of(f'{NODE} {attributes}><param name="a" value="1"/></node>'))
    (text,) = process.parameter_files.values()
    assert text == f"{key}:\n  ros__parameters:\n    a: 1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-a  b", ["-a", "b"]),
        ("'c d' e", ["c d", "e"]),
        ('a"b c"', ["ab c"]),
        (r"a\ b", ["a", "b"]),  # the grammar takes the backslash before the words are split
        ("", [""]),
        ("$(var two)", ["x y"]),  # a substitution is one word, whatever it gives
        ("--x=$(var two)/z", ["--x=x y/z"]),
        ("$(var two)$(var two)", ["x yx y"]),
        ("$(var two) $(var two)", ["x y", "x y"]),
        ("a $(var two) b", ["a", "x y", "b"]),
        ("a b$(var two)c d e f", ["a", "bx yc", "d", "e", "f"]),
        (" $(var two)", ["", "x y"]),
        ("$(var two) ", ["x y"]),
        ("$(var none '')", [""]),
    ],
)
def test_arguments_are_split_like_a_shell_around_substitutions(
    plan_of: Callable[..., Plan], text: str, expected: list[str]
) -> None:
    quoted = text.replace('"', "&quot;")
    plan = plan_of(f'<let name="two" value="x y"/>{NODE} args="{quoted}"/>')
    assert arguments(plan) == [*expected, "--ros-args"]


def test_a_quote_around_a_substitution_is_refused(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match=r":2: a quote is not closed in \"'a \""):
        plan_of(f"""<let name="v" value="1"/>{NODE} args="'a $(var v)'"/>""")


def test_executables_are_commands_as_they_are(plan_of: Callable[..., Plan]) -> None:
    process = only(plan_of('<executable cmd="sh -c \'exit 0\'" name="job" output="both"/>'))
    assert process.command == ("sh", "-c", "exit 0")
    assert process.label == "job-1"
    assert process.on_screen


def test_labels_count_all_processes(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(f'{NODE} exec_name="a"/>{NODE} if="false"/><executable cmd="sh"/>{NODE}/>')
    assert [process.label for process in plan.processes] == ["a-1", "sh-2", "talker-3"]


def test_env_tags_add_to_the_environment_of_one_process(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(
        f"""<set_env name="A" value="1"/>
            {NODE}><env name="B" value="$(env A)2"/><env name="A" value="0"/></node>{NODE}/>"""
    )
    first, second = (process.environment for process in plan.processes)
    assert (first["A"], first["B"]) == ("0", "12")
    assert second["A"] == "1"
    assert "B" not in second


def test_the_process_attributes_reach_the_process(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    process = only(
        plan_of(
            f"""<let name="yes" value="true"/>
            {NODE} cwd="$(dirname)" output="screen" respawn="$(var yes)" respawn_delay="0.5"
             respawn_max_retries="3" sigterm_timeout="1" sigkill_timeout="2.5" on_exit="shutdown"
             launch-prefix="nice -n 5"/>"""
        )
    )
    assert process.cwd == tmp_path
    assert (process.output, process.respawn, process.required) == ("screen", True, True)
    assert (process.respawn_delay_s, process.respawn_max_retries) == (0.5, 3)
    assert (process.sigterm_timeout_s, process.sigkill_timeout_s) == (1.0, 2.5)
    assert process.command[:3] == ("nice", "-n", "5")
    assert process.label == "nice-1"


def test_the_timeouts_default_to_variables_then_to_five_seconds(
    plan_of: Callable[..., Plan],
) -> None:
    process = only(plan_of(f"{NODE}/>", {"sigterm_timeout": "1.5"}))
    assert (process.sigterm_timeout_s, process.sigkill_timeout_s) == (1.5, 5.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('<node pkg="demo_pkg" exec="talkr"/>', "has no executable 'talkr'; did you mean talker?"),
        ('<node pkg="demo_pgk" exec="a"/>', "package 'demo_pgk' not found; did you mean demo_pkg?"),
        ('<executable cmd="no-such-program a"/>', "program 'no-such-program' not found"),
        ('<executable cmd="/etc/passwd"/>', "program '/etc/passwd' not found, or not executable"),
        ('<executable cmd=""/>', 'cmd="" names no program'),
        ('<executable cmd="sh" cwd="/no/such/folder"/>', "cwd='/no/such/folder' is no folder"),
        (f'{NODE}><param from="/no.yaml"/></node>', "parameter file /no.yaml does not exist"),
    ],
)
def test_what_is_missing_is_said_before_anything_starts(
    plan_of: Callable[..., Plan], content: str, message: str
) -> None:
    with pytest.raises(LaunchError) as failed:
        plan_of(content)
    assert "test.launch.xml:2: " in str(failed.value)
    assert message in str(failed.value)


def test_a_package_that_is_not_built_says_how_to_build_it(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match="should hold 'sim'") as failed:
        plan_of('<node pkg="robot_learning_nodes" exec="sim"/>')
    assert "make setup" in str(failed.value)


def test_a_plan_can_be_made_before_anything_is_built(plan_of: Callable[..., Plan]) -> None:
    process = only(plan_of('<node pkg="nodes" exec="sim" name="sim"/>', allow_missing=True))
    assert process.command == ("<not built>/lib/nodes/sim", "--ros-args", "-r", "__node:=sim")
    assert process.missing is not None
    assert "make setup" in process.missing
