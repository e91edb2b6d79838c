"""What is said of the comments that hide findings: PB002, PB003 and PB004, and what their fixes make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.cli.main import run
from putback.model.config import Config
from putback.model.finding import Severity
from putback.pipeline.check import check
from putback.pipeline.fix import fix_source

LEAK = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def cancel():{0}
    conn = pool.getconn(){1}
    conn.cursor().execute("UPDATE orders SET open = false"){2}
"""
"""A PB101 in row 7, with room for comments in rows 6, 7 and 8."""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "putback.toml").write_text("")
    return tmp_path


def found(source: str, config: Config | None = None) -> list[tuple[str, int]]:
    """The code and the row of each finding in one file."""
    Path("shop.py").write_text(source)
    config = config or Config()
    return [(each.code, each.span.start.row) for each in check(["shop.py"], config).findings]


def leak(one: str = "", two: str = "", three: str = "") -> str:
    """The leaking function with comments."""
    return LEAK.format(*(f"  {each}" if each else "" for each in (one, two, three)))


@pytest.mark.parametrize(
    "comment",
    [
        "# putback: ignore[PB101] because",
        "# putback: ignore because",
        "# putback: ignore[connection-never-released, PB1]",
        "# noqa",
        "# noqa: PB101",
    ],
)
def test_a_comment_that_hides_something_is_fine(comment: str) -> None:
    assert found(leak(two=comment)) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (leak(three="# putback: ignore[PB101]"), [("PB101", 7), ("PB002", 8)]),
        (leak(three="# putback: ignore"), [("PB101", 7), ("PB002", 8)]),
        (leak(one="# putback: disable-next-line[PB101]"), []),
        (leak(three="# putback: disable-next-line[PB101]"), [("PB101", 7), ("PB002", 8)]),
        (leak(two="# putback: disable-next-line[PB101]"), [("PB101", 7), ("PB002", 7)]),
        (leak(two="# putback: ignore[PB101, PB104]"), [("PB002", 7)]),
        ("# putback: ignore-file\n" + leak(), []),
        ("# putback: ignore-file[PB2]\n" + leak(), [("PB002", 1), ("PB101", 8)]),
        ("# putback: ignore-file\nx = 1\n", [("PB002", 1)]),
        ("x = 1  # putback: ignore[PB101] long gone\n", [("PB002", 1)]),
        (leak(one="# putback: disable[PB101]", three="# putback: enable"), []),
        (leak(three="# putback: disable[PB101]"), [("PB101", 7), ("PB002", 8)]),
        ('x = "# putback: ignore[PB101]"\n', []),
        ("# putback: as good as new\n", []),
        ("x = 1  # noqa: PB101\n", []),
    ],
)
def test_comments_that_hide_nothing(source: str, expected: list[tuple[str, int]]) -> None:
    assert found(source) == expected


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# noqa", [("PB001", 5)]),
        ("# noqa: F403", [("PB001", 5)]),
        ("# noqa: PB001", []),
        ("# putback: ignore", []),
        ("# putback: ignore-file", []),
    ],
)
def test_a_file_that_was_not_checked_is_not_hidden_by_a_noqa_for_other_tools(
    comment: str, expected: list[tuple[str, int]]
) -> None:
    assert found(f"import psycopg2\n\ntry:\n    from orders import *\nx = 1  {comment}\n") == expected


def test_rules_that_do_not_run_are_not_judged() -> None:
    text = leak(three="# putback: ignore[PB104]")
    assert found(text, Config(select=("PB101",))) == [("PB101", 7)]
    assert found(text, Config(ignore=("PB104",))) == [("PB101", 7)]


def test_what_is_too_mild_to_be_shown_still_makes_a_comment_useful() -> None:
    config = Config(severity={"PB101": Severity.INFO}, min_severity=Severity.WARNING)
    assert found(leak(two="# putback: ignore[PB101]"), config) == []


def test_a_comment_may_be_kept_on_purpose() -> None:
    assert found("x = 1  # putback: ignore[PB101, PB002] for the generator\n") == []


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# putback: ignore[PB1O1]", "there is no rule `PB1O1`; did you mean PB101?"),
        ("# putback: ignore[connection-never-relaesed]", "did you mean connection-never-released"),
        ("# putback: ignor[PB101]", "`putback: ignor` means nothing; did you mean ignore"),
        ("# putback: ignroe", "`putback: ignroe` means nothing; did you mean ignore"),
        ("# putback: skip[PB101]", "`putback: skip` means nothing; there are ignore, "),
        ("# putback:ignore PB101", "`ignore PB101` hides nothing without brackets"),
        ("# putback: ignore: PB101, pb104 why", "`ignore PB101 pb104` hides nothing without brackets"),
        ("# putback: disable PB101", "`disable PB101` hides nothing without brackets"),
    ],
)
def test_comments_that_mean_nothing(comment: str, message: str) -> None:
    assert ("PB003", 7) in found(leak(two=comment))
    assert ("PB101", 7) in found(leak(two=comment))
    assert any(message in each.message for each in check(["shop.py"]).findings)


def test_reasons_are_asked_for_where_somebody_wants_them() -> None:
    bare, told = "# putback: ignore[PB101]", "# putback: ignore[PB101] given back in C"
    assert found(leak(two=bare)) == []
    assert found(leak(two=bare), Config(extend_select=("PB004",))) == [("PB004", 7)]
    assert found(leak(two=told), Config(extend_select=("PB004",))) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # putback: ignore[PB101] gone\n", "x = 1\n"),
        ("x = 1  # putback: ignore[PB101] # why\n", "x = 1 # why\n"),
        ("x = 1  # type: ignore  # putback: ignore[PB101]\n", "x = 1  # type: ignore\n"),
        ("# putback: ignore-file\nx = 1\n", "x = 1\n"),
        ("x = 1\n# putback: disable\n", "x = 1\n"),
        ("x = 1\n# putback: disable", "x = 1\n"),
        ("def f():\n    # putback: disable[PB1,PB2]\n    pass\n", "def f():\n    pass\n"),
        (leak(two="# putback: ignore[PB101, PB104] why"), leak(two="# putback: ignore[PB101] why")),
    ],
)
def test_the_fix_takes_away_what_hides_nothing(before: str, after: str) -> None:
    done = fix_source(before, "shop.py")
    assert done.source.rstrip() == after.rstrip()
    assert {each.finding.code for each in done.applied} == {"PB002"}


def test_the_fix_of_a_name_is_a_guess() -> None:
    before, alone = leak(two="# putback: ignore[PB1O1]"), Config(select=("PB003",))
    assert fix_source(before, "shop.py", alone).source == before
    done = fix_source(before, "shop.py", Config(select=("PB003",), unsafe_fixes=True))
    assert done.source == leak(two="# putback: ignore[PB101]")


def test_the_fix_writes_brackets_that_were_forgotten() -> None:
    before, alone = leak(two="# putback:ignore pb101 given back in C"), Config(select=("PB003",))
    assert fix_source(before, "shop.py", alone).source == leak(two="# putback:ignore[PB101] given back in C")


def test_a_file_without_a_driver_has_no_quick_answer_if_it_has_a_comment(capsys: pytest.CaptureFixture[str]) -> None:
    from putback.cli.quick import quick_answer

    Path("plain.py").write_text("x = 1  # putback: ignore[PB101]\n")
    assert quick_answer(["check", "plain.py"]) is None
    assert run(["check", "plain.py"]) == 1
    assert "PB002" in capsys.readouterr().out
