"""The report for people: what it shows, and that it stays aligned whatever the source holds."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from report_shop import FIX, Shop, span

from putback.model.finding import Confidence, Finding, Severity, Step
from putback.model.fix import Applicability
from putback.model.fixing import Applied, Declined
from putback.model.report import Fixing
from putback.report.diff import diff
from putback.report.formats import concise, full

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
  help: release it in a `finally` (safe fix: putback fix shop/orders.py)

Found 1 problem (1 error) in 1 of 12 files.
1 fixable with `putback fix`.

  putback fix --diff  # show what would change, write nothing
  putback rule PB102  # what the first one means, and why it matters
  putback verify      # run them in a sandbox: do they leak, do fixes hold?
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
  no fix: it is too late

Found 1 problem (1 error) in 1 of 12 files.

  putback rule PB102  # what the first one means, and why it matters
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
        f"shop/orders.py:3:12: PB102 [*] connection-leaked-on-exception: {sentence}",
        f"shop/a, b: 100%.py:3:12: PB104 pooled-connection-closed: {sentence}",
        f"shop/orders.py:3:12: PB102 [*] connection-leaked-on-exception: {sentence}",
        "Found 3 problems (2 errors, 1 warning) in 2 of 12 files.",
        "2 fixable with `putback fix`.",
    ]


def test_statistics(shop: Shop) -> None:
    assert (
        full.statistics(shop.mixed())
        == concise.statistics(shop.mixed())
        == """\
2  PB102  connection-leaked-on-exception
1  PB104  pooled-connection-closed
Found 3 problems (2 errors, 1 warning) in 2 of 12 files.
2 fixable with `putback fix`.
"""
    )


def test_what_each_finding_says_of_its_fix(shop: Shop) -> None:
    unsafe = replace(FIX, applicability=Applicability.UNSAFE)
    text = full.render(shop.report(shop.finding(fix=unsafe, path="shop/my orders.py"), quiet=True))
    assert "help: release it in a `finally` (unsafe fix: putback fix --unsafe-fixes 'shop/my orders.py')\n" in text
    text = full.render(shop.report(shop.finding(help=""), quiet=True))
    assert "help: safe fix: putback fix shop/orders.py\n" in text
    text = full.render(shop.report(shop.finding(fix=None), quiet=True))
    assert "help: release it in a `finally`\n" in text


def test_how_many_findings_can_be_fixed(shop: Shop) -> None:
    unsafe = shop.finding(fix=replace(FIX, applicability=Applicability.UNSAFE))

    def last(*findings: Finding, **more: Any) -> str:
        return concise.render(shop.report(*findings, **more)).splitlines()[-1]

    assert last(shop.leak, unsafe) == "1 fixable with `putback fix` (1 more with `--unsafe-fixes`)."
    assert last(unsafe) == "1 fixable with `putback fix --unsafe-fixes`."
    assert last(shop.leak, unsafe, unsafe_fixes=True) == "2 fixable with `putback fix --unsafe-fixes`."
    assert last(shop.finding(fix=None)).startswith("Found 1 problem")
    marked = concise.render(shop.report(unsafe, unsafe_fixes=True))
    assert "PB102 [*] connection" in marked
    assert "[*]" not in concise.render(shop.report(unsafe))


def test_what_was_fixed(shop: Shop) -> None:
    also = shop.finding(code="PB103", name="connection-leaked-on-early-exit")
    applied = (Applied((shop.leak, also)), Applied((shop.finding(path="shop/db.py"),)))
    other = shop.finding(fix=None)
    taken_back = Declined(other, "it would not parse")

    def lines(*findings: Finding, **fixing: Any) -> list[str]:
        report = shop.report(*findings, fixing=Fixing(**fixing))
        return [line for line in concise.render(report).splitlines() if not line.startswith("shop/")]

    assert lines() == ["No connection leaks found in 12 files."]
    assert lines(applied=applied, mended=3) == ["Fixed 3 problems in 2 files."]
    assert lines(other, applied=applied, mended=3, declined=(taken_back,), listed=True) == [
        "Fixed shop/orders.py:3:12: PB102, PB103: Release in a finally (safe)",
        "Fixed shop/db.py:3:12: PB102: Release in a finally (safe)",
        "Not fixed shop/orders.py:3:12: PB102 in pay: it would not parse",
        "Fixed 3 problems in 2 files.",
        "1 fix was tried and taken back.",
        "1 problem remains (1 error) in 1 of 12 files.",
    ]
    assert lines(other, declined=(taken_back, taken_back))[0] == "2 fixes were tried and taken back."
    assert lines(alone=True) == ["Nothing was fixed."]


def test_a_diff_can_be_applied_and_shown() -> None:
    before, after = "a\r\nb\n\tc\x1b[2J", "a\r\nB\n\tc\x1b[2J"
    assert diff("x.py", before, after) == (
        "--- x.py\n+++ x.py\n@@ -1,3 +1,3 @@\n a\r\n-b\n+B\n \tc\x1b[2J\n\\ No newline at end of file\n"
    )
    shown = diff("x.py", before, after, terminal=True)
    assert "\x1b" not in shown and "\r" not in shown and "\t" not in shown
    assert ANSI.sub("", diff("x.py", before, after, colour=True)) == shown
    assert diff("x.py", before, before) == ""


@pytest.mark.parametrize("width", [0, 80, 200])
def test_the_command_of_a_fix_is_in_one_row(shop: Shop, width: int) -> None:
    told = "release it in a `finally`, together with the cursor that was made of it"
    rows = full.render(replace(shop.report(shop.finding(help=told)), width=width)).splitlines()
    beside, below = f"  help: {told} (safe fix: putback fix shop/orders.py)", "  safe fix: putback fix shop/orders.py"
    assert (beside in rows, below in rows) == ((False, True) if width == 80 else (True, False))


def test_what_to_type_next_says_what_it_is_for_on_a_narrow_terminal(shop: Shop) -> None:
    out = full.render(replace(shop.report(shop.leak), width=80))
    commands = [row for row in out.splitlines() if row.startswith("  putback ")]
    assert len(commands) == 3 and all("  # " in row and len(row) <= 80 for row in commands)
