"""Under gevent: greenlets wait for each other in the reference pool, and are told apart by a watch as threads are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from libraries import import_or_skip

pytestmark = pytest.mark.slow

SOURCES = Path(__file__).parents[2] / "src"

PROGRAM = """
from gevent import monkey

monkey.patch_all()

import gevent
import sqlalchemy
from putback.pool import ReferencePool, Settings, watch
from putback.pool.testing import PSYCOPG_POOL

pool = ReferencePool(1, 3, profile=PSYCOPG_POOL, settings=Settings(timeout=60, leak_threshold=3600))
engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.QueuePool, pool_size=3, max_overflow=0)
done = []


def ours():
    with pool.connection() as conn:
        conn.execute("select 1")
        gevent.sleep(0)
    done.append("ours")


def theirs():
    with engine.connect() as conn:
        gevent.sleep(0)
        conn.execute(sqlalchemy.text("select 1"))
    done.append("theirs")


def forgets():
    kept.append(engine.connect())


kept = []
with watch(engine, sample=1) as watching:
    gevent.joinall([gevent.spawn(job) for _ in range(200) for job in (ours, theirs)], raise_error=True)
    assert len(done) == 400, len(done)
    assert watching.taken == 200 and watching.holders() == [], watching.table()
    assert pool.stats().in_use == 0 and pool.stats().total <= 3
    gevent.spawn(forgets).join()
    (line,) = watching.holders()
    assert line.caller.function == "forgets" and "thread" in line.who, line
    kept.pop().close()
pool.closeall()
print("good")
"""


def test_greenlets_share_pools(tmp_path: Path) -> None:
    import_or_skip("gevent", "gevent")
    import_or_skip("sqlalchemy", "sqlalchemy")
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")
    path = os.pathsep.join([str(SOURCES), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(file)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "good\n", done.stderr
