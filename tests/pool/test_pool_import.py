"""Importing the pool costs little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"


def test_the_pool_loads_nothing_heavy() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-X", "importtime", "-c", "import putback.pool"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"asyncio", "libcst", "rich", "click", "msgspec", "flask", "fastapi", "psycopg2"})
