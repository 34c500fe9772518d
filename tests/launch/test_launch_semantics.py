"""Scopes, conditions, arguments and time; outcomes checked against the real launch 3.4.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.plan import Message, Plan, Process, Shutdown

NODE = 'pkg="demo_pkg" exec="talker"'


def messages(plan: Plan) -> list[str]:
    return [step.action.text for step in plan.steps if isinstance(step.action, Message)]


def said(plan_of: Callable[..., Plan], content: str, **arguments: str) -> list[str]:
    return messages(plan_of(content, arguments))


# Substitutions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(var v)", "1"),
        ("$(var nope d)", "d"),
        ("$(var nope '')", ""),
        ("$(var v $(var nope))", "1"),  # a default that is not needed is not looked at
        ("$(var $(var name))", "1"),
        ("$(env HOME)", "/home/user"),
        ("$(env NOPE d)", "d"),
        ("$(not yes)", "false"),
        ("$(not 0)", "true"),
        ("$(and 1 on)", "true"),
        ("$(and true off)", "false"),
        ("$(or 0 off)", "false"),
        ("$(equals True 1)", "true"),
        ("$(equals 1.0 1)", "true"),
        ("$(equals 0.1 0.10000000001)", "true"),
        ("$(equals nan nan)", "false"),
        ("$(equals a A)", "false"),
        ("$(not-equals a A)", "true"),
        ("$(if true yes no)", "yes"),
        ("$(if false 'a b')", ""),
        ("$(if $(equals $(var v) 1) '' x)", ""),
    ],
)
def test_substitutions(plan_of: Callable[..., Plan], text: str, expected: str) -> None:
    content = f'<let name="v" value="1"/><let name="name" value="v"/><log message="[{text}]"/>'
    assert said(plan_of, content) == [f"[{expected}]"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$(var steos)", "variable 'steos' is not defined here; did you mean steps?"),
        ("$(env NOPE_NOPE)", "environment variable 'NOPE_NOPE' is not set"),
        ("$(find-exec no-such-program)", "executable 'no-such-program' is not on the PATH"),
        ("$(find-pkg-share demo_pk)", "package 'demo_pk' not found; did you mean demo_pkg?"),
        ("$(not maybe)", "expected a boolean, found 'maybe'"),
        ("$(and true '')", "expected a boolean, found ''"),
    ],
)
def test_substitutions_that_cannot_be_done_are_named_with_their_line(
    plan_of: Callable[..., Plan], text: str, message: str
) -> None:
    with pytest.raises(LaunchError) as failed:
        plan_of(f'<let name="steps" value="1"/>\n<log message="{text}"/>')
    assert ":3: " in str(failed.value)
    assert message in str(failed.value)


def test_find_exec_and_find_pkg_share_give_absolute_paths(
    plan_of: Callable[..., Plan], prefix: Path
) -> None:
    found = said(plan_of, '<log message="$(find-pkg-share demo_pkg) $(find-exec sh)"/>')
    share, program = found[0].split()
    assert share == str(prefix / "share" / "demo_pkg")
    assert Path(program).is_absolute()
    assert Path(program).name == "sh"


# Conditions


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('if="true"', True),
        ('if=" TRUE "', True),
        ('if="1"', True),
        ('if="False"', False),
        ('if="0"', False),
        ('unless="0"', True),
        ('unless="true"', False),
        ('if="$(not $(equals a b))"', True),
        ('if="$(var flag)"', True),
    ],
)
def test_conditions(plan_of: Callable[..., Plan], condition: str, expected: bool) -> None:
    plan = plan_of(f'<let name="flag" value="True"/><log message="a" {condition}/>')
    assert messages(plan) == (["a"] if expected else [])


@pytest.mark.parametrize("value", ["yes", "on", "", "2"])
def test_a_condition_that_comes_to_anything_else_is_an_error(
    plan_of: Callable[..., Plan], value: str
) -> None:
    with pytest.raises(LaunchError, match=r":2: a condition must be true, 1, false or 0"):
        plan_of(f"<log message='a' if=\"$(var x '{value}')\"/>")


# Arguments


def test_an_argument_keeps_a_value_that_is_set_already(plan_of: Callable[..., Plan]) -> None:
    content = '<let name="a" value="1"/><arg name="a" default="2"/><log message="$(var a)"/>'
    assert said(plan_of, content) == ["1"]


def test_a_given_value_comes_before_the_default(plan_of: Callable[..., Plan]) -> None:
    content = '<arg name="a" default="2"/><log message="$(var a)"/>'
    assert said(plan_of, content) == ["2"]
    assert said(plan_of, content, a="7") == ["7"]


def test_defaults_see_earlier_arguments(plan_of: Callable[..., Plan]) -> None:
    content = (
        '<arg name="a" default="x"/><arg name="b" default="$(var a)/y"/><log message="$(var b)"/>'
    )
    assert said(plan_of, content) == ["x/y"]


def test_a_missing_argument_is_named_with_its_description(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match=r"argument 'robot' \(which arm\) must be given"):
        plan_of('<arg name="robot" description="which arm"/>')


def test_a_misspelt_required_argument_shows_what_was_given(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match="argument 'robot' must be given; 'robto' was given"):
        plan_of('<arg name="robot"/>', {"robto": "panda"})


def test_an_unknown_argument_is_refused_with_the_near_name(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match="no argument 'stepz'; did you mean steps"):
        plan_of('<arg name="steps" default="1"/>', {"stepz": "2"})


def test_arguments_of_included_files_may_be_given_from_outside(
    plan_of: Callable[..., Plan], launch_file: Callable[..., Path]
) -> None:
    launch_file('<arg name="deep" default="1"/><log message="$(var deep)"/>', "sub.launch.xml")
    content = '<include file="$(dirname)/sub.launch.xml"/>'
    assert said(plan_of, content, deep="5") == ["5"]


@pytest.mark.parametrize("given", [{}, {"mode": "b"}])
def test_choices_accept_a_listed_value(plan_of: Callable[..., Plan], given: dict[str, str]) -> None:
    content = '<arg name="mode" default="a"><choice value="a"/><choice value="b"/></arg>'
    plan_of(content, given)


def test_choices_refuse_any_other_value(plan_of: Callable[..., Plan]) -> None:
    content = '<arg name="mode" default="a">\n<choice value="a"/><choice value="b"/></arg>'
    with pytest.raises(LaunchError, match=r":2: argument 'mode' is 'c'; expected one of: a, b"):
        plan_of(content, {"mode": "c"})


# Groups


def test_groups_scope_variables_environment_and_namespace(plan_of: Callable[..., Plan]) -> None:
    content = f"""
        <set_env name="A" value="1"/>
        <group>
          <let name="v" value="in"/> <set_env name="A" value="2"/>
          <push_ros_namespace namespace="cell"/>
          <log message="$(var v) $(env A)"/> <node {NODE} name="n"/>
        </group>
        <log message="$(var v out) $(env A)"/> <node {NODE} name="n"/>
    """
    plan = plan_of(content)
    assert messages(plan) == ["in 2", "out 1"]
    assert [process.node for process in plan.processes] == ["/cell/n", "/n"]
    assert [process.environment["A"] for process in plan.processes] == ["2", "1"]


def test_an_unscoped_group_keeps_what_it_sets(plan_of: Callable[..., Plan]) -> None:
    content = '<group scoped="false"><let name="v" value="1"/></group><log message="$(var v)"/>'
    assert said(plan_of, content) == ["1"]


def test_a_group_without_forwarding_starts_from_nothing(plan_of: Callable[..., Plan]) -> None:
    content = """
        <let name="v" value="1"/> <set_env name="A" value="1"/>
        <group forwarding="false"><log message="$(var v gone) $(env A gone) $(env HOME)"/></group>
        <log message="$(var v) $(env A)"/>
    """
    assert said(plan_of, content) == ["gone gone /home/user", "1 1"]


# Includes


@pytest.fixture
def child(launch_file: Callable[..., Path]) -> Path:
    return launch_file(
        '<arg name="need"/><arg name="opt" default="inner"/>'
        '<log message="$(dirname) $(var need) $(var opt)"/><let name="left" value="behind"/>',
        "sub/child.launch.xml",
    )


def test_an_include_is_not_scoped(plan_of: Callable[..., Plan], child: Path) -> None:
    content = f"""
        <include file="{child}"><arg name="need" value="7"/></include>
        <log message="$(var need) $(var left)"/>
    """
    assert said(plan_of, content) == [f"{child.parent} 7 inner", "7 behind"]


def test_an_include_in_a_group_is_scoped(plan_of: Callable[..., Plan], child: Path) -> None:
    content = f"""
        <group><include file="{child}"><arg name="need" value="7"/></include></group>
        <log message="$(var need gone)"/>
    """
    assert said(plan_of, content)[-1] == "gone"


def test_an_included_argument_keeps_a_value_of_the_outer_file(
    plan_of: Callable[..., Plan], child: Path
) -> None:
    content = f"""
        <arg name="opt" default="outer"/>
        <include file="{child}"><arg name="need" value="7"/></include>
    """
    assert said(plan_of, content) == [f"{child.parent} 7 outer"]


def test_a_required_argument_must_be_given_by_the_include_itself(
    plan_of: Callable[..., Plan], child: Path
) -> None:
    content = f'<let name="need" value="1"/><include file="{child}"/>'
    with pytest.raises(LaunchError, match=r"child\.launch\.xml:1: argument 'need' must be given"):
        plan_of(content)


def test_dirname_is_refused_where_jazzy_would_give_the_included_folder(
    plan_of: Callable[..., Plan], child: Path
) -> None:
    include = f'<include file="{child}">\n<arg name="need" value="{{}}"/></include>\n'
    after = '<log message="$(dirname)"/>'
    with pytest.raises(LaunchError, match=r":4: \$\(dirname\) after"):
        plan_of(include.format("1") + after)
    with pytest.raises(LaunchError, match=r":3: \$\(dirname\) after"):
        plan_of(include.format("$(dirname)"))


def test_dirname_stays_after_including_a_neighbour(
    plan_of: Callable[..., Plan], launch_file: Callable[..., Path]
) -> None:
    file = launch_file('<log message="child"/>', "near.launch.xml")
    content = '<include file="$(dirname)/near.launch.xml"/><log message="$(dirname)"/>'
    assert said(plan_of, content) == ["child", str(file.parent)]


def test_errors_in_an_included_file_name_that_file(
    plan_of: Callable[..., Plan], launch_file: Callable[..., Path]
) -> None:
    file = launch_file('<log message="$(var nope)"/>', "sub.launch.xml")
    with pytest.raises(LaunchError) as failed:
        plan_of(f'<include file="{file}"/>')
    assert str(failed.value).startswith(f"{file}:2: ")


def test_an_include_that_is_not_there_is_named(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match=r"test\.launch\.xml:2: included file .*nope\.xml"):
        plan_of('<include file="$(dirname)/nope.xml"/>')


def test_includes_that_go_round_in_a_circle_end(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match="circle"):
        plan_of('<include file="$(dirname)/test.launch.xml"/>')


# Time


def test_timers_come_after_the_file_in_the_order_they_are_due(
    plan_of: Callable[..., Plan],
) -> None:
    plan = plan_of(
        """
        <let name="v" value="early"/>
        <timer period="2"><log message="second $(var v)"/>
          <timer period="0.5"><shutdown reason="done $(var v)"/></timer></timer>
        <timer period="$(var p 1)"><log message="first $(var v)"/></timer>
        <let name="v" value="late"/>
        <log message="now"/>
        """
    )
    assert [(step.at_s, step.action) for step in plan.steps] == [
        (0.0, Message("now")),
        (1.0, Message("first late")),
        (2.0, Message("second late")),
        (2.5, Shutdown("done late")),
    ]


def test_a_timer_in_a_scoped_group_is_refused(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match=r":3: <timer> inside a scoped group"):
        plan_of("<group>\n<timer period='1'><log message='a'/></timer></group>")


def test_a_group_in_a_timer_scopes_as_ever(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(
        f"""<timer period="1"><group><push_ros_namespace namespace="cell"/>
            <node {NODE} name="n"/></group></timer>"""
    )
    assert [process.node for process in plan.processes] == ["/cell/n"]


def test_a_timer_may_survive_a_shutdown(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(
        '<timer period="1" cancel_on_shutdown="false"><log message="a"/></timer>'
        '<timer period="2"><log message="b"/></timer>'
    )
    assert [step.survives_shutdown for step in plan.steps] == [True, False]


# Warnings


def test_two_nodes_of_one_name_are_warned_of(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(f'<node {NODE} name="n"/><node {NODE} name="n"/><node {NODE} name="m"/>')
    assert plan.warnings == ("2 nodes are called /n: ROS 2 cannot tell them apart",)
    assert all(isinstance(step.action, Process) for step in plan.steps)
