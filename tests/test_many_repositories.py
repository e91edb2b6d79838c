"""The program of the page about many repositories is run: two teams, two days a week apart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from libraries import import_or_skip

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "pages" / "guides" / "many-repositories.md"
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))

HEAD = "from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 10)\n"
LEAK = '\n\ndef {name}():\n    conn = pool.getconn()\n    conn.cursor().execute("{name}")\n'


def repository(folder: Path, *leaks: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "a"\n')
    (folder / "views.py").write_text(HEAD + "".join(LEAK.format(name=name) for name in leaks))


def answers(tmp_path: Path, day: str) -> dict[str, str]:
    program = tmp_path / "fleet.py"
    program.write_text(BLOCKS["python"], encoding="utf-8")
    command = [sys.executable, str(program), "repositories.csv", "findings.duckdb", "--day", day]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return dict(zip(lines[::2], lines[1::2], strict=True))


def test_the_program_fits_on_a_page() -> None:
    assert len(BLOCKS["python"].splitlines()) <= 80


def test_which_rule_which_team_and_what_is_new_since_last_week(tmp_path: Path) -> None:
    for library in ("dask", "distributed", "duckdb"):
        import_or_skip(library, library)
    shop, billing, young = (tmp_path / name for name in ("shop", "billing", "young"))
    rows = BLOCKS["csv"].replace("/srv/code/shop", str(shop)).replace("/srv/code/billing", str(billing))
    (tmp_path / "repositories.csv").write_text(rows)
    repository(shop, "sell", "ship")
    repository(billing, "bill")
    first = answers(tmp_path, "2026-11-02")
    assert first["which rule:"] == "[('PB101', 'connection-never-released', 3, 2)]"
    assert first["which team:"] == "[('orders', 2, 1), ('money', 1, 1)]"
    assert first["new since last week:"] == "[]", "nothing is known of last week"

    repository(shop, "added", "ship")  # one is mended, one has moved, one is new
    repository(young, "young")
    (billing / "pyproject.toml").write_text("[tool.putback]\nno-such-setting = 1\n")
    (tmp_path / "repositories.csv").write_text(f"{rows}{young},orders\n")
    for _ in range(2):  # a second run of the same day takes the place of the first
        second = answers(tmp_path, "2026-11-09")
        assert second["which team:"] == "[('orders', 3, 2)]"
        assert second["new since last week:"] == f"[('orders', 'PB101', '{shop}', 'views.py', 7, 'added')]"
        assert second["not checked:"].startswith(f"[('money', '{billing}', ")
        assert "no-such-setting" in second["not checked:"]
    assert len(list((tmp_path / "putback-caches").iterdir())) == 3, "each has a cache of its own"
