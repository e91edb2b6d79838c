"""What the opt-in tables say: kombu by its transport in memory, pika by a broker that only greets."""

from __future__ import annotations

import gc
import queue
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from libraries import import_or_skip, refused

from putback.drivers.catalog import load_catalog
from putback.model.lifecycle import After, Close, Gc, Twice, With

CATALOG = load_catalog({"kombu": {}, "pika": {}})
_SOON = 10


class Greeter:
    """A broker on this machine that opens connections and channels; `ended` gets an entry for each that is gone."""

    def __init__(self) -> None:
        self.pika: Any = import_or_skip("pika", "pika")
        self.ended: queue.Queue[None] = queue.Queue()
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def connect(self) -> Any:
        """A connection to it."""
        return self.pika.BlockingConnection(self.pika.ConnectionParameters("127.0.0.1", self._socket.getsockname()[1]))

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        spec, frame = self.pika.spec, self.pika.frame
        answers = {
            spec.Connection.StartOk: spec.Connection.Tune(0, 131072, 0),
            spec.Connection.Open: spec.Connection.OpenOk(),
            spec.Connection.Close: spec.Connection.CloseOk(),
            spec.Channel.Open: spec.Channel.OpenOk(),
            spec.Channel.Close: spec.Channel.CloseOk(),
        }
        with client:
            client.recv(8)
            client.sendall(frame.Method(0, spec.Connection.Start(server_properties={})).marshal())
            read = b""
            while more := client.recv(65536):
                read += more
                while (taken := frame.decode_frame(read))[0]:
                    read = read[taken[0] :]
                    answer = answers.get(type(getattr(taken[1], "method", None)))
                    if answer is not None:
                        client.sendall(frame.Method(taken[1].channel_number, answer).marshal())
        self.ended.put(None)

    def stop(self) -> None:
        self._socket.close()


@pytest.fixture
def greeter() -> Iterator[Greeter]:
    found = Greeter()
    yield found
    found.stop()


def test_pika_closes_once(greeter: Greeter) -> None:
    kind = CATALOG.kind("pika.plain")
    assert (kind.close, kind.release_twice, kind.use_after_release) == (Close.DESTROYS, Twice.RAISES, After.RAISES)
    conn = greeter.connect()
    conn.close()
    greeter.ended.get(timeout=_SOON)
    with refused():
        conn.close()
    with refused():
        conn.channel()


def test_pika_closes_with_its_block_and_when_it_is_collected(greeter: Greeter) -> None:
    kind = CATALOG.kind("pika.plain")
    assert (kind.with_, kind.gc) == (With.CLOSES, Gc.CYCLIC)
    with greeter.connect() as conn:
        conn.channel()
    greeter.ended.get(timeout=_SOON)
    gc.disable()
    try:
        lost = greeter.connect()
        del lost
        assert greeter.ended.empty()
        gc.collect()
        greeter.ended.get(timeout=_SOON)
    finally:
        gc.enable()


def pool_of_kombu() -> Any:
    return import_or_skip("kombu", "kombu").Connection("memory://").Pool(limit=1)


def is_dry(pool: Any) -> bool:
    try:
        pool.acquire().release()
    except pool.LimitExceeded as error:
        return CATALOG.kind("kombu.pooled").exhausted in repr(error)
    return False


def test_kombu_connects_when_it_is_used() -> None:
    kind = CATALOG.kind("kombu.plain")
    assert kind.lazy
    assert (kind.close, kind.release_twice, kind.with_) == (Close.DESTROYS, Twice.HARMLESS, With.CLOSES)
    assert kind.use_after_release is After.RAISES
    conn = import_or_skip("kombu", "kombu").Connection("memory://")
    assert not conn.connected
    with conn:
        conn.channel()
        assert conn.connected
    assert not conn.connected
    conn.release()
    conn.close()
    with refused():
        conn.channel()


def test_a_pool_of_kombu_gets_back_what_is_released() -> None:
    kind = CATALOG.kind("kombu.pooled")
    assert (kind.with_, kind.use_after_release) == (With.RELEASES, After.FOREIGN)
    pool = pool_of_kombu()
    with pool.acquire() as conn:
        assert is_dry(pool)
    assert not is_dry(pool)
    assert pool.acquire() is conn
    conn.channel()


@pytest.mark.parametrize("how", ["close", "lose"])
def test_a_pool_of_kombu_misses_what_is_closed_or_lost(how: str) -> None:
    kind = CATALOG.kind("kombu.pooled")
    assert (kind.close, kind.gc) == (Close.LEAKS, Gc.PERMANENT)
    pool = pool_of_kombu()
    conn = pool.acquire()
    if how == "close":
        conn.close()
    del conn
    gc.collect()
    assert is_dry(pool)


def test_what_is_released_twice_is_lent_twice() -> None:
    assert CATALOG.kind("kombu.pooled").release_twice is Twice.CORRUPTS
    pool = pool_of_kombu()
    conn = pool.acquire()
    conn.release()
    conn.release()
    assert pool.acquire() is pool.acquire()
