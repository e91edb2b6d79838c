"""How many paths there are through a function: as many as decide about the connection, and no more."""

from __future__ import annotations

from pathlib import Path

from putback.model.config import Config
from putback.model.finding import Confidence
from putback.ownership.analysis.domain import Phase
from putback.pipeline.check import check, scanned


def test_a_hundred_conditions_that_nobody_asks_again(tmp_path: Path) -> None:
    rows = "".join(f"    if x.a{n}:\n        log(conn, {n})\n" for n in range(100))
    (tmp_path / "shop.py").write_text(
        f"import psycopg2\n\ndef f(x, log):\n    conn = psycopg2.connect()\n{rows}    conn.close()\n"
    )
    path = str(tmp_path / "shop.py")
    analyzer = scanned([path], Config(root=str(tmp_path))).analysis.analyzer
    unit = analyzer.unit(path, "f")
    assert unit is not None
    (site,) = analyzer.sites(unit)
    found = analyzer.explore(unit, site)
    assert not found.capped
    assert len(found.arrivals) < 5 * len(unit.function.blocks)


def of_many_rounds() -> str:
    """A function whose transaction may have begun, and gone wrong, in any of many rounds."""
    rounds = "".join(
        f"    for row in rows:\n        try:\n            cur.execute('UPDATE {n}')\n            log(row.items[0])\n"
        f"            cur.execute('DELETE {n}')\n        except Exception as error:\n            log(error)\n"
        for n in range(3)
    )
    return (
        "import psycopg2\n\ndef f(log, rows):\n    conn = psycopg2.connect()\n    cur = conn.cursor()\n"
        f"{rounds}    conn.commit()\n    conn.close()\n"
    )


def test_a_leak_is_sure_where_many_paths_lose_no_condition(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    path.write_text(of_many_rounds())
    (found,) = [each for each in check([str(path)], Config(root=str(tmp_path))).findings if each.code == "PB102"]
    assert found.confidence is Confidence.HIGH


def test_what_a_caller_lends_is_followed_once(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    path.write_text(
        "from sqlalchemy.orm import Session\n\n"
        "def add(session: Session, x):\n    try:\n        session.add(x)\n    except ValueError:\n        raise\n\n"
        "def use(session: Session, x):\n    try:\n        add(session, x)\n    except ValueError:\n        raise\n"
    )
    analyzer = scanned([str(path)], Config(root=str(tmp_path))).analysis.analyzer
    unit = analyzer.unit(str(path), "add")
    assert unit is not None
    (site,) = analyzer.ambients.lent_to(unit)
    assert analyzer.explore(unit, site, Phase.MANAGED) is analyzer.explore(unit, site, Phase.MANAGED)
