"""The words in the code of a slice."""

from __future__ import annotations

import pytest

from putback.source.slices import without_prose, words


@pytest.mark.parametrize(
    "code",
    [
        "# connect",
        "x = 1  # connect() here",
        "'connect'",
        '"it\'s connect"',
        '"a \\" connect"',
        "'''connect\n\"connect\"\n'''",
        '"""a "quoted" connect\n# connect\n"""',
        '"""ends in a quote: connect\\""""',
        "rb'connect'",
        "x = '' + \"connect\" + ''",
        '"#" + "connect"',
    ],
)
def test_words_in_comments_and_strings_are_no_code(code: str) -> None:
    assert b"connect" not in words(without_prose(code.encode()))


@pytest.mark.parametrize(
    "code",
    [
        "connect()",
        'f"{connect()}"',
        "rf'{connect()}'",
        "F'''{\nconnect()}'''",
        "x = '#' ; connect()",
        "'it' + connect() + 's'",
        '"""doc"""\nconnect()',
        "'\\'' ; connect()",
        "# it's\nconnect()\n# isn't it",
        '""; connect(); ""',
    ],
)
def test_words_of_code_stay(code: str) -> None:
    assert b"connect" in words(without_prose(code.encode()))
