"""The budget: which pools are found, how large they are, how a project says that it is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from putback.model.budget import Budget, Share
from putback.model.config import Config
from putback.pipeline.budget import budget
from putback.pipeline.deployment import deployment
from putback.report.budget import as_json, text

SHOP = """
import os
from sqlalchemy import create_engine
from psycopg2.pool import ThreadedConnectionPool

OPTIONS = {"pool_size": int(os.getenv("DB_POOL", "10")), "pool_pre_ping": True}
engine = create_engine("postgresql://shop", max_overflow=5, **OPTIONS)
raw = ThreadedConnectionPool(2, 10, "dbname=shop")
"""


def written(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", ".").replace("_in_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def of(root: Path, **flags: int) -> Budget:
    named = {name.replace("_", "-"): number for name, number in flags.items()}
    return budget([str(root)], Config(root=str(root)), named)


def sizes(found: Budget) -> list[tuple[str, int | None, int | None]]:
    return [(share.title, share.size, share.overflow) for share in found.shares]


def test_sizes_are_followed_to_options_and_variables(tmp_path: Path) -> None:
    found = of(written(tmp_path, db__py=SHOP))
    assert sizes(found) == [("engine", 10, 5), ("connection pool", 10, 0)]
    assert found.shares[0].variables == ("DB_POOL",)


@pytest.mark.parametrize(
    ("made", "size", "overflow"),
    [
        ("from asyncpg import create_pool\npool = create_pool('postgresql://shop')", 10, 0),
        ("from psycopg_pool import ConnectionPool\npool = ConnectionPool('', min_size=7)", 7, 0),
        ("from psycopg_pool import ConnectionPool\npool = ConnectionPool('')", 4, 0),
        ("from aiomysql import create_pool\npool = create_pool(1, 20)", 20, 0),
        ("from dbutils.pooled_db import PooledDB\nimport psycopg2\npool = PooledDB(psycopg2, maxconnections=6)", 6, 0),
        ("from sqlalchemy import create_engine\npool = create_engine('postgresql://shop')", 5, 10),
        (
            "from sqlalchemy import create_engine\nimport conf\npool = create_engine(conf.URL, pool_size=conf.N)",
            None,
            10,
        ),
    ],
)
def test_defaults_are_those_of_the_library(tmp_path: Path, made: str, size: int | None, overflow: int) -> None:
    found = of(written(tmp_path, db__py=made))
    assert [(share.size, share.overflow) for share in found.shares] == [(size, overflow)]


def test_a_wrapper_has_a_pool_for_each_of_its_callers(tmp_path: Path) -> None:
    wrapper = "from sqlalchemy import create_engine\n\n\ndef make(url, size=5, **options):\n"
    wrapper += "    return create_engine(url, pool_size=size, **options)\n"
    users = "from db import make\n\norders = make('postgresql://orders', 3, max_overflow=0)\n"
    users += "items = make('mysql://items', max_overflow=2)\n"
    found = of(written(tmp_path, db__py=wrapper, users__py=users))
    assert [(Path(s.path).name, s.row, s.database, s.most) for s in found.shares] == [
        ("users.py", 3, "postgresql", 3),
        ("users.py", 4, "mysql", 7),
    ]


def test_settings_classes_are_read(tmp_path: Path) -> None:
    conf = "from pydantic import Field\nfrom pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
    conf += "    size: int = Field(default=12, ge=1)\n    overflow: int = 3\n\n\nsettings = Settings()\n"
    made = "from sqlalchemy import create_engine\nfrom conf import settings\n\n"
    made += "engine = create_engine('postgresql://shop', pool_size=settings.size, max_overflow=settings.overflow)\n"
    assert sizes(of(written(tmp_path, conf__py=conf, db__py=made))) == [("engine", 12, 3)]


def test_what_is_not_of_the_service_does_not_count(tmp_path: Path) -> None:
    made = "from sqlalchemy import create_engine\nengine = create_engine('postgresql://shop')\n"
    written(tmp_path, tests_in_test_db__py=made, scripts_in_copy__py=made)
    written(tmp_path, cache__py=made.replace("postgresql://shop", "sqlite://"))
    assert of(tmp_path).shares == []


def test_processes_are_read_from_commands_and_manifests(tmp_path: Path) -> None:
    written(
        tmp_path, db__py=SHOP, Procfile="web: gunicorn -w 4 shop:app\nworker: celery -A shop worker --concurrency=8\n"
    )
    written(tmp_path, k8s_in_web__yaml="spec:\n  replicas: 2\n")
    written(tmp_path, compose__yml='services:\n  db:\n    command: ["postgres", "-c", "max_connections=700"]\n')
    found = of(tmp_path)
    assert [(each.number, each.by) for each in found.workers] == [
        (4, "gunicorn, Procfile:1"),
        (8, "celery, Procfile:2"),
    ]
    assert (found.replicas.number, found.limit.number) == (2, 700)
    assert (found.processes, found.per_process, found.total, found.fits) == (24, 25, 600, True)


def test_flags_and_configuration_come_first(tmp_path: Path) -> None:
    written(tmp_path, db__py=SHOP, Procfile="web: gunicorn -w 4 shop:app\n")
    config = Config(root=str(tmp_path), deployment={"workers": 3, "max-connections": 70, "reserved": 10})
    found = budget([str(tmp_path)], config, {"replicas": 1})
    assert (found.total, found.available, found.fits) == (75, 60, False)
    assert budget([str(tmp_path)], config, {"workers": 2}).fits


@pytest.mark.parametrize(
    ("name", "content", "workers"),
    [
        ("Dockerfile", 'CMD ["gunicorn", "-k", "uvicorn.workers.UvicornWorker", "--workers", "6", "app:app"]', [6]),
        ("Dockerfile", "RUN pip install gunicorn -w 3\nCMD gunicorn app:app", []),
        ("start.sh", "exec uvicorn app:app --host 0.0.0.0 --workers=${WORKERS:-3}\n", [3]),
        ("start.sh", "# gunicorn -w 9\ngunicorn -w2 app:app && celery worker -c 5\n", [2, 5]),
        ("docker-compose.yml", "command:\n  - gunicorn\n  - -w\n  - '5'\n  - app:app\n", [5]),
        ("docker-compose.yml", "environment:\n  WEB_CONCURRENCY: 7\n", [7]),
        ("gunicorn.conf.py", "bind = ':80'\nworkers = 9  # cores\n", [9]),
        ("gunicorn.conf.py", "workers = multiprocessing.cpu_count() * 2 + 1\n", []),
        ("notes.txt", "gunicorn -w 4", []),
    ],
)
def test_commands(tmp_path: Path, name: str, content: str, workers: list[int]) -> None:
    (tmp_path / name).write_text(content)
    assert [each.number for each in deployment(str(tmp_path)).workers] == workers


def test_the_text_has_the_sum_and_says_what_is_unknown(tmp_path: Path) -> None:
    made = "from sqlalchemy import create_engine\nimport conf\n[a] = [create_engine('postgresql://a')]\n"
    made += "b = create_engine('postgresql://b', pool_size=conf.SIZE)\n"
    found = of(written(tmp_path, db__py=made), workers=8)
    shown = text(found, 100, colour=False)
    assert "8 × 15 = 120 at most" in shown
    assert "It does not fit: each process may have 12 connections, and its pools open 15." in shown
    assert "1 of the pools is not in the sum: the size cannot be seen." in shown
    assert json.loads(as_json(found))["fits"] is False


def test_an_unlimited_pool_never_fits() -> None:
    share = Share("db.py", 1, "engine", "postgresql", 100, 5, -1, unlimited=True)
    from putback.model.budget import Told

    one = Told(1, "")
    assert not Budget([share], [one], one, Told(100, ""), Told(0, "")).fits
