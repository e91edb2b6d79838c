"""The report for people: what it shows, and that it stays aligned whatever the source holds."""

from __future__ import annotations

import re

import pytest
from report_shop import Shop, span

from putback.model.finding import Confidence, Severity, Step
from putback.report import concise, full

ANSI = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


@pytest.fixture
def shop() -> Shop:
    """A small project with one leak in it."""
    return Shop()


def under(text: str, label: str) -> str:
    """What the marks with this label underline, cut out of the line above them."""
    lines = text.splitlines()
    at = next(index for index, line in enumerate(lines) if label in line)
    marks = lines[at][: lines[at].index(label)].rstrip()
    first = len(marks) - len(marks.split()[-1])
    return lines[at - 1][first : len(marks)]


def test_a_leak_with_its_path(shop: Shop) -> None:
    assert (
        full.render(shop.report(shop.leak))
        == """\
shop/orders.py:3:12: PB102 connection-leaked-on-exception
  `conn` is not given back if `cur.execute()` raises.
     |
   3 |     conn = get_db_connection()
     |            ^^^^^^^^^^^^^^^^^^^ 1. taken from the pool
   4 |     cur = conn.cursor()
   5 |     cur.execute(SQL, (order_id,))
     |     ----------------------------- 2. if this raises ...
   ...
  11 |     except Exception as e:
  12 |         return {"error": str(e)}, 500
     |         ----------------------------- 3. ... the function ends here
     |
  help: release it in a `finally`

Found 1 problem (1 error) in 1 of 12 files.
"""
    )


def test_a_path_through_other_files(shop: Shop) -> None:
    steps = (
        Step("shop/orders.py", span(3, 12, 31), "asked for here"),
        Step("shop/db.py", span(4, 12, 26), "taken from the pool here"),
        Step("shop/orders.py", span(12, 9, 38), "kept here"),
        Step("shop/orders.py", span(2, 1, 4), "and once more for each call"),
    )
    assert (
        full.render(shop.report(shop.finding(trace=steps, help="", fix=None, no_fix_reason="it is too late")))
        == """\
shop/orders.py:3:12: PB102 connection-leaked-on-exception
  `conn` is not given back if `cur.execute()` raises.
     |
   3 |     conn = get_db_connection()
     |            ^^^^^^^^^^^^^^^^^^^ 1. asked for here
    --> shop/db.py:4:12
     |
   4 |     return pool.getconn()
     |            -------------- 2. taken from the pool here
    --> shop/orders.py:12:9
     |
  12 |         return {"error": str(e)}, 500
     |         ----------------------------- 3. kept here
   ...
   2 | def pay(order_id):
     | --- 4. and once more for each call
     |
  note: not fixed automatically: it is too late

Found 1 problem (1 error) in 1 of 12 files.
"""
    )


def test_a_finding_without_a_path_shows_its_place(shop: Shop) -> None:
    text = full.render(shop.report(shop.finding(trace=()), quiet=True))
    assert "\n  3 |     conn = get_db_connection()\n    |            ^^^^^^^^^^^^^^^^^^^\n    |\n" in text


def test_unusual_severity_and_confidence_are_told(shop: Shop) -> None:
    finding = shop.finding(severity=Severity.WARNING, confidence=Confidence.LOW)
    assert "PB102 connection-leaked-on-exception [warning, low confidence]\n" in full.render(shop.report(finding))


def test_nothing_found(shop: Shop) -> None:
    for form in (full, concise):
        assert form.render(shop.report()) == "No connection leaks found in 12 files.\n"
        assert form.render(shop.report(quiet=True)) == ""


def test_a_source_that_is_gone_still_gives_the_path(shop: Shop) -> None:
    shop.files.clear()
    text = full.render(shop.report(shop.leak))
    assert "   3 | 1. taken from the pool\n" in text
    assert "  12 | 3. ... the function ends here\n" in text


@pytest.mark.parametrize(
    ("line", "column", "end", "marked"),
    [
        ("\tconn = take()", 9, 15, "take()"),
        ("x =\t1;\tconn = take()", 15, 21, "take()"),
        ("e\u0301 = take()", 6, 12, "take()"),
    ],
)
def test_marks_stand_under_what_they_mark(shop: Shop, line: str, column: int, end: int, marked: str) -> None:
    shop.files["shop/orders.py"] = [line]
    place = span(1, column, end)
    text = full.render(shop.report(shop.finding(span=place, trace=(Step("shop/orders.py", place, "here"),))))
    assert "\t" not in text
    shown = text.replace("\u0301", "")  # takes no column of its own
    assert under(shown, " 1. here") == marked


def test_wide_characters_count_twice(shop: Shop) -> None:
    shop.files["shop/orders.py"] = ["接続 = take()"]
    place = span(1, 6, 12)
    text = full.render(shop.report(shop.finding(span=place, trace=(Step("shop/orders.py", place, "here"),))))
    assert "\n  1 | 接続 = take()\n    |        ^^^^^^ 1. here\n" in text


def test_a_span_over_several_rows_is_marked_in_its_first(shop: Shop) -> None:
    shop.files["shop/orders.py"] = ["conn = take(", "    1,", ")"]
    place = span(1, 8, 2, end_row=3)
    text = full.render(shop.report(shop.finding(span=place, trace=(Step("shop/orders.py", place, "here"),))))
    assert under(text, " 1. here") == "take("


@pytest.mark.parametrize("before", [0, 30, 90, 400])
def test_long_lines_are_cut_around_the_mark(shop: Shop, before: int) -> None:
    shop.files["shop/orders.py"] = ["x" * before + "take()" + "y" * 500]
    place = span(1, before + 1, before + 7)
    text = full.render(shop.report(shop.finding(span=place, trace=(Step("shop/orders.py", place, "here"),))))
    assert under(text, " 1. here") == "take()"
    assert max(map(len, text.splitlines())) <= 130
    assert "y…" in text


def test_source_is_never_obeyed(shop: Shop) -> None:
    shop.files["shop/orders.py"] = ["x = '[red]z[/etc]' # \x1b[2J \u202e \x07"]
    place = span(1, 1, 2)
    step = Step("shop/orders.py", place, "[bold]\x1b]0;title\x07")
    finding = shop.finding(span=place, trace=(step,), message="[link]\x1b[2J\nnext", path="shop/orders.py")
    for colour in (False, True):
        text = ANSI.sub("", full.render(shop.report(finding, colour=colour)))
        assert "x = '[red]z[/etc]' # ␛[2J � ␇" in text
        assert "[link]␛[2J next" in text
        assert "1. [bold]␛]0;title␇" in text
        assert "\x1b" not in text and "\x07" not in text


def test_colours_change_nothing_but_colours(shop: Shop) -> None:
    for form in (full, concise):
        for function in (form.render, form.statistics):
            coloured = function(shop.mixed(colour=True, links=True))
            assert "\x1b[" in coloured
            assert ANSI.sub("", coloured) == function(shop.mixed())


def test_links_lead_to_the_rule_s_page(shop: Shop) -> None:
    assert shop.leak.url in full.render(shop.report(shop.leak, colour=True, links=True))
    assert shop.leak.url not in full.render(shop.report(shop.leak, colour=True))


def test_a_narrow_terminal_gets_narrow_lines(shop: Shop) -> None:
    text = full.render(shop.report(shop.finding(message="A long sentence. " * 20), width=60))
    assert max(map(len, text.splitlines())) <= 60
    assert "1. taken from the pool" in text


def test_concise_is_one_line_a_finding(shop: Shop) -> None:
    sentence = "`conn` is not given back if `cur.execute()` raises."
    assert concise.render(shop.mixed()).splitlines() == [
        f"shop/orders.py:3:12: PB102 connection-leaked-on-exception: {sentence}",
        f"shop/a, b: 100%.py:3:12: PB104 pooled-connection-closed: {sentence}",
        f"shop/orders.py:3:12: PB102 connection-leaked-on-exception: {sentence}",
        "Found 3 problems (2 errors, 1 warning) in 2 of 12 files.",
    ]


def test_statistics(shop: Shop) -> None:
    assert (
        full.statistics(shop.mixed())
        == concise.statistics(shop.mixed())
        == """\
2  PB102  connection-leaked-on-exception
1  PB104  pooled-connection-closed
Found 3 problems (2 errors, 1 warning) in 2 of 12 files.
"""
    )
