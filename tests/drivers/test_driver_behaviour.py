"""What the tables say about each kind is what the library does, on a real server.

Each test reads the claim from the catalog and acts it out, so a wrong table fails. No test sleeps: a slot that
must be free is waited for patiently, one that must be taken is asked for once.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import assert_never

import pytest
from labs import BRIEF, PATIENT, SYNC, Lab
from labs_async import ASYNC
from labs_mysql import MYSQL
from libraries import refused, resolve

from putback.drivers.catalog import load_catalog
from putback.drivers.schema import Kind
from putback.model.lifecycle import After, Begin, Close, Gc, Twice, With

CATALOG = load_catalog()
LABS = (*SYNC, *ASYNC, *MYSQL)

pytestmark = pytest.mark.filterwarnings("ignore")  # leaking on purpose makes libraries complain


@pytest.fixture(params=LABS, ids=lambda lab: f"{lab.kind}-{lab.__name__}")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    made: Lab = request.param(request.getfixturevalue(request.param.server))
    gc.freeze()  # the libraries are large: collecting looks at what the test makes only
    yield made
    made.shut()
    gc.collect()


@pytest.fixture(scope="module", autouse=True)
def thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture
def kind(lab: Lab) -> Kind:
    return CATALOG.kind(lab.kind)


def is_free(lab: Lab) -> None:
    lab.probe(PATIENT)


def is_taken(lab: Lab) -> None:
    with pytest.raises(lab.errors):
        lab.probe(BRIEF)


def test_release_frees_the_slot(lab: Lab) -> None:
    lab.release(lab.take(PATIENT))
    is_free(lab)


def test_acquire_takes_the_slot(lab: Lab, kind: Kind) -> None:
    obj = lab.take(PATIENT)
    with pytest.raises(lab.errors) as caught:
        lab.probe(BRIEF)
    pattern = re.sub(r"\d+(\\?\.\d+)?", r"[\\d.]+", re.escape(kind.exhausted))
    assert re.search(pattern, str(caught.value))
    lab.release(obj)


def test_close(lab: Lab, kind: Kind) -> None:
    """PB104: what `close()` does to the slot."""
    obj = lab.take(PATIENT)
    pid = lab.execute(obj, lab.who_am_i)
    lab.close(obj)
    match kind.close:
        case Close.LEAKS:
            is_taken(lab)
            lab.release(obj)
            is_free(lab)
        case Close.FREES | Close.DESTROYS:
            again = lab.take(PATIENT)
            assert lab.execute(again, lab.who_am_i) != pid
            lab.release(again)
        case Close.RETURNS:
            again = lab.take(PATIENT)
            assert lab.execute(again, lab.who_am_i) == pid
            lab.release(again)
        case Close.IGNORED:
            is_taken(lab)
        case _:
            assert_never(kind.close)


def test_with(lab: Lab, kind: Kind) -> None:
    """PB109: what leaving `with obj:` does to the slot."""
    obj = lab.take(PATIENT)
    match kind.with_:
        case With.TRANSACTION:
            lab.enter_and_exit(obj)
            is_taken(lab)
            assert lab.execute(obj, "select 1") == 1
            lab.release(obj)
        case With.RELEASES:
            lab.enter_and_exit(obj)
            is_free(lab)
        case With.CLOSES:
            lab.enter_and_exit(obj)
            (is_taken if kind.close in (Close.LEAKS, Close.IGNORED) else is_free)(lab)
        case With.ERROR:
            with refused():
                lab.enter_and_exit(obj)
        case _:
            assert_never(kind.with_)


def test_release_twice(lab: Lab, kind: Kind) -> None:
    """PB105: what a second release does."""
    obj = lab.take(PATIENT)
    lab.release(obj)
    match kind.release_twice:
        case Twice.RAISES:
            with refused():
                lab.release(obj)
        case Twice.HARMLESS:
            lab.release(obj)
        case Twice.CORRUPTS:
            other = lab.take(PATIENT)
            with suppress(Exception):
                lab.release(obj)
            is_free(lab)  # though the only slot is taken
            with refused():  # and who has it cannot give it back
                lab.release(other)
            return
        case _:
            assert_never(kind.release_twice)
    held = lab.take(PATIENT)
    is_taken(lab)
    lab.release(held)


def test_a_failed_statement(lab: Lab, kind: Kind) -> None:
    """PB201: whether a failed statement spoils what follows it."""
    obj = lab.take(PATIENT)
    assert lab.execute(obj, "select 1") == 1
    errors = tuple(resolve(name) for name in CATALOG.drivers[kind.driver].errors)
    with pytest.raises(errors if errors and kind.own_errors else Exception):
        lab.execute(obj, "select nonsense")
    if kind.aborts and kind.autobegin is Begin.ANY:
        with refused():
            lab.execute(obj, "select 1")
    else:
        assert lab.execute(obj, "select 1") == 1
    lab.release(obj)


def test_use_after_release(lab: Lab, kind: Kind) -> None:
    """PB106: what using the object after its release does."""
    obj = lab.take(PATIENT)
    lab.release(obj)
    match kind.use_after_release:
        case After.FOREIGN:
            assert lab.execute(obj, "select 1") == 1
            is_free(lab)
        case After.RAISES:
            with refused():
                lab.execute(obj, "select 1")
        case After.REOPENS:
            assert lab.retry(PATIENT, lambda: lab.execute(obj, "select 1")) == 1
            is_taken(lab)
            lab.close(obj)
        case _:
            assert_never(kind.use_after_release)


def test_garbage_collection(lab: Lab, kind: Kind) -> None:
    """What happens to an object that nobody released."""
    gc.collect()
    gc.disable()
    try:
        obj = lab.take(PATIENT)
        lab.execute(obj, "select 1")
        del obj
        (is_free if kind.gc is Gc.REFCOUNT else is_taken)(lab)
    finally:
        gc.enable()
    gc.collect()
    (is_taken if kind.gc is Gc.PERMANENT else is_free)(lab)


def test_open_transaction_on_release(lab: Lab, kind: Kind) -> None:
    lab.observe("delete from item")
    obj = lab.take(PATIENT)
    if kind.autobegin is Begin.NONE:
        lab.execute(obj, "begin")
    lab.execute(obj, "insert into item values (1)")
    lab.release(obj)
    is_free(lab)
    assert lab.observe("select count(*) from item") == 0


def test_autobegin(lab: Lab, kind: Kind) -> None:
    """PB201, PB202: whether a mere SELECT leaves a transaction open."""
    obj = lab.take(PATIENT)
    assert lab.is_in_transaction(obj) == (kind.autobegin is Begin.ANY)
    lab.release(obj)


def test_release_without_await(lab: Lab) -> None:
    """PB110: whether a release that is not awaited loses the slot."""
    effect = CATALOG.method(*lab.release_by)
    assert effect is not None
    obj = lab.take(PATIENT)
    lab.release_without_await(obj)
    (is_taken if effect.awaited else is_free)(lab)
    del obj


def test_what_the_release_is_called(lab: Lab, kind: Kind) -> None:
    """The release that the tests use is the one that the kind names and the method tables know."""
    type_name, method = lab.release_by
    effect = CATALOG.method(type_name, method)
    assert effect is not None
    assert effect.releases or effect.releases_self or (effect.closes and kind.close in (Close.RETURNS, Close.DESTROYS))
    assert f".{method}(" in kind.release
    assert kind.release.startswith("await ") == effect.awaited
