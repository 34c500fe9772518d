"""The expected values were read off the real front end (launch 3.4.2 with its Lark grammar)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.substitutions import Call, parse_template, unescape


def call(name: str, *arguments: tuple[str | Call, ...]) -> Call:
    return Call(name, arguments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("plain text", ("plain text",)),
        ("$", ("$",)),
        ("a$b", ("a$b",)),
        ("a)", ("a)",)),
        ('it\'s "q"', ('it\'s "q"',)),
        (r"a\b", ("ab",)),
        (r"a\\b", (r"a\b",)),
        ("a\\", ("a\\",)),
        (r"\$(var x)", ("$(var x)",)),
        (r"\\$(var x)", (r"\$(var x)",)),
        ("$(dirname)", (call("dirname"),)),
        ("$(a_b-c)", (call("a_b-c"),)),
        ("$$(var x)", ("$", call("var", ("x",)))),
        ("$(var x)/y", (call("var", ("x",)), "/y")),
        ("é$(env é)", ("é", call("env", ("é",)))),
        ("$(var x$)", (call("var", ("x$",)),)),
        ("$(var x 'a b')", (call("var", ("x",), ("a b",)),)),
        ("$(var x '')", (call("var", ("x",), ()),)),
        ('$(var "x")', (call("var", ("x",)),)),
        ('$(var x "a\'b")', (call("var", ("x",), ("a'b",)),)),
        (r"$(var x 'it\'s')", (call("var", ("x",), ("it's",)),)),
        (r"$(var x \)\()", (call("var", ("x",), (")(",)),)),
        (r"$(var x a\ b)", (call("var", ("x",), ("a\\",), ("b",)),)),
        ("$(var x 'a)' c)", (call("var", ("x",), ("a)",), ("c",)),)),
        ("$(var $(var y))", (call("var", (call("var", ("y",)),)),)),
        ("$(var a$(var y)b c)", (call("var", ("a", call("var", ("y",)), "b"), ("c",)),)),
        (
            "$(var x 'a $(env H) b')",
            (call("var", ("x",), ("a ", call("env", ("H",)), " b")),),
        ),
        (
            "$(var x 'a $(env H \"q) b')",
            (call("var", ("x",), ("a ", call("env", ("H",), ('"q',)), " b")),),
        ),
    ],
)
def test_reads_what_the_real_front_end_reads(text: str, expected: tuple[str | Call, ...]) -> None:
    assert parse_template(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "$(var x",
        "$(",
        "$( dirname)",
        "$(dirname )",
        "$(var x  y)",
        "$(var\tx)",
        "$(1a)",
        "$(var x a'b)",
        "$(var x 'a'b)",
        "$(var x 'a)",
        r"$(var x \$(var y))",
        r"$(var x \\)",
        r"$(var x 'a\\')",
        "$(var x a(b)",
    ],
)
def test_refuses_what_the_real_front_end_refuses(text: str) -> None:
    with pytest.raises(LaunchError, match="at column"):
        parse_template(text)


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_a_dollar_is_itself_without_its_escapes(text: str) -> None:
    assert "".join(str(part) for part in parse_template(text)) == unescape(text)


@given(st.text(alphabet="$(var x'\"\\)", max_size=30))
def test_any_text_is_either_read_or_refused_with_a_column(text: str) -> None:
    try:
        parse_template(text)
    except LaunchError as error:
        assert "at column" in str(error)
