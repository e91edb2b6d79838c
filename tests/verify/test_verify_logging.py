"""What writes a log is told by what it resolves to, whatever it is called, and decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.cases import version_in
from putback.verify import Bounds, Case, verify_here
from putback.verify.roles import About

HEAD = """\
import logging
import traceback

import psycopg2

chat = logging.getLogger(__name__)


class Report:
    def info(self, text):
        raise ValueError(text)


logger = Report()
"""
LEAKING = """

def f(sql):
    conn = psycopg2.connect("dbname=shop")
    {said}
    conn.cursor().execute(sql)
    conn.close()
"""
MENDED = """

def f(sql):
    conn = psycopg2.connect("dbname=shop")
    {said}
    try:
        conn.cursor().execute(sql)
    finally:
        conn.close()
"""


def case_of(said: str, folder: Path) -> Case:
    """The leaking function that says something, and the same mended."""
    path = folder / "shop.py"
    versions = []
    for text in (LEAKING, MENDED):
        path.write_text(HEAD + text.format(said=said))
        versions.append(version_in(str(path), "f", Config(root=str(folder))))
    return Case(versions[0], versions[1], about=(About("psycopg2.connect"),))


@pytest.mark.parametrize("said", ["chat.info('begins')", "logging.info('begins')", "traceback.print_exc()"])
def test_a_log_by_any_name_cannot_fail(said: str, tmp_path: Path) -> None:
    case = case_of(said, tmp_path)
    assert case.before.roles.logs == {said.partition("(")[0]}
    assert verify_here(case, Bounds(seconds=60.0)).verdict.is_accepted


def test_what_is_only_called_like_a_logger_may_fail(tmp_path: Path) -> None:
    case = case_of("logger.info('begins')", tmp_path)
    assert not case.before.roles.logs
    assert not verify_here(case, Bounds(seconds=60.0)).verdict.is_accepted
