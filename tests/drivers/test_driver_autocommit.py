"""What switches transactions off, as the tables say: a write opens none then, and one without the switch does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from libraries import import_or_skip

from putback.drivers.catalog import load_catalog
from putback.ownership.analysis.statements import rolls_all_back

_KINDS = load_catalog().kinds
Configure = Callable[[Any], object]


def _set(name: str, value: object) -> Configure:
    return lambda connection: setattr(connection, name, value)


PSYCOPG2: dict[str, tuple[str, str, Configure]] = {
    "an attribute": ("autocommit", "True", _set("autocommit", True)),
    "a method with a keyword": ("autocommit", "True", lambda c: c.set_session(autocommit=True)),
    "a setter": ("isolation_level", "0", lambda c: c.set_isolation_level(0)),
}


@pytest.mark.parametrize("how", PSYCOPG2)
def test_psycopg2(how: str, postgres_dsn: str) -> None:
    name, value, configure = PSYCOPG2[how]
    assert value in _KINDS["psycopg2.plain"].autocommit[name]
    library = import_or_skip("psycopg2", "psycopg2")
    with closing(library.connect(postgres_dsn)) as usual, closing(library.connect(postgres_dsn)) as switched:
        configure(switched)
        for connection in (usual, switched):
            connection.cursor().execute("SELECT 1")
        assert (usual.get_transaction_status(), switched.get_transaction_status()) == (2, 0)


@pytest.mark.parametrize("keywords", [{"autocommit": True}, {}])
def test_psycopg(keywords: dict[str, Any], postgres_dsn: str) -> None:
    assert _KINDS["psycopg.plain"].autocommit == {"autocommit": ("True", "1")}
    library = import_or_skip("psycopg", "psycopg")
    with closing(library.connect(postgres_dsn, **keywords)) as connection:
        connection.execute("SELECT 1")
        assert (connection.info.transaction_status.name == "IDLE") == bool(keywords)


def test_sqlalchemy(postgres_dsn: str) -> None:
    assert _KINDS["sqlalchemy.connection"].autocommit == {"isolation_level": ("AUTOCOMMIT",)}
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    import_or_skip("psycopg2", "psycopg2")
    engine = library.create_engine(postgres_dsn.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as usual, engine.connect() as plain:
        switched = plain.execution_options(isolation_level="AUTOCOMMIT")
        for connection in (usual, switched):
            connection.execute(library.text("SELECT 1"))
        statuses = [c.connection.dbapi_connection.get_transaction_status() for c in (usual, switched)]
    engine.dispose()
    assert statuses == [2, 0]


def test_sqlite3() -> None:
    assert "None" in _KINDS["sqlite3.plain"].autocommit["isolation_level"]
    with (
        closing(sqlite3.connect(":memory:")) as usual,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as off,
    ):
        for connection in (usual, off):
            connection.execute("CREATE TABLE t (n)")
            connection.execute("INSERT INTO t VALUES (1)")
        assert (usual.in_transaction, off.in_transaction) == (True, False)


@pytest.mark.parametrize("name", ["LogicalReplicationConnection", "PhysicalReplicationConnection"])
def test_replication_connections_of_psycopg2_have_no_transactions(postgres_dsn: str, name: str) -> None:
    library = import_or_skip("psycopg2", "psycopg2")
    factory = getattr(import_or_skip("psycopg2.extras", "psycopg2"), name)
    with closing(library.connect(postgres_dsn, connection_factory=factory)) as connection:
        connection.cursor().execute("IDENTIFY_SYSTEM")
        assert connection.get_transaction_status() == 0
    assert name in _KINDS["psycopg2.plain"].autocommit["connection_factory"]


def test_abort_is_a_rollback_of_postgresql(postgres_dsn: str) -> None:
    library = import_or_skip("psycopg2", "psycopg2")
    with closing(library.connect(postgres_dsn)) as connection:
        cursor = connection.cursor()
        with pytest.raises(library.Error):
            cursor.execute("SELECT nothing")
        cursor.execute("ABORT")
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert rolls_all_back('cursor.execute("ABORT")')
