"""Suppression comments: which findings they hide, and which not."""

from __future__ import annotations

import pytest

from putback.source.suppress import Suppressions, Verb

NAME = "connection-never-released"


def hides(text: str, row: int, code: str = "PB101", end_row: int = 0) -> bool:
    """Whether the comments of `text` hide a finding of PB101 in `row`."""
    return Suppressions.parse(text).hides(code, NAME, row, end_row or row)


@pytest.mark.parametrize(
    "comment",
    [
        "# putback: ignore",
        "# putback: ignore[PB101]",
        "#putback:ignore[PB1]",
        "# putback: ignore[PB201, connection-never-released] the pool is drained on exit",
        "# PUTBACK: IGNORE[pb101]",
        "# putback: ignore[ALL]",
        "# noqa",
        "# NOQA",
        "# noqa: PB101",
        "# noqa:E501,PB101",
        "# noqa: PB1 we know",
        "# type: ignore[attr]  # putback: ignore[PB101]",
        "# noqa: E501  # putback: ignore[PB101]",
    ],
)
def test_comments_that_hide_a_finding_in_their_row(comment: str) -> None:
    assert hides(f"x = 1\nconn = take()  {comment}\n", 2)
    assert not hides(f"x = 1\nconn = take()  {comment}\n", 1)


@pytest.mark.parametrize(
    "comment",
    [
        "# putback: ignore[PB102]",
        "# putback: ignore[PB1010]",
        "# putback: ignored",
        "# noqa: E501",
        "# noqa: because",
        "# noqaPB101",
        "# flake8: noqa",
        "# ignore[PB101]",
    ],
)
def test_comments_that_do_not(comment: str) -> None:
    assert not hides(f"conn = take()  {comment}\n", 1)


def test_strings_are_no_comments() -> None:
    assert not hides('conn = take("# putback: ignore")\n', 1)
    assert not hides('"""\n# putback: ignore-file\n"""\nconn = take()\n', 4)


def test_a_comment_at_the_first_or_last_row_speaks_for_the_whole_statement() -> None:
    code = "conn = take(\n    1,\n    2,\n){}\n"
    assert hides(code.format("  # putback: ignore[PB101]"), 1)
    assert hides("conn = (  # putback: ignore[PB101]\n    take()\n)\n", 2)
    assert hides("with take(\n    1\n) as conn:  # noqa: PB101\n    pass\n", 1)


def test_a_comment_inside_a_statement_speaks_for_its_row() -> None:
    code = "both = (\n    take(),  # putback: ignore\n    take(),\n)\n"
    assert hides(code, 2)
    assert not hides(code, 3)
    assert hides(code, 1, end_row=4)


def test_a_comment_on_a_row_of_its_own_speaks_for_the_next_statement() -> None:
    code = "# putback: ignore[PB101] closed by the caller\n\nconn = take(\n    1,\n)\nother = take()\n"
    assert hides(code, 3)
    assert not hides(code, 6)
    assert not hides("# noqa\nconn = take()\n", 2)


def test_disable_and_enable() -> None:
    code = "a\n# putback: disable[PB101, PB201]\nb\n# putback: enable[PB101]\nc\n# putback: enable\nd\n"
    assert [hides(code, row) for row in (1, 3, 5, 7)] == [False, True, False, False]
    assert [hides(code, row, "PB201") for row in (1, 3, 5, 7)] == [False, True, True, False]


def test_disable_without_enable_lasts_to_the_end() -> None:
    assert hides("# putback: disable\n" + "x\n" * 50, 51)


def test_ignore_file() -> None:
    assert hides("x = 1\n\n# putback: ignore-file\n", 1)
    assert hides("# putback: ignore-file[PB101] generated\nx = 1\n", 2)
    assert not hides("# putback: ignore-file[PB101]\nx = 1\n", 2, "PB201")


@pytest.mark.parametrize("broken", ["def f(:\n    'abc\n", "if x:\n  a\n b\n", "x = (\n", "print 'x'\n", 'x = """\n'])
def test_broken_code_is_read_all_the_same(broken: str) -> None:
    assert hides("conn = take()  # putback: ignore\n" + broken, 1)
    Suppressions.parse(broken + "# putback: ignore\n" * 3)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends(end: str) -> None:
    assert hides(f"x = 1{end}conn = take()  # putback: ignore{end}y = 2{end}", 2)


def test_a_suppression_tells_what_it_is() -> None:
    found = Suppressions.parse("conn = take()  # noqa: E501  # putback: ignore[PB101] drained on exit\n")
    comment = found.by("PB101", NAME, 1, 1)
    assert comment is not None
    assert (comment.verb, comment.row, comment.column) == (Verb.IGNORE, 1, 30)
    assert (comment.rules, comment.reason) == (("PB101",), "drained on exit")
