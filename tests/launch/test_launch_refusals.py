from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.expand import expand
from robot_learning.launch.plan import Plan

NODE = 'pkg="demo_pkg" exec="talker"'


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        # Tags
        ("<nod/>", 2, "tag <nod> is not supported in <launch>; did you mean node?"),
        ("\n<push-ros-namespace namespace='a'/>", 3, "did you mean push_ros_namespace?"),
        ("<unset_env name='A'/>", 2, "tag <unset_env> is not supported"),
        ("<set_parameter name='a' value='1'/>", 2, "tag <set_parameter> is not supported"),
        ("<group>\n<keep name='a' value='b'/>\n</group>", 3, "tag <keep> is not supported"),
        (f"<node {NODE}>\n<parm name='a' value='1'/>\n</node>", 3, "did you mean param?"),
        ("<let name='a' value='b'><env name='a' value='b'/></let>", 2, "nothing is allowed there"),
        ("<executable cmd='true'><param name='a' value='1'/></executable>", 2, "<param>"),
        # Attributes
        (f"<node {NODE} ns='a'/>", 2, "attribute ns= is not supported in <node>; did you mean "
         "namespace?"),
        (f"<node {NODE} shell='true'/>", 2, "attribute shell= is not supported"),
        (f"<node {NODE} emulate_tty='true'/>", 2, "attribute emulate_tty= is not supported"),
        (f"<node {NODE} respawn-delay='1'/>", 2, "did you mean respawn_delay?"),
        (f"<node {NODE}><param name='a' value='1' value-sep=','/></node>", 2, "value-sep="),
        (f"<node {NODE}><param from='x' allow_substs='true'/></node>", 2, "allow_substs="),
        ("<arg name='a' value='1'/>", 2, "attribute value= is not supported in <arg>"),
        ("<node pkg='demo_pkg'/>", 2, "<node> needs the attribute exec="),
        ("<let name='a'/>", 2, "<let> needs the attribute value="),
        ("<log/>", 2, "<log> needs the attribute message="),
        ("<include file='x'>\n<arg name='a'/>\n</include>", 3, "needs the attribute value="),
        ("<log message='a' if='true' unless='false'/>", 2, "both if= and unless="),
        # Substitutions
        ("<log message='$(eval 1)'/>", 2, "substitution $(eval ...) in message= of <log> is not"),
        ("<log message='$(find-pkg-prefix a)'/>", 2, "did you mean find-pkg-share?"),
        ("<log message='$(not_equals a b)'/>", 2, "did you mean not-equals?"),
        ("<log message='$(anon a)'/>", 2, "$(anon ...)"),
        ("<log message='$(command ls)'/>", 2, "$(command ...)"),
        ("<log message='$(var a $(filename))'/>", 2, "$(filename ...)"),
        ("<log message='$(var)'/>", 2, "takes 1 to 2 argument(s), found 0"),
        ("<log message='$(dirname a)'/>", 2, "takes 0 argument(s), found 1"),
        ("<log message='$(and a b c)'/>", 2, "takes 2 argument(s), found 3"),
        ("<log message='$(var a'/>", 2, "not closed"),
        ("<log message=\"$(equals $(var a) '')\"/>", 2, "does not compare as empty"),
        # Values
        (f"<node {NODE} respawn_delay='$(var a)'/>", 2, "takes no substitution"),
        (f"<node {NODE} respawn_delay='-1'/>", 2, "zero or more seconds, found '-1'"),
        (f"<node {NODE} sigterm_timeout='inf'/>", 2, "zero or more seconds, found 'inf'"),
        (f"<node {NODE} sigkill_timeout='nan'/>", 2, "zero or more seconds, found 'nan'"),
        (f"<node {NODE} respawn_max_retries='1.5'/>", 2, "a whole number, found '1.5'"),
        (f"<node {NODE} on_exit='restart'/>", 2, 'expected "shutdown"'),
        (f"<node {NODE} output='scren'/>", 2, "expected one of log, screen"),
        (f"<node {NODE} respawn='maybe'/>", 2, "expected a boolean"),
        ("<group scoped='$(var a)'/>", 2, "takes no substitution"),
        ("<timer period='soon'/>", 2, "zero or more seconds"),
        ("<log message='a' if='yes'/>", 2, "must be true, 1, false or 0, found 'yes'"),
        ("<log message='a' unless=''/>", 2, "must be true, 1, false or 0, found ''"),
        ("<arg name='$(var a)'/>", 2, "takes no substitution"),
        ("<arg name='a' default='c'>\n<choice value='a'/></arg>", 2, "not among its choices: a"),
        (f"<node {NODE}>\n<param name='a'/></node>", 3, "needs either value= or nested"),
        (f"<node {NODE}>\n<param/></node>", 3, "needs name="),
        (f"<node {NODE}>\n<param name='a' value='1' type='integer'/></node>", 3, "mean int?"),
        (f"<node {NODE}>\n<param name='a' value='x' type='int'/></node>", 3, "expected int"),
        (f"<node {NODE}>\n<param name='a' from='b'/></node>", 3, "stands alone"),
        (f"<node {NODE}>\n<param name='a' value='b: c'/></node>", 3, "quote it if it is text"),
        # Text and documents
        ("<log message='a'/>\nhello", 4, "text between tags has no meaning: 'hello'"),
        ("<log message='a'>", 3, "broken XML: mismatched tag"),
        ("<log message='a' message='b'/>", 2, "broken XML: duplicate attribute"),
    ],
)  # fmt: skip
def test_what_is_outside_the_subset_is_refused_with_its_line(
    plan_of: Callable[..., Plan], content: str, line: int, message: str
) -> None:
    with pytest.raises(LaunchError) as refused:
        plan_of(content)
    text = str(refused.value)
    assert f"test.launch.xml:{line}: " in text
    assert message in text
    assert "\n" not in text


def test_branches_that_are_not_taken_are_checked_too(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(LaunchError, match=r":3: tag <bogus>"):
        plan_of("<group if='false'>\n<bogus/></group>")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<robot/>", "the root tag is <robot>; expected <launch>"),
        (b"", "broken XML"),
        (b"\xff\xfe\x00", "broken XML"),
        (b"<launch version='1'/>", "attribute version= is not supported"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><launch/>", "document type"),
    ],
)
def test_what_is_no_launch_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.launch.xml"
    file.write_bytes(content)
    with pytest.raises(LaunchError) as refused:
        expand(file, {}, environment={}, parameters_dir=tmp_path)
    assert str(refused.value).startswith(str(file))
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["a.launch.py", "a.launch.yaml", "a.yml"])
def test_other_kinds_of_launch_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(LaunchError, match="only XML launch files"):
        expand(tmp_path / name, {}, environment={}, parameters_dir=tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"nope\.launch\.xml: cannot be read: No such file"):
        expand(tmp_path / "nope.launch.xml", {}, environment={}, parameters_dir=tmp_path)
