"""What the tables say about libraries that reach their server only when it is needed: what shows without one."""

from __future__ import annotations

import gc
import weakref
from typing import Any, ClassVar
from unittest import mock

import pytest
from libraries import import_or_skip, refused

from putback.drivers.catalog import load_catalog
from putback.drivers.schema import Kind
from putback.model.lifecycle import After, Close, Gc, Twice, With

CATALOG = load_catalog()

pytestmark = pytest.mark.filterwarnings("ignore")  # leaking on purpose makes libraries complain


class Unconnected:
    """One kind of one library, without its server."""

    kind: ClassVar[str]
    module: ClassVar[str]
    closing: ClassVar[str] = "close"
    """The method that `with` calls at its end."""

    def __init__(self) -> None:
        self.library: Any = import_or_skip(self.module, self.kind.partition(".")[0])

    def take(self) -> Any:
        """Acquire."""
        raise NotImplementedError

    def release(self, obj: Any) -> None:
        obj.close()

    def use(self, obj: Any) -> None:
        """What is refused once the object is closed."""
        raise NotImplementedError


class Trino(Unconnected):
    kind = "trino.plain"
    module = "trino.dbapi"

    def take(self) -> Any:
        return self.library.connect(host="localhost", port=1)

    def use(self, obj: Any) -> None:
        obj.cursor()


class Athena(Unconnected):
    kind = "pyathena.plain"
    module = "pyathena"

    def take(self) -> Any:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        return self.library.connect(s3_staging_dir="s3://bucket/", region_name="us-east-1", **keys)

    def use(self, obj: Any) -> None:
        obj.cursor()


class Neo4jDriver(Unconnected):
    kind = "neo4j.driver"
    module = "neo4j"

    def take(self) -> Any:
        return self.library.GraphDatabase.driver("bolt://localhost:1")

    def use(self, obj: Any) -> None:
        obj.session()


class Neo4jSession(Unconnected):
    """Without a server it holds nothing, so `gc` is as read: one that goes does not give its connection back."""

    kind = "neo4j.session"
    module = "neo4j"

    def take(self) -> Any:
        return self.library.GraphDatabase.driver("bolt://localhost:1").session()

    def use(self, obj: Any) -> None:
        with pytest.raises(self.library.exceptions.ServiceUnavailable):
            obj.run("RETURN 1")


class MongoSession(Unconnected):
    kind = "pymongo.session"
    module = "pymongo"

    def take(self) -> Any:
        return self.library.MongoClient("mongodb://localhost:1", connect=False).start_session()

    def release(self, obj: Any) -> None:
        obj.end_session()

    def use(self, obj: Any) -> None:
        obj.start_transaction()


class Subscription(Unconnected):
    """With connections that only pretend to have a server."""

    kind = "redis.pubsub"
    module = "redis"
    closing = "reset"

    def take(self) -> Any:
        pool = self.library.ConnectionPool(connection_class=self.pretending(), max_connections=1)
        return self.library.Redis(connection_pool=pool).pubsub()

    def pretending(self) -> type:
        class Pretending(self.library.connection.Connection):  # type: ignore[misc,name-defined]
            def connect(self, *_: Any, **__: Any) -> None: ...
            def connect_check_health(self, *_: Any, **__: Any) -> None: ...
            def send_command(self, *_: Any, **__: Any) -> None: ...
            def can_read(self, *_: Any, **__: Any) -> bool:
                return False

        return Pretending

    def use(self, obj: Any) -> None:
        obj.subscribe("orders")


LABS: list[type[Unconnected]] = [Trino, Athena, Neo4jDriver, Neo4jSession, MongoSession, Subscription]


@pytest.fixture(params=LABS, ids=lambda lab: lab.kind)
def lab(request: pytest.FixtureRequest) -> Unconnected:
    made: Unconnected = request.param()
    return made


@pytest.fixture
def kind(lab: Unconnected) -> Kind:
    return CATALOG.kind(lab.kind)


def is_usable(lab: Unconnected, obj: Any) -> bool:
    try:
        lab.use(obj)
    except Exception:
        return False
    return True


def test_use_after_release(lab: Unconnected, kind: Kind) -> None:
    assert kind.close is (Close.RETURNS if kind.pooled else Close.DESTROYS)
    obj = lab.take()
    lab.use(obj)
    lab.release(obj)
    assert is_usable(lab, obj) is (kind.use_after_release is After.REOPENS)


def test_release_twice(lab: Unconnected, kind: Kind) -> None:
    assert kind.release_twice is Twice.HARMLESS
    obj = lab.take()
    lab.release(obj)
    lab.release(obj)


def test_with_closes(lab: Unconnected, kind: Kind) -> None:
    assert kind.with_ is With.CLOSES
    obj = lab.take()
    if kind.use_after_release is After.RAISES:
        with obj:
            pass
        assert not is_usable(lab, obj)
        return
    with mock.patch.object(type(obj), lab.closing) as closing:
        with obj:
            pass
        assert closing.called


def test_goes_with_the_last_reference(lab: Unconnected, kind: Kind) -> None:
    if kind.gc is not Gc.REFCOUNT:
        pytest.skip("shows only with a server")
    lab.release(lab.take())
    gc.collect()
    gc.disable()
    try:
        gone = weakref.ref(lab.take())
        assert gone() is None
    finally:
        gc.enable()


def test_a_subscription_takes_a_connection_and_gives_it_back() -> None:
    """So it is lazy; and what goes with its last reference is the slot as well."""
    lab = Subscription()
    assert CATALOG.kind(lab.kind).lazy
    obj = lab.take()
    pool = obj.connection_pool
    pool.release(pool.get_connection())
    lab.use(obj)
    with refused():
        pool.get_connection()
    lab.release(obj)
    pool.release(pool.get_connection())
    lab.use(obj)
    del obj
    pool.release(pool.get_connection())


def test_what_holds_nothing_is_in_no_table() -> None:
    """A connection of pyhive.presto only keeps its arguments."""
    presto = import_or_skip("pyhive.presto", "pyhive")
    conn = presto.connect("localhost")
    conn.close()
    conn.cursor()
    assert CATALOG.function("pyhive.presto.connect") is None


def test_a_driver_of_neo4j_ends_with_what_its_sessions_hold() -> None:
    """Its pool closes the connections that are in use, too."""
    driver = Neo4jDriver().take()
    lent = mock.Mock(in_use=True)
    driver._pool._ssr_feature_tracker = mock.Mock()  # counts what connections can do
    driver._pool.connections["shop"].append(lent)
    driver.close()
    assert lent.close.called
    for method in ("close", "__exit__"):
        assert (effect := CATALOG.method("neo4j.Driver", method)) is not None and effect.releases_all
