"""`fix-style = "explicit"`: what is written, what is left alone, and what each of these fixes is worth."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import FIXTURES, Pair, Project, pairs
from specification import sections

from putback.cli.main import run
from putback.model.config import Config, FixStyle
from putback.model.fix import Applicability
from putback.model.report import StdinFile
from putback.pipeline.fix import fix

SPECIFICATION = "explicit-style"
PAIRS = list(pairs(SPECIFICATION))
SETTINGS = {
    section.title: block.text
    for section in sections((FIXTURES / f"{SPECIFICATION}.md").read_text(encoding="utf-8"))
    for block in section.blocks
    if block.language == "toml"
}


@pytest.mark.parametrize("verified", [(), pytest.param(("--verify",), marks=pytest.mark.slow)], ids=["alone", "proved"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_what_becomes_of_code(
    pair: Pair, verified: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path, pair.before)
    settings = next(text for title, text in SETTINGS.items() if pair.name.startswith(title))
    (tmp_path / "putback.toml").write_text(settings, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run(["fix", *verified, "."])
    assert project.files() == pair.after


@pytest.mark.parametrize("verified", [(), pytest.param(("--verify",), marks=pytest.mark.slow)], ids=["alone", "proved"])
@pytest.mark.parametrize("pair", list(pairs("cursor-not-closed")), ids=lambda pair: pair.name)
def test_a_cursor_is_closed_before_its_connection_is_given_back(
    pair: Pair, verified: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path, pair.before)
    monkeypatch.chdir(tmp_path)
    run(["fix", "--isolated", "--select", "PB112", *verified, "."])
    assert project.files() == pair.after


CURSOR = """
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def first(sql):
    conn = pool.getconn()
    try:
        cursor = conn.cursor({named})
        cursor.execute(sql)
        return cursor.fetchone()
    finally:
        pool.putconn(conn)
"""


@pytest.mark.parametrize(
    ("named", "applicability"),
    [("", Applicability.SAFE), ('"rows"', Applicability.UNSAFE), ("cursor_factory=Row", Applicability.SAFE)],
)
def test_closing_a_cursor_is_safe_where_it_cannot_raise(
    named: str, applicability: Applicability, tmp_path: Path
) -> None:
    config = Config(root=str(tmp_path), extend_select=("PB112",), unsafe_fixes=True)
    text = CURSOR.format(named=named)
    (applied,) = fix([], config, stdin=StdinFile(str(tmp_path / "code.py"), text.encode())).applied
    assert applied.finding.fix is not None and applied.finding.fix.applicability is applicability


HANDLER = """
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def cancel(sql):
    conn = pool.getconn()
    try:
        with conn.cursor() as cursor:
            cursor.execute(sql)
        conn.commit()
        return True
    except Exception:
        return False
    finally:
        pool.putconn(conn)
"""


@pytest.mark.parametrize(("style", "fixed"), [(FixStyle.EXPLICIT, ["PB201"]), (FixStyle.TRY_FINALLY, [])])
def test_a_release_that_rolls_back_is_enough_in_every_other_style(
    style: FixStyle, fixed: list[str], tmp_path: Path
) -> None:
    config = Config(root=str(tmp_path), fix_style=style)
    done = fix([], config, stdin=StdinFile(str(tmp_path / "code.py"), HANDLER.encode()))
    assert [each.finding.code for each in done.applied] == fixed


def test_a_fix_says_what_its_rollback_costs(tmp_path: Path) -> None:
    config = Config(root=str(tmp_path), fix_style=FixStyle.EXPLICIT)
    (applied,) = fix([], config, stdin=StdinFile(str(tmp_path / "code.py"), HANDLER.encode())).applied
    assert applied.finding.fix is not None
    assert applied.finding.fix.rolls_back_plainly
    assert "raises in place of the handler's answer where the connection is lost" in applied.finding.fix.message
