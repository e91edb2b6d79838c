"""Real servers, for the tests that look at what libraries do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from libraries import import_or_skip
from postgres import running_postgres


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The URL of a throw-away server."""
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def mysql_url() -> str:
    """The URL of the MySQL or MariaDB server in PUTBACK_TEST_MYSQL, "mysql://user:password@host:port/database".

    The user must be allowed to create users: "one" may have one connection at a time.
    """
    url = os.environ.get("PUTBACK_TEST_MYSQL")
    if not url:
        pytest.skip("no server: PUTBACK_TEST_MYSQL is not set")
    parts = urlsplit(url)
    connection = import_or_skip("pymysql", "pymysql").connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username, password=parts.password or ""
    )
    with connection, connection.cursor() as cursor:
        database = parts.path.strip("/")
        cursor.execute(f"create database if not exists `{database}`")
        cursor.execute(f"create table if not exists `{database}`.item (n int) engine=innodb")
        cursor.execute("create user if not exists one@'%' identified by 'one' with max_user_connections 1")
        cursor.execute(f"grant all on `{database}`.* to one@'%'")
    return url
