"""Which files can matter, from their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.drivers import needles
from putback.source.prefilter import Prefilter, read_bytes, read_table

TABLE = read_table(
    "# driver\timports\tneedles\npsycopg2\tpsycopg2,psycopg2cffi\tgetconn,connect(\nmysql\tmysql.connector\tconnect(\n"
)


@pytest.mark.parametrize(
    "head",
    [
        "import psycopg2",
        "import os, psycopg2 as pg",
        "from psycopg2.pool import ThreadedConnectionPool",
        "    from psycopg2 import pool",
        "import os; import psycopg2cffi",
        "from psycopg2 \\\n    import pool",
        "import os, \\\n    psycopg2",
        "from \\\r\n  psycopg2 import (\r\n  pool)",
        'pg = importlib.import_module("psycopg2")',
        "x = 1\rimport psycopg2\rx = 2",
        "import mysql.connector",
    ],
)
def test_files_with_a_driver_and_its_needle_are_kept(head: str) -> None:
    prefilter = Prefilter(TABLE)
    assert prefilter.candidate(f"{head}\n\nconn = x.connect(1)\n".encode())
    assert prefilter.candidate(f"def f():\n    {head}".encode() + b"\n    connect()")
    assert not prefilter.candidate(f"{head}\n\nconn = x.open(1)\n".encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import os\nos.connect()\n",
        "import psycopg2_extras\nconnect()\n",
        "conn = psycopg2.connect()\n",
        "import mysql.connector\npool.getconn()\n",
        "# psycopg2: getconn\n",
    ],
)
def test_others_are_not(text: str) -> None:
    assert not Prefilter(TABLE).candidate(text.encode())


def test_names_of_the_project_keep_a_file_too() -> None:
    prefilter = Prefilter(TABLE, ["get_db"])
    assert prefilter.candidate(b"from shop.db import get_db\n")
    assert not prefilter.candidate(b"from shop.db import close_db\n")


def test_what_is_done_with_the_connection_of_django_decides() -> None:
    prefilter = Prefilter(read_table(needles.PATH.read_text(encoding="utf-8")))
    head = b"from django.db import connection, connections\n"
    for use in (b"connection.cursor()", b"connection.ensure_connection()", b"connections['replica'].cursor()"):
        assert prefilter.candidate(head + use)
    for use in (b"connection.vendor", b"schema_editor.connection.alias", b"'shop.connection.middleware'"):
        assert not prefilter.candidate(head + use)


@pytest.mark.parametrize("size", [0, 10, 131072, 300_000])
def test_reading(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x" * size)
    assert read_bytes(str(path)) == b"x" * size
