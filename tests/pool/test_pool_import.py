"""Importing the pool costs little, and it runs where nothing but the standard library is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from libraries import import_or_skip

SOURCES = Path(__file__).parents[2] / "src"


def test_the_pool_loads_nothing_heavy() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-X", "importtime", "-c", "import putback.pool"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"asyncio", "libcst", "rich", "click", "msgspec", "flask", "fastapi", "psycopg2"})


def test_putback_imports_nothing() -> None:
    command = [sys.executable, "-S", "-c", "import sys; before = set(sys.modules); import putback; "]
    command[-1] += "print(sorted(set(sys.modules) - before - {'putback'}), putback.__version__)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("['__future__'] 0."), done.stdout


PROGRAM = """
import sys

sys.path[:] = [path for path in sys.path if "-packages" not in path] + sys.argv[1:]
import sqlite3

import sqlalchemy

from putback import pool
from putback.pool.adapters import health_of
from putback.pool.metrics.text import exposition
from putback.pool.monitor import Monitor
from putback.pool.top import main

engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.QueuePool, pool_size=1, max_overflow=0)
watching = pool.watch(engine, leak_threshold=30)
with engine.connect(), pool.ReferencePool(1, 2, lambda: sqlite3.connect(":memory:")).connection():
    print(health_of(watching).status.value, len(watching.holders()))
    assert "db_client_connection_max" in exposition({"shop": watching})
    with Monitor(watching, seconds=60):
        pass
"""


def test_a_service_needs_nothing_but_the_standard_library_and_its_own_driver(tmp_path: Path) -> None:
    for name in ("sqlalchemy", "typing_extensions"):
        file = Path(str(import_or_skip(name, name).__file__))
        installed = file.parent if file.name == "__init__.py" else file
        (tmp_path / installed.name).symlink_to(installed)
    (tmp_path / "putback").symlink_to(SOURCES / "putback")
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "critical 1\n", done.stderr


def test_the_commands_say_what_is_missing_there(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from psycopg2.pool import ThreadedConnectionPool\n\nThreadedConnectionPool().getconn()\n"
    )
    for arguments in (["check", "a.py"], ["check"], ["verify", "a.py"], ["--help"]):
        command = [sys.executable, "-S", "-m", "putback", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith("putback.pool does not\n  python -m pip install putback\n")
