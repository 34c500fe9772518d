"""How the text of <param value=...> becomes a value; checked against the real launch 3.4.2."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.plan import Plan


def value_of(plan_of: Callable[..., Plan], text: str, kind: str | None = None) -> object:
    quoted = text.replace('"', "&quot;")
    of_type = f'type="{kind}"' if kind else ""
    plan = plan_of(
        '<let name="one" value="1"/><let name="word" value="w"/>'
        f'<node pkg="demo_pkg" exec="talker">\n<param name="p" value="{quoted}" {of_type}/></node>'
    )
    (content,) = plan.processes[0].parameter_files.values()
    return yaml.safe_load(content)["/**"]["ros__parameters"]["p"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("1.0", 1.0),
        ("true", True),
        ("yes", True),
        ("off", False),
        ("1.0e3", "1.0e3"),  # YAML 1.1 wants a sign in the exponent
        ("1.0e+3", 1000.0),
        ("1e3", "1e3"),
        ("'1'", "1"),
        ("0x10", 16),
        ("010", 8),
        ("1_000", 1000),
        ("word", "word"),
        ("a, b", "a, b"),
        ("", ""),
        ("a: [", "a: ["),
        (r"a\b", "ab"),
        (r"\$(var one)", "$(var one)"),
        ("$(var one)", 1),
        ("'$(var one)'", 1),  # the quotes are gone before the substitution is done
        ("$(var one).5", 1.5),
        ("$(var x '')", ""),
        ("$(equals 1 1)", True),
        ("$(var x '[1, 2]')", [1, 2]),
        ("[1, 2]", [1, 2]),
        ("[1, $(var one)]", [1, 1]),
        ("[a, b]", ["a", "b"]),
        ("[$(var word), b]", ["w", "b"]),
        ("[1.5, $(var x 2.0)]", [1.5, 2.0]),
    ],
)
def test_values_follow_yaml(plan_of: Callable[..., Plan], text: str, expected: object) -> None:
    value = value_of(plan_of, text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("1", "str", "1"),
        ("[1]", "str", "[1]"),
        ("$(var one)", "str", "1"),
        (" 4 ", "int", 4),
        ("$(var one)", "int", 1),
        ("1", "float", 1.0),
        ("1e-3", "float", 0.001),
        ("$(var one)", "float", 1.0),
        ("1", "bool", True),
        ("$(var x yes)", "bool", True),
        ("[1, $(var one)]", "list_of_int", [1, 1]),
        ("[1.0, $(var one)]", "list_of_float", [1.0, 1.0]),
        ("[a, $(var one)]", "list_of_str", ["a", "1"]),
        ("[true]", "list_of_bool", [True]),
        ("1", "yaml", 1),
    ],
)
def test_a_type_decides(
    plan_of: Callable[..., Plan], text: str, kind: str, expected: object
) -> None:
    value = value_of(plan_of, text, kind)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("null", None),
        ("2020-01-01", None),
        ("a: b", None),
        ("[1, 2.0]", None),
        ("[1, a]", None),
        ("[true, 1]", None),
        ("[1, true]", None),
        ("[[1]]", None),
        ("[1, $(var word)]", None),
        ("$(var word): 1", None),
        ("$(var x 'a: [')", None),
        ("1.0", "int"),
        ("$(var word)", "int"),
        ("a", "float"),
        ("2", "bool"),
        ("", "bool"),
        ("$(var x 2)", "bool"),
        ("1", "list_of_int"),
        ("$(var x [1])", "list_of_int"),
        ("[1]", "list_of_float"),
        ("[1]", "list_of_str"),
        ("[]", "list_of_int"),
    ],
)
def test_values_that_ros_cannot_take_are_refused(
    plan_of: Callable[..., Plan], text: str, kind: str | None
) -> None:
    with pytest.raises(LaunchError, match=r"test\.launch\.xml:3: "):
        value_of(plan_of, text, kind)
