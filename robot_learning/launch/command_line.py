"""Splits a value into command-line arguments, as the real launch does.

Literal text is split like a shell's words (quotes hold words together); a substitution is never
split, whatever it gives, and joins the word it touches.
"""

from __future__ import annotations

import shlex

from robot_learning.launch.errors import LaunchError
from robot_learning.launch.substitutions import Call, Template, parse_template


def split_words(text: str) -> list[Template]:
    """The words of a value, each a template.

    Raises:
        LaunchError: a quote is not closed before the next substitution or the end.
    """
    if not text:
        return [()]  # as the real one: args="" is one empty argument
    words: list[Template] = []
    word: list[str | Call] = []

    def end_word() -> None:
        words.append(tuple(word))
        word.clear()

    for part in parse_template(text):
        if isinstance(part, Call):
            word.append(part)
            continue
        try:
            tokens = shlex.split(part)
        except ValueError:
            raise LaunchError(
                f"a quote is not closed in {part!r}; quotes cannot span a substitution: "
                "quote inside it, or leave the quotes out (a substitution is one word anyway)"
            ) from None
        if not tokens:
            end_word()
            continue
        if part[0].isspace() and word:
            end_word()
        for index, token in enumerate(tokens):
            if index > 0:
                end_word()
            word.append(token)
        if part[-1].isspace():
            end_word()
    if word:
        end_word()
    return words
