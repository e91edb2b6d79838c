"""What the tables say of pools is what the libraries have: their names, arguments, defaults and methods."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import pytest
from libraries import has_attribute, import_or_skip, parameters, resolve

from putback.drivers.catalog import load_catalog
from putback.drivers.schema import Limit, Parameter, Pool

CATALOG = load_catalog()
POOLS = [pool for driver in CATALOG.drivers.values() for pool in driver.pools.values()]

HIDDEN = {"sqlalchemy.engine", "sqlalchemy.async_engine", "asyncpg.pool", "mysql_connector.pool", "pymongo.client"}
"""Pools whose arguments hide behind `**kwargs`; the defaults are in what they make."""

MODULES = {"psycopg2", "psycopg", "pymysql", "mysql.connector", "pyodbc", "oracledb", "pymssql", "snowflake.connector"}
"""DB-API modules, by the name that files import."""

DRIVERS = {"mysql.connector": "mysql_connector", "snowflake.connector": "snowflake"}


def makers(pool: Pool) -> Iterator[object]:
    """What makes the pool, where the library is installed."""
    for name in pool.made_by:
        import_or_skip(name.partition(".")[0], pool.driver)
        yield resolve(name)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.id)
def test_makers_exist(pool: Pool) -> None:
    assert all(callable(maker) for maker in makers(pool))


@pytest.mark.parametrize("pool", [p for p in POOLS if p.id not in HIDDEN], ids=lambda pool: pool.id)
def test_arguments_stand_where_the_table_says(pool: Pool) -> None:
    given: list[Limit | Parameter | None] = [pool.size, pool.overflow, pool.url]
    for maker in makers(pool):
        assert callable(maker)
        known = parameters(maker)
        for each in given if known is not None else ():
            assert known is not None
            if each is not None and each.name in known:
                assert each.index in (known[each.name], -1)


@pytest.mark.parametrize("pool", [p for p in POOLS if p.id not in HIDDEN], ids=lambda pool: pool.id)
def test_defaults_are_those_of_the_signature(pool: Pool) -> None:
    for maker in makers(pool):
        assert callable(maker)
        try:
            signature = inspect.signature(maker)
        except ValueError:
            continue
        for each in (pool.size, pool.overflow):
            found = signature.parameters.get(each.name) if each is not None else None
            if each is not None and found is not None and type(found.default) is int:
                assert each.default == found.default


def test_engines_have_the_defaults_of_the_table() -> None:
    sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
    import_or_skip("psycopg2", "psycopg2")
    pool = CATALOG.pool_made_by("sqlalchemy.create_engine")
    engine = sqlalchemy.create_engine("postgresql+psycopg2://nobody@localhost/nothing")
    assert pool is not None and pool.size is not None and pool.overflow is not None
    assert (engine.pool.size(), engine.pool._max_overflow) == (pool.size.default, pool.overflow.default)
    assert all(has_attribute(type(engine), name) for name in pool.ends)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_threadsafety_is_what_the_module_says(module: str) -> None:
    driver = DRIVERS.get(module, module)
    import_or_skip(module, driver)
    assert importlib.import_module(module).threadsafety == CATALOG.drivers[driver].threadsafety
