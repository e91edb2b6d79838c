"""A role table as the analyser would give it for the names that the functions of these tests use."""

from __future__ import annotations

import textwrap

from putback.drivers.catalog import load_catalog
from putback.model.lifecycle import On
from putback.pipeline.profiles import profile_of, types_of
from putback.verify.choices import Schedule
from putback.verify.roles import Acquire, Bounds, Case, Does, Pass, Roles, Version
from putback.verify.verdict import Proof

_CATALOG = load_catalog(names=["psycopg2", "psycopg_pool", "sqlalchemy", "asyncpg", "sqlite3", "dbapi"])
_KINDS = (
    "psycopg2.pooled",
    "psycopg_pool.pooled",
    "sqlalchemy.session",
    "sqlalchemy.async_session",
    "sqlalchemy.connection",
    "asyncpg.pooled",
    "sqlite3.plain",
)
_LOGGERS = ("logger", "log", "logging")

ROLES = Roles(
    acquires=(
        Acquire("pool.getconn", "psycopg2.pooled"),
        Acquire("self.pool.getconn", "psycopg2.pooled"),
        Acquire("get_db_connection", "psycopg2.pooled"),
        Acquire("find_connection", "psycopg2.pooled", maybe_none=True),
        Acquire("pool.connection", "psycopg_pool.pooled", (On.ENTER,), commits=True),
        Acquire("SessionLocal", "sqlalchemy.session", raises=False),
        Acquire("AsyncSessionLocal", "sqlalchemy.async_session", raises=False),
        Acquire("engine.connect", "sqlalchemy.connection"),
        Acquire("self.pool.acquire", "asyncpg.pooled", (On.AWAIT, On.ENTER)),
        Acquire("sqlite3.connect", "sqlite3.plain"),
    ),
    passes=(
        Pass("pool.putconn", Does.RELEASES, 0, "conn"),
        Pass("self.pool.putconn", Does.RELEASES, 0, "conn"),
        Pass("release_db_connection", Does.RELEASES),
        Pass("self.pool.release", Does.RELEASES, 0, "connection", awaited=True),
        Pass("run_report", Does.BORROWS),
    ),
    profiles={name: profile_of(_CATALOG.kind(name)) for name in _KINDS},
    types=types_of(_CATALOG, (_CATALOG.kind(name).type for name in _KINDS)),
    wrapping=frozenset({"Shop", "Reader", "repository"}),
    logs=frozenset(f"{logger}.{method}" for logger in _LOGGERS for method in ("info", "warning", "error", "exception")),
)


def version(source: str, roles: Roles = ROLES, function: str = "f") -> Version:
    """A version whose function is called `f`."""
    return Version(textwrap.dedent(source).lstrip("\n"), function, roles)


def case(before: str, after: str | None = None, roles: Roles = ROLES) -> Case:
    """A case of one or two texts."""
    return Case(version(before, roles), None if after is None else version(after, roles))


def proof(before: str, after: str | None = None, bounds: Bounds | None = None) -> Proof:
    """The proof of a case, made in this process."""
    from putback.verify import verify_here

    return verify_here(case(before, after), bounds or Bounds(seconds=60.0), clock=lambda: 0.0)


def labels(schedule: Schedule) -> list[str]:
    """A schedule as text."""
    return [str(c) for c in schedule]
