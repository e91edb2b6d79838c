"""Look-ups in the driver catalog, user tables, and the errors of its loader."""

from __future__ import annotations

from typing import Any

import pytest

from putback.drivers.catalog import load_catalog
from putback.drivers.needles import PATH, current
from putback.drivers.schema import Effect, Kind, Parameter
from putback.model.errors import DriverTableError
from putback.model.lifecycle import Close, On

CATALOG = load_catalog()

WRAPPERS: dict[str, Any] = {
    "house": {
        "functions": {
            "acme.db.borrow": {"acquires": "psycopg2.pooled"},
            "acme.db.give_back": {"releases": {"name": "conn", "index": 0}},
        }
    }
}


def test_aliases_resolve_through_prefixes() -> None:
    assert CATALOG.canonical("sqlalchemy.orm.session.Session") == "sqlalchemy.orm.Session"
    assert CATALOG.canonical("sqlalchemy.orm.session.Session.commit") == "sqlalchemy.orm.Session.commit"
    assert CATALOG.canonical("DBUtils.PooledDB.PooledDB") == "dbutils.pooled_db.PooledDB"
    assert CATALOG.canonical("acme.db.Session") == "acme.db.Session"


def test_functions() -> None:
    assert _present(CATALOG.function("psycopg2.connect")).acquires == "psycopg2.plain"
    assert _present(CATALOG.function("sqlalchemy.engine.create.create_engine")).returns == "sqlalchemy.engine.Engine"
    assert CATALOG.function("acme.db.connect") is None


def test_a_method_named_through_its_class() -> None:
    assert _present(CATALOG.function("psycopg.AsyncConnection.connect")).on == (On.AWAIT,)
    assert _present(CATALOG.function("sqlmodel.Session.commit")).ends == "commit"


def test_methods_and_attributes_come_from_bases() -> None:
    assert _present(CATALOG.method("sqlmodel.Session", "execute")).executes
    assert _present(CATALOG.method("psycopg2.pool.ThreadedConnectionPool", "getconn")).acquires == "psycopg2.pooled"
    assert CATALOG.method("sqlmodel.Session", "getconn") is None
    closed = CATALOG.attribute("psycopg2.extras.RealDictConnection", "closed")
    assert closed is not None
    assert closed.while_held is False
    assert CATALOG.method_truth("mysql.connector.connection.MySQLConnection", "is_connected") is True
    assert CATALOG.method_truth("psycopg2.extensions.connection", "is_connected") is None


def test_constructors_are_inherited() -> None:
    spec = CATALOG.type("sqlmodel.orm.session.Session")
    assert spec is not None
    assert spec.init.acquires == "sqlalchemy.session"
    assert spec.init.bound == (Parameter("bind", 0),)


def test_subtypes() -> None:
    assert CATALOG.is_subtype("sqlmodel.Session", "sqlalchemy.orm.session.Session")
    assert CATALOG.is_subtype("sqlalchemy.orm.Session", "sqlalchemy.orm.Session")
    assert not CATALOG.is_subtype("sqlalchemy.orm.scoped_session", "sqlalchemy.orm.Session")


def test_knows() -> None:
    assert CATALOG.knows("psycopg2.pool.ThreadedConnectionPool")
    assert not CATALOG.knows("collections.abc.Mapping")


def test_only_the_named_drivers_and_what_they_refer_to() -> None:
    assert set(load_catalog(names=["sqlmodel"]).drivers) == {"sqlmodel", "sqlalchemy", "dbapi"}
    assert set(load_catalog(names=[]).drivers) == set()


def test_a_user_wraps_a_built_in_kind() -> None:
    catalog = load_catalog(WRAPPERS, names=[])
    borrow, give_back = catalog.function("acme.db.borrow"), catalog.function("acme.db.give_back")
    assert catalog.kind(_present(borrow).acquires).close is Close.LEAKS
    assert _present(give_back).releases == Parameter("conn", 0)


def test_a_user_table_gates_by_its_own_names() -> None:
    house = load_catalog(WRAPPERS, names=[]).drivers["house"]
    assert house.imports == ("acme",)
    assert house.needles == ("borrow", "give_back")


def test_a_user_table_extends_a_built_in_driver() -> None:
    own = {"psycopg2": {"needles": ["borrow"], "functions": {"acme.db.borrow": {"acquires": "pooled"}}}}
    catalog = load_catalog(own, names=["psycopg2"])
    assert _present(catalog.function("acme.db.borrow")).acquires == "psycopg2.pooled"
    assert _present(catalog.function("psycopg2.connect")).acquires == "psycopg2.plain"
    assert set(catalog.drivers["psycopg2"].needles) >= {"getconn", "borrow"}


def test_a_user_describes_a_pool_of_her_own() -> None:
    own = {
        "house": {
            "kinds": {
                "seat": {"title": "seat", "type": "acme.Seat", "release": "{pool}.free({conn})", "close": "leaks"}
            },
            "types": {
                "acme.Room": {
                    "methods": {"seat": {"acquires": "seat"}, "free": {"releases": {"name": "s", "index": 0}}}
                },
                "acme.Seat": {"methods": {"sit, stand": {"executes": True}}},
            },
        }
    }
    catalog = load_catalog(own, names=[])
    assert _present(catalog.method("acme.Room", "seat")).acquires == "house.seat"
    assert _present(catalog.method("acme.Seat", "stand")).executes
    assert catalog.kind("house.seat") == Kind(
        id="house.seat",
        driver="house",
        title="seat",
        type="acme.Seat",
        release="{pool}.free({conn})",
        close=Close.LEAKS,
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (3, "tool.putback.drivers.house: must be a table, not a number."),
        ({"kind": {}}, 'kind: unknown key "kind". Did you mean "kinds"? Allowed: imports, packages, needles, kinds, '),
        (
            {"functions": {"acme.borrow": {"aquires": "psycopg2.pooled"}}},
            '[functions."acme.borrow"] aquires: unknown key "aquires". Did you mean "acquires"? Allowed: acquires, ',
        ),
        (
            {"functions": {"acme.borrow": {"acquires": "psycopg2.poled"}}},
            '[functions."acme.borrow"] acquires: unknown kind "psycopg2.poled". Did you mean "psycopg2.pooled"? '
            "Known there: psycopg2.plain, psycopg2.pooled.",
        ),
        (
            {"functions": {"acme.borrow": {"acquires": "seat"}}},
            '[functions."acme.borrow"] acquires: unknown kind "house.seat".',
        ),
        (
            {"functions": {"acme.room": {"returns": "acme.Room"}}},
            '[functions."acme.room"] returns: unknown type "acme.Room".',
        ),
        (
            {"kinds": {"seat": {"title": "seat", "type": "t", "release": "r", "close": "leeks"}}},
            '[kinds.seat] close: unknown value "leeks". Did you mean "leaks"? '
            "Allowed: leaks, frees, returns, destroys, ignored.",
        ),
        ({"kinds": {"seat": {"title": "seat"}}}, "[kinds.seat] type: is missing."),
        (
            {"functions": {"acme.give": {"releases": {"name": "conn", "index": "0"}}}},
            '[functions."acme.give".releases] index: must be a whole number, not a string.',
        ),
        (
            {"functions": {"acme.borrow": {"awaited": "yes"}}},
            '[functions."acme.borrow"] awaited: must be true or false, not a string.',
        ),
        (
            {"functions": {"acme.keep": {"ends": "comit"}}},
            '[functions."acme.keep"] ends: unknown value "comit". Did you mean "commit"? Allowed: ',
        ),
        (
            {"functions": {"acme.borrow": {"on": ["cal"]}}},
            '[functions."acme.borrow"] on: unknown value "cal". Did you mean "call"? Allowed: call, await, enter.',
        ),
        (
            {"functions": {"acme.give": {"releases": 3}}},
            '[functions."acme.give"] releases: must be a table, not a number.',
        ),
        (
            {"functions": {"acme.borrow": {"bound": [{"name": "conn"}]}}},
            '[functions."acme.borrow".bound] index: is missing.',
        ),
        (
            {"functions": {"acme.borrow": {"when": {"pooled": True}}}},
            '[functions."acme.borrow".when] pooled: must be a string, not a truth value.',
        ),
        (
            {"types": {"acme.Room": {"attributes": {"open": {"while_held": 1}}}}},
            '[types."acme.Room".attributes.open] while_held: must be true or false, not a number.',
        ),
        (
            {"kinds": {"seat": {"id": "house.seat", "title": "seat", "type": "t", "release": "r"}}},
            '[kinds.seat] id: unknown key "id". Allowed: title, type, release, older, pooled, ',
        ),
        ({"imports": "acme"}, "imports: must be a list, not a string."),
        (
            {"types": {"acme.Room": {"methods": {"a, b": {}, "b": {}}}}},
            '[types."acme.Room".methods] b: "b" is described twice.',
        ),
        ({"types": {"acme.Room": {"bases": ["acme.Room"]}}}, '[types."acme.Room"] bases: "acme.Room" is its own base.'),
    ],
)
def test_errors(table: Any, message: str) -> None:
    with pytest.raises(DriverTableError) as caught:
        load_catalog({"house": table}, names=["psycopg2"])
    assert message in str(caught.value)
    assert "house" in str(caught.value)


def test_unknown_driver() -> None:
    with pytest.raises(DriverTableError, match=r'no built-in driver "psycopg5"\. Did you mean "psycopg2?"'):
        load_catalog(names=["psycopg5"])


def test_circular_alias() -> None:
    own = {"house": {"imports": ["a"], "aliases": {"a.b": "a.c", "a.c": "a.b"}}}
    with pytest.raises(DriverTableError, match="leads in a circle"):
        load_catalog(own, names=[]).canonical("a.b")


def test_needles_file_is_up_to_date() -> None:
    """Renew it with `python -m putback.drivers.needles`."""
    assert PATH.read_text(encoding="utf-8") == current()


def test_needles_file_has_a_line_for_every_driver_with_imports() -> None:
    rows = dict(line.split("\t", 1) for line in PATH.read_text(encoding="utf-8").splitlines())
    assert set(rows) == {name for name, driver in CATALOG.drivers.items() if driver.imports}
    assert rows["psycopg2"].startswith("psycopg2\tonnect,getconn,putconn")


def _present(effect: Effect | None) -> Effect:
    assert effect is not None
    return effect
