"""What the tables say about libraries that reach their server only when it is needed: what shows without one."""

from __future__ import annotations

import gc
import weakref
from typing import Any, ClassVar

import pytest
from libraries import import_or_skip

from putback.drivers.catalog import load_catalog
from putback.drivers.schema import After, Close, Gc, Kind, Twice, With

CATALOG = load_catalog()

pytestmark = pytest.mark.filterwarnings("ignore")  # leaking on purpose makes libraries complain


class Unconnected:
    """One kind of one library, without its server."""

    kind: ClassVar[str]
    module: ClassVar[str]

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


LABS: list[type[Unconnected]] = [Trino, Athena]


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
    assert kind.close is Close.DESTROYS
    obj = lab.take()
    lab.use(obj)
    lab.release(obj)
    assert is_usable(lab, obj) is (kind.use_after_release is After.REOPENS)


def test_release_twice(lab: Unconnected, kind: Kind) -> None:
    assert kind.release_twice is Twice.HARMLESS
    obj = lab.take()
    lab.release(obj)
    lab.release(obj)


def test_with_closes(lab: Unconnected, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind.with_ is With.CLOSES
    obj = lab.take()
    closed: list[Any] = []
    name = kind.release.removeprefix("await ").removeprefix("{conn}.").removesuffix("()")
    really = getattr(type(obj), name)

    def noted(self: Any) -> Any:
        closed.append(self)
        return really(self)

    monkeypatch.setattr(type(obj), name, noted)
    with obj:
        pass
    assert closed == [obj]


def test_goes_with_the_last_reference(lab: Unconnected, kind: Kind) -> None:
    assert kind.gc is Gc.REFCOUNT
    lab.release(lab.take())
    gc.collect()
    gc.disable()
    try:
        gone = weakref.ref(lab.take())
        assert gone() is None
    finally:
        gc.enable()
