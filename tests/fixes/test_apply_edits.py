"""Edits become bytes: what is not edited stays as it is, whatever the line ends and the encoding."""

from __future__ import annotations

import pytest

from putback.fixes.apply import plan, spliced
from putback.model.errors import SpliceError
from putback.model.finding import Confidence, Finding, Severity
from putback.model.fix import Applicability, Edit, Fix
from putback.model.span import Position, Span
from putback.source.text import decode


def edit(row: int, column: int, end_row: int, end_column: int, content: str) -> Edit:
    """Replace what is between two places."""
    return Edit(Span(Position(row, column), Position(end_row, end_column)), content)


def insert(row: int, column: int, content: str) -> Edit:
    """Put `content` in front of a place."""
    return edit(row, column, row, column, content)


def edited(data: bytes, *edits: Edit) -> bytes:
    """`data` with the edits."""
    return spliced(decode(data), edits)


def test_edits_are_applied_in_the_order_of_the_text() -> None:
    edits = (edit(2, 1, 3, 1, "B\n"), insert(1, 2, "x"), insert(1, 1, "1"), insert(1, 1, "2"), edit(3, 2, 3, 3, ""))
    assert edited(b"a\nb\ncd\n", *edits) == b"12ax\nB\nc\n"


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_new_rows_end_as_the_rows_around_them(newline: bytes) -> None:
    data = newline.join([b"a", b"b", b"c", b""])
    expected = newline.join([b"a", b"try:", b"    b", b"c", b""])
    assert edited(data, edit(2, 1, 2, 2, "try:\n    b")) == expected
    assert edited(data, insert(4, 1, "d\n")) == data + b"d" + newline


def test_mixed_line_ends_stay_where_they_are() -> None:
    data = b"a\r\nb\nc\r\nd\re\n"
    assert edited(data, insert(2, 1, "x\n")) == b"a\r\nx\nb\nc\r\nd\re\n"
    assert edited(data, insert(3, 1, "x\n")) == b"a\r\nb\nx\r\nc\r\nd\re\n"
    assert edited(data, insert(4, 1, "x\n")) == b"a\r\nb\nc\r\nx\rd\re\n"


def test_mixed_line_ends_stay_on_rows_that_are_only_moved() -> None:
    wrapped = edit(2, 1, 5, 1, "try:\n    b\n    c\nfinally:\n    x\n\n")
    assert edited(b"a\nb\r\nc\n\r\nd\n", wrapped) == b"a\ntry:\r\n    b\r\n    c\nfinally:\r\n    x\r\n\r\nd\n"


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([insert(3, 1, "    c\n")], b"a\r\n    b\r\n    c"),
        ([insert(2, 6, "\n    c")], b"a\r\n    b\r\n    c"),
        ([edit(2, 1, 3, 1, "    B\n    c\n")], b"a\r\n    B\r\n    c"),
        ([edit(1, 1, 3, 1, "")], b""),
    ],
)
def test_a_missing_final_line_end_stays_missing(edits: list[Edit], expected: bytes) -> None:
    assert edited(b"a\r\n    b", *edits) == expected


def test_a_byte_order_mark_stays() -> None:
    assert edited(b"\xef\xbb\xbfa\n", insert(1, 1, "x")) == b"\xef\xbb\xbfxa\n"


def test_columns_count_code_points() -> None:
    assert edited("ä𝄞e\u0301 b\n".encode(), edit(1, 6, 1, 7, "c")) == "ä𝄞e\u0301 c\n".encode()


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "koi8-r", "shift_jis", "euc_jp", "gb18030"])
def test_the_declared_encoding_stays(encoding: str) -> None:
    sign = "\u3042" if encoding in ("shift_jis", "euc_jp", "gb18030") else "\xe9" if encoding != "koi8-r" else "\u0436"
    text = f"# coding: {encoding}\nx = '{sign}'\ny = 1\n"
    expected = text.replace("y", f"z{sign}")
    assert edited(text.encode(encoding), edit(3, 1, 3, 2, f"z{sign}")) == expected.encode(encoding)


def test_what_an_encoding_cannot_write_is_not_written() -> None:
    with pytest.raises(SpliceError, match="the encoding iso8859-1 has no 'ł'"):
        edited(b"# coding: latin-1\nx\n", insert(2, 1, "ł"))


def test_an_encoding_that_cannot_be_cut_is_left_alone() -> None:
    data = "# coding: iso2022_jp\nx = '\u3042\u3042'\n".encode("iso2022_jp")
    with pytest.raises(SpliceError, match="a file in the encoding iso2022_jp cannot be edited there"):
        edited(data, edit(2, 6, 2, 7, "y"))
    assert edited(data, insert(2, 1, "y")) == data.replace(b"x =", b"yx =")


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ([edit(1, 1, 1, 3, ""), edit(1, 2, 1, 3, "")], "overlap"),
        ([insert(4, 1, "x")], "no row 4, column 1"),
        ([insert(1, 5, "x")], "no row 1, column 5"),
        ([insert(0, 1, "x")], "no row 0"),
        ([edit(2, 2, 2, 1, "x")], "cannot be edited there"),
    ],
)
def test_edits_that_do_not_fit_are_refused(edits: list[Edit], says: str) -> None:
    with pytest.raises(SpliceError, match=says):
        edited(b"abc\r\nd\n", *edits)


def finding(row: int, function: str, *edits: Edit, safe: bool = True, path: str = "/a.py") -> Finding:
    """A finding with a fix."""
    place = Span(Position(row, 1), Position(row, 2))
    fix = Fix(Applicability.SAFE if safe else Applicability.UNSAFE, "Mend it", edits)
    return Finding("PB102", "x", "", Severity.ERROR, Confidence.HIGH, path[1:], path, place, function, fix=fix)


def chosen(*findings: Finding) -> list[list[int]]:
    """The rows of the findings whose fixes are tried together."""
    return [[each.span.start.row for each in candidate.findings] for candidate in plan(findings).chosen]


def test_fixes_that_have_nothing_in_common_go_together() -> None:
    first, second = finding(1, "f", insert(1, 1, "x")), finding(5, "g", insert(5, 1, "x"))
    assert chosen(second, first) == [[1], [5]]
    assert chosen(first, finding(1, "f", insert(1, 1, "x"), path="/b.py")) == [[1], [1]]


def test_equal_fixes_are_one() -> None:
    together = finding(1, "f", insert(1, 1, "x")), finding(3, "f", insert(1, 1, "x"))
    assert chosen(*together) == [[1, 3]]


@pytest.mark.parametrize("other", [edit(2, 1, 4, 1, ""), insert(2, 1, "y"), insert(3, 1, "y"), edit(1, 1, 2, 1, "")])
def test_fixes_that_overlap_or_touch_wait_for_each_other(other: Edit) -> None:
    first, second = finding(1, "f", edit(2, 1, 3, 1, "x")), finding(2, "g", other)
    assert chosen(first, second) == [[1]]
    assert [each.findings for each in plan([first, second]).waiting] == [(second,)]


def test_fixes_of_one_function_wait_for_each_other_what_is_acquired_last_goes_first() -> None:
    assert chosen(finding(1, "f", insert(1, 1, "x")), finding(9, "f", insert(9, 1, "x"))) == [[9]]


def test_safe_fixes_come_first() -> None:
    unsafe = finding(1, "f", insert(1, 1, "x"), safe=False)
    assert chosen(unsafe, finding(2, "g", insert(1, 1, "y"))) == [[2]]
