"""A program that imports our pool in place of psycopg2's gets the same findings and the same fixes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from specification import Case
from test_specifications import CASES, settings_of

from putback.pipeline.check import check

pytestmark = pytest.mark.slow

THEIRS = re.compile(r"\bpsycopg2\.pool\b|\bfrom psycopg2 import pool\b")
BY_NAME = re.compile(
    r"\bPoolError\b|\bpsycopg2\.connect\(|AbstractConnectionPool|PersistentConnectionPool|cur\.connection|PB411"
)
"""What the drop-in does not have, or what is of another package: a cursor's `connection` is the driver's."""


def is_about_the_pool(case: Case) -> bool:
    text = "".join([*case.files.values(), case.config])
    return bool(THEIRS.search(text)) and not BY_NAME.search(text)


def with_our_pool(text: str) -> str:
    return THEIRS.sub(lambda found: found[0].replace("psycopg2", "putback"), text)


ABOUT_THE_POOL = [case for case in CASES if is_about_the_pool(case)]


def told(files: dict[str, str], config: str, root: Path) -> list[tuple[str, int, int, str, bool, str]]:
    """Place, code, fixability and, but for the library's name, the words of each finding."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    findings = check([str(root)], settings_of(config, root)).findings
    return sorted(
        (
            Path(each.filename).relative_to(root).as_posix(),
            each.span.start.row,
            each.span.start.column,
            each.code,
            each.fix is not None,
            each.message.replace("psycopg2", "putback"),
        )
        for each in findings
    )


@pytest.mark.parametrize("case", ABOUT_THE_POOL, ids=lambda case: case.name)
def test_the_same_is_found(case: Case, tmp_path: Path) -> None:
    ours = {name: with_our_pool(text) for name, text in case.files.items()}
    theirs = told(case.files, case.config, tmp_path / "theirs")
    assert told(ours, with_our_pool(case.config), tmp_path / "ours") == theirs


def test_the_specifications_have_enough_of_it() -> None:
    assert len(ABOUT_THE_POOL) >= 50
