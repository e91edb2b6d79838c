"""What `check` promises to mend is what `fix` says that it mends, on the projects that come with putback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from putback.cli.main import group

PROJECTS = sorted(
    path
    for folder in ("projects", "frameworks")
    for path in (Path(__file__).parents[2] / "fixtures" / folder).iterdir()
    if path.is_dir()
)


def said(*arguments: str) -> str:
    """What the command prints, on both streams."""
    return CliRunner().invoke(group, arguments, obj=arguments).output


def count(pattern: str, text: str) -> int:
    """The number in what a pattern finds; 0 if it finds nothing."""
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_check_and_fix_count_the_same(project: Path) -> None:
    checked = said("check", "--no-cache", str(project))
    assert count(r"(\d+) fixable with `putback fix`", checked) == count(
        r"Would fix (\d+)", said("fix", "--no-cache", "--diff", str(project))
    )


def test_two_findings_of_one_fix_are_two(tmp_path: Path) -> None:
    source = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10)


def mark(number):
    conn = pool.getconn()
    conn.cursor().execute("UPDATE notices SET seen = true WHERE id = %s", (number,))
    conn.commit()
    conn.close()
"""
    (tmp_path / "marks.py").write_text(source)
    assert "2 fixable with `putback fix`." in said("check", "--no-cache", str(tmp_path))
    assert "Would fix 2 problems.\n" in said("fix", "--no-cache", "--diff", str(tmp_path))
    assert "Fixed 2 problems in 1 file." in said("fix", "--no-cache", str(tmp_path))
