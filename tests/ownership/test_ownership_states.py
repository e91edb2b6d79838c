"""The states of connections, by example: `fixtures/ownership/*.txt` hold files and what is printed of their sites.

Each example is a file `use.py`, which can import `pool`, `take` and `give` from `db.py`. `printed` says how the
examples are rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from printed import hold

from putback.model.config import Config
from putback.ownership.facts import dump
from putback.pipeline.check import scanned

FOLDER = Path(__file__).parents[2] / "fixtures" / "ownership"
DB = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def take():
    return pool.getconn()


def give(conn):
    pool.putconn(conn)
"""


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """What is printed of the sites of a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "db.py").write_text(DB)
    use = tmp_path / "use.py"

    def sites(source: str) -> Iterator[str]:
        use.write_text(source)
        project = scanned([str(use)], Config(root=str(tmp_path)))
        analyzer = project.analysis.analyzer
        for task in project.tasks():
            for key in analyzer.nested(task.path, task.key):
                unit = analyzer.unit(task.path, key)
                found = analyzer.sites(unit) if unit is not None else []
                if unit is not None and found:
                    yield f"-- {key}"
                    yield from (dump.site(analyzer, unit, number, site) for number, site in enumerate(found, 1))

    return lambda source: "\n".join(sites(source)).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_states(path: Path, printed: Callable[[str], str]) -> None:
    hold(path, printed)
