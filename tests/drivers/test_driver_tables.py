"""Every name in the driver tables exists in the installed library, with these arguments, and is awaited if need be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from libraries import has_attribute, import_or_skip, parameters, resolve

from putback.drivers.catalog import Catalog, load_catalog, opt_in_names
from putback.drivers.schema import Driver, Effect, Parameter
from putback.ownership.resolve.carriers import acquiring_types

CATALOG = load_catalog({name: {} for name in opt_in_names()})
REAL = [name for name, driver in CATALOG.drivers.items() if driver.packages or name == "sqlite3"]

NOT_CLASSES = {
    "flask_sqlalchemy.SQLAlchemy.session": "an attribute that is made when the extension is constructed",
    "django.db.connections": "a ConnectionHandler, of which `connection` is one item",
    "sqlalchemy.orm.NestedSessionTransaction": "a SessionTransaction of which we know that it is nested",
    "sqlalchemy.ext.asyncio.NestedAsyncTransaction": "an AsyncTransaction of which we know that it is nested",
    "peewee.Transaction": "stands for _atomic, _transaction, _savepoint and _manual",
}

OF_OTHER_VERSIONS = {
    "pysqlite2.dbapi2",
    "pysqlite3",
    "DBUtils.PooledDB",
    "DBUtils.PersistentDB",
    "DBUtils.SimplePooledDB",
    "DBUtils.SteadyDB",
    "flask.ext.sqlalchemy",
    "flask_sqlalchemy.BaseQuery",
    "playhouse.pool.PooledPostgresqlExtDatabase",
    "playhouse.pool.PooledSqliteExtDatabase",
    "duckdb.duckdb",
    "snowflake.connector.Connect",
    "sqlalchemy.orm.Session.close_all",
    "sqlalchemy.orm.scoped_session.close_all",
}
"""Names that only older versions have, or other builds of the same library."""

COMPILED = {"mysql.connector.connection_cext.CMySQLConnection", "mysql.connector.CMySQLConnection"}
"""Names that are there only where an optional C extension can be loaded."""

ONLY_IN_SUBCLASSES = {
    "psycopg2.pool.AbstractConnectionPool.getconn",
    "psycopg2.pool.AbstractConnectionPool.putconn",
    "psycopg2.pool.AbstractConnectionPool.closeall",
    "playhouse.pool.PooledDatabase.connection_context",
}
"""Annotations may name these bases, but the public methods are in their subclasses."""

OF_WHAT_STANDS_FOR_IT = {"cassandra.cluster.Cluster.cluster", "sqlalchemy.engine.Result.rowcount"}
"""Attributes of a session that stands for what is held, and of the result that there is in place of its base."""

RUNTIME_CLASSES = {"sqlalchemy.pool.PoolProxiedConnection": "sqlalchemy.pool.base._ConnectionFairy"}
"""Types that users annotate with, and the class whose instances they get."""

RETURN_COROUTINES = {
    "aiosqlite.Connection.executescript",
    "asyncpg.transaction.Transaction.commit",
    "asyncpg.transaction.Transaction.rollback",
    "aioodbc.cursor.Cursor.commit",
    "aioodbc.cursor.Cursor.rollback",
}
"""Plain functions whose results must be awaited all the same."""


@pytest.fixture(params=REAL)
def driver(request: pytest.FixtureRequest) -> Driver:
    found = CATALOG.drivers[request.param]
    for name in dict.fromkeys(each.partition(".")[0] for each in (*found.functions, *found.types)):
        import_or_skip(name, found.name)
    return found


def test_functions_exist(driver: Driver) -> None:
    missing = [name for name in driver.functions if not callable(_found(name))]
    assert missing == []


def test_errors_are_exceptions(driver: Driver) -> None:
    for name in driver.errors:
        assert issubclass(_found(name), Exception), name


def test_types_are_classes(driver: Driver) -> None:
    missing = [
        name for name in driver.types if name not in {*NOT_CLASSES, *COMPILED} and not inspect.isclass(_found(name))
    ]
    assert missing == []


def test_bases_are_bases(driver: Driver) -> None:
    wrong = [
        (name, base)
        for name, cls in _classes(driver)
        for base in driver.types[name].bases
        if not base.startswith("dbapi.") and not _forwards(cls) and not issubclass(cls, _found(base))
    ]
    assert wrong == []


def test_methods_exist(driver: Driver) -> None:
    missing = [
        f"{name}.{method}"
        for name, cls in _classes(driver)
        for method in (*driver.types[name].methods, *driver.types[name].method_truth)
        if not has_attribute(cls, method) and f"{name}.{method}" not in ONLY_IN_SUBCLASSES | OF_OTHER_VERSIONS
    ]
    assert missing == []


def test_inherited_methods_exist(driver: Driver) -> None:
    """The cursors of "dbapi" promise nothing that a cursor of this library lacks."""
    missing = [
        f"{name}.{method}"
        for name, cls in _classes(driver)
        for base in driver.types[name].bases
        if base.startswith("dbapi.")
        for method in CATALOG.drivers["dbapi"].types[base].methods
        if not callable(getattr(cls, method, None))
    ]
    assert missing == []


def test_attributes_exist(driver: Driver) -> None:
    missing = [
        f"{name}.{attribute}"
        for name, cls in _classes(driver)
        for attribute in driver.types[name].attributes
        if not has_attribute(cls, attribute) and f"{name}.{attribute}" not in OF_WHAT_STANDS_FOR_IT
    ]
    assert missing == []


def test_what_needs_no_connection_exists(driver: Driver) -> None:
    missing = [
        f"{name}.{each}"
        for name, cls in _classes(driver)
        for each in (*driver.types[name].detached, *driver.types[name].data)
        if not has_attribute(cls, each) and f"{name}.{each}" not in OF_WHAT_STANDS_FOR_IT
    ]
    assert missing == []


def test_what_needs_no_connection_is_no_generator(driver: Driver) -> None:
    """What reads on when somebody asks it is not there when the connection is closed."""
    wrong = [
        f"{name}.{each}"
        for name, cls in _classes(driver)
        for each in driver.types[name].detached
        if inspect.isgeneratorfunction(found := getattr(cls, each, None)) or inspect.isasyncgenfunction(found)
    ]
    assert wrong == []


def test_what_can_be_false_while_it_is_held_is_told(driver: Driver) -> None:
    telling = [(name, hasattr(cls, "__bool__") or hasattr(cls, "__len__")) for name, cls in _classes(driver)]
    assert [name for name, tells in telling if tells] == [name for name, spec in driver.types.items() if spec.falsy]


def test_arguments_exist(driver: Driver) -> None:
    wrong: list[tuple[str, Parameter | str]] = []
    for name, effect, function in _calls(driver):
        known = parameters(function)
        if known is None:
            continue
        wrong += [(name, each) for each in _parameters(effect) if known.get(each.name) != each.index]
        if name in driver.functions:
            wrong += [(name, keyword) for keyword in effect.when if keyword not in known]
    assert wrong == []


def test_constructor_arguments_exist(driver: Driver) -> None:
    """`makes`, and `when` of a method, name arguments of the receiver's constructor."""
    wrong = []
    for name, cls in _classes(driver):
        known, spec = parameters(cls), driver.types[name]
        effects = [*spec.methods.values(), *([spec.call] if spec.call else [])]
        names = [key for effect in effects for key in effect.when]
        names += [effect.makes.name for effect in effects if effect.makes]
        wrong += [(name, each) for each in names if known is not None and each not in known]
    assert wrong == []


def test_coroutines_are_awaited(driver: Driver) -> None:
    wrong = [
        name
        for name, effect, function in _calls(driver)
        if inspect.iscoroutinefunction(function) and not (effect.awaited or "await" in {on.value for on in effect.on})
    ]
    assert wrong == []


def test_plain_functions_are_not_awaited(driver: Driver) -> None:
    """A release that needs no `await` must not be reported as one that lacks it."""
    wrong = [
        name
        for name, effect, function in _calls(driver)
        if effect.awaited
        and (effect.releases or effect.releases_self or effect.closes or effect.ends)
        and inspect.isfunction(function)
        and name not in RETURN_COROUTINES
        and not inspect.iscoroutinefunction(function)
    ]
    assert wrong == []


def test_aliases_exist(driver: Driver) -> None:
    missing = [name for name in driver.aliases if name not in OF_OTHER_VERSIONS | COMPILED and _found(name) is None]
    assert missing == []


def test_every_kind_says_how_it_is_released(driver: Driver) -> None:
    wrong = [kind.id for kind in driver.kinds.values() if "{conn}" not in kind.release and "{pool}" not in kind.release]
    assert wrong == []


def test_needles_are_few_and_fit_in_their_table() -> None:
    needles = {needle for driver in load_catalog().drivers.values() for needle in driver.needles}
    assert len(needles) <= 40
    assert [each for each in needles if not each or "," in each or "\t" in each] == []  # "" would be in every file


@pytest.mark.parametrize("name", sorted(load_catalog().drivers))
def test_what_names_a_connection_or_its_maker_is_a_needle(name: str) -> None:
    """A module that makes a client, says by a type what a name is, or derives a class may do nothing else with it."""
    catalog = load_catalog()
    driver = catalog.drivers[name]
    carrying = acquiring_types(catalog, frozenset(catalog.canonical(kind.type) for kind in catalog.kinds.values()))
    named = {t for t, spec in driver.types.items() if catalog.canonical(t) in carrying or spec.init.acquires}
    named |= {f for f, does in driver.functions.items() if does.acquires or catalog.canonical(does.returns) in carrying}
    named |= {alias for alias, meant in driver.aliases.items() if meant in named}
    imported = (each for each in named if each.partition(".")[0] in driver.imports)
    assert [each for each in imported if not any(needle in _written(each, driver) for needle in driver.needles)] == []


def _written(name: str, driver: Driver) -> str:
    """What at least a file says that uses a function or class by this name: of a method, its class as well."""
    home, _, last = name.rpartition(".")
    return f"{name.partition('.')[0]} {home.rpartition('.')[2] if home in driver.types else ''} {last}"


def _found(name: str) -> Any:
    try:
        return resolve(name)
    except LookupError:
        return None
    except ImportError:
        if name in COMPILED:
            return None
        raise


def _classes(driver: Driver) -> Iterator[tuple[str, type]]:
    for name in driver.types:
        if name not in NOT_CLASSES and not (name in COMPILED and _found(name) is None):
            yield name, resolve(RUNTIME_CLASSES.get(name, name))


def _forwards(cls: type) -> bool:
    """Whether a wrapper hands unknown names on to the object inside."""
    return hasattr(cls, "__getattr__")


def _calls(driver: Driver) -> Iterator[tuple[str, Effect, Callable[..., Any]]]:
    for name, effect in driver.functions.items():
        yield name, effect, resolve(name)
    for name, cls in _classes(driver):
        spec = driver.types[name]
        yield name, spec.init, cls
        for method, effect in spec.methods.items():
            if callable(getattr(cls, method, None)):
                yield f"{name}.{method}", effect, getattr(cls, method)


def _parameters(effect: Effect) -> list[Parameter]:
    given = (*effect.bound, effect.releases, effect.keeps, effect.serverside)
    return [each for each in given if each is not None]


def test_catalog_is_complete() -> None:
    assert isinstance(CATALOG, Catalog)
    assert {"psycopg2", "psycopg", "sqlalchemy", "asyncpg", "sqlite3"} <= set(CATALOG.drivers)
