"""Where to listen in the pools of other libraries. Nothing is imported: a pool says by its class what it is.

A hook gives this one pool methods of its own that lend and take back; `Watch.stop` takes them away. They are attributes
of the pool, and know it weakly: no circle is made, so it is gone as soon as it would be. (A class of its own would make
all of its methods slower: CPython calls methods fast where an object's attributes have not been put in a dictionary.)
The call of a take-back is noted before it is made, because another may get the same connection as soon as it is.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import weakref
from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from threading import get_ident
from typing import Any

from putback.pool.stats import Timings
from putback.pool.watching.places import FARTHEST, Trail, belongs_to_library
from putback.pool.watching.standing import (
    GIVE,
    GIVE_LATER,
    GIVE_OR_KEEP,
    TAKE,
    TAKE_LATER,
    TAKE_WITH_ALL_CALLERS,
    standing_for,
)
from putback.pool.watching.watcher import Watch, reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """How one library's pool lends. `take` and `give` name methods."""

    module: str
    pool: str
    take: str
    give: str
    part: str = ""
    """The attribute of what it lends that the pool gets back, where that is not the same."""
    closes_lent: str = ""
    """A method that ends everything that is lent."""
    recreate: str = ""
    """A method that makes the pool that takes this one's place."""
    opens: str = ""
    """A method, or a function that it keeps, that opens a connection."""
    exhausted: tuple[str, ...] = ()
    """The classes of the errors that an empty pool raises."""
    says: str = ""
    """A part of their text, where the class is not enough."""
    capacity: Callable[[Any], int | None]
    keeps: Callable[[Any], Any] | None = None
    """What is remembered of what it lends: a weak reference, where the pool itself keeps nothing, so that it can be
    garbage-collected; or what `is_out` is asked about, where that is not what it lends."""
    takes_back_lost: bool = False
    """The pool gets back by itself what is garbage-collected."""
    failed_give_keeps: bool = False
    """When giving back fails the connection is still lent."""
    is_out: Callable[[Any], bool] | None = None
    """For what can come back without a call of `give`."""


LIBRARIES = (
    Library(
        module="psycopg2",
        pool="AbstractConnectionPool",
        take="getconn",
        give="putconn",
        opens="_connect",
        closes_lent="closeall",
        exhausted=("PoolError",),
        says="exhausted",
        capacity=lambda pool: int(pool.maxconn),
        failed_give_keeps=True,
    ),
    Library(
        module="psycopg_pool",
        pool="BasePool",
        take="getconn",
        give="putconn",
        opens="_connect",
        exhausted=("PoolTimeout", "TooManyRequests"),
        capacity=lambda pool: int(pool.max_size),
        keeps=weakref.ref,
    ),
    Library(
        module="asyncpg",
        pool="Pool",
        take="_acquire",
        give="release",
        opens="_get_new_connection",
        exhausted=("TimeoutError",),
        capacity=lambda pool: int(pool.get_max_size()),
        is_out=lambda proxy: proxy._con is not None,
    ),
    Library(
        module="aiomysql",
        pool="Pool",
        take="_acquire",
        give="release",
        closes_lent="terminate",
        capacity=lambda pool: pool.maxsize or None,
    ),
    Library(
        module="aiopg",
        pool="Pool",
        take="_acquire",
        give="release",
        closes_lent="terminate",
        exhausted=("TimeoutError",),
        capacity=lambda pool: pool.maxsize or None,
    ),
    Library(
        module="mysql",
        pool="MySQLConnectionPool",
        take="get_connection",
        give="add_connection",
        part="_cnx",
        exhausted=("PoolError",),
        says="exhausted",
        capacity=lambda pool: int(pool.pool_size),
        keeps=weakref.ref,
    ),
    Library(
        module="dbutils",
        pool="PooledDB",
        take="connection",
        give="cache",
        opens="steady_connection",
        part="_con",
        exhausted=("TooManyConnections", "TooManyConnectionsError"),
        capacity=lambda pool: int(pool._maxconnections) or None,
    ),
)


def library_of(pool: Any) -> Library | None:
    """Which of these a pool is of."""
    for library in LIBRARIES:
        for cls in type(pool).__mro__:
            if cls.__name__ == library.pool and cls.__module__.partition(".")[0] == library.module:
                # DBUtils has a second PooledDB, for drivers that are not thread-safe, which lends in another way
                return library if hasattr(pool, library.take) and hasattr(pool, library.give) else None
    return None


def loaded_classes(library: Library) -> set[type]:
    """A library's class of pools, if it is loaded."""
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == library.module]
    found = {getattr(module, library.pool, None) for module in modules}
    return {cls for cls in found if isinstance(cls, type)}


def hook(pool: Any, library: Library, watch: Watch) -> None:
    """Listen to a pool's methods."""
    belongs_to_library(library.module)
    watch.keeps, watch.is_out, watch.takes_back_lost = library.keeps, library.is_out, library.takes_back_lost
    here = reference(pool)
    methods = {
        library.take: _take(_method(pool, library.take), here, library, watch),
        library.give: _give(_method(pool, library.give), here, library, watch),
    }
    if library.closes_lent:
        methods[library.closes_lent] = _ends_all(_method(pool, library.closes_lent), here, watch)
    if library.recreate:
        methods[library.recreate] = _recreate(_method(pool, library.recreate), here, library, watch)
    if library.opens and hasattr(pool, library.opens):
        watch.creations = watch.creations or Timings()
        methods[library.opens] = _opens(_method(pool, library.opens), here, watch.creations, watch)
    watch.undone_by(_put_on(pool, here, methods))


def _method(pool: Any, name: str) -> Callable[..., Any]:
    """A pool's method as a function of the pool; or what another watch has put in its place."""
    method = getattr(pool, name)
    function: Callable[..., Any] = getattr(method, "__func__", None) or _of_nobody(method)
    return function


def _of_nobody(method: Callable[..., Any]) -> Callable[..., Any]:
    if asyncio.iscoroutinefunction(method):

        async def later(_: Any, *args: Any, **kwargs: Any) -> Any:
            return await method(*args, **kwargs)

        return later
    return lambda _, *args, **kwargs: method(*args, **kwargs)


def _put_on(pool: Any, here: Callable[[], Any], methods: dict[str, Callable[..., Any]]) -> Callable[[], None]:
    """Give a pool methods; the result takes them away. One that has no room for attributes gets a class of its own."""
    cls = type(pool)
    if cls.__dictoffset__:
        before = {name: method for name in methods if not hasattr(method := getattr(pool, name), "__func__")}
        for name, method in methods.items():
            setattr(pool, name, method)
        return functools.partial(_take_off, here, list(methods), before)
    kind: Any = type(cls)
    same = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    static = {name: staticmethod(method) for name, method in methods.items()}
    pool.__class__ = kind(cls.__name__, (cls,), {**same, **static})
    return functools.partial(_back_to, here, cls)


def _take_off(here: Callable[[], Any], names: list[str], before: dict[str, Callable[..., Any]]) -> None:
    if (pool := here()) is not None:
        for name in names:
            with suppress(AttributeError):
                delattr(pool, name)
        for name, method in before.items():
            setattr(pool, name, method)


def _back_to(here: Callable[[], Any], cls: type) -> None:
    if (pool := here()) is not None:
        pool.__class__ = cls


def _take(take: Callable[..., Any], here: Callable[[], Any], library: Library, watch: Watch) -> Callable[..., Any]:
    now, out, tally, began, waited = watch.now, watch.out, watch.tally, watch.began, watch.waits.note
    known: Container[int] | None = None
    """Only these need nothing new that is kept of them; None: all."""
    if library.keeps is not None and not library.takes_back_lost:
        known = watch.references if library.keeps is weakref.ref and not library.part else ()
    is_kept = library.is_out is not None and library.keeps is None

    def refused(error: BaseException, since: float = 0.0, given_back: int = 0) -> None:
        cancelled = isinstance(error, asyncio.CancelledError)
        if watch.waited_in_vain(since, given_back) if cancelled else _is_exhausted(error, library):
            watch.exhausted(error)

    async def taken(taking: Awaitable[Any], asked: float, trail: Trail | None) -> Any:
        given_back = tally.taken - len(out)
        tally.asked += 1
        try:
            lent = await taking
        except (Exception, asyncio.CancelledError) as error:
            refused(error, asked, given_back)
            raise
        finally:
            tally.answered += 1
        key, since = id(lent), now()
        if trail is None and key not in out and (known is None or key in known):
            out[key] = since, get_ident(), lent if is_kept else None
            tally.taken += 1
        else:
            waited(since - asked)
            began(key, trail, lent, since)
        return lent

    parts = {
        "part": f"_lent.{library.part}" if library.part else "_lent",
        "known": "" if known is None else " and _key in _known",
    }
    text = TAKE_WITH_ALL_CALLERS if watch.asks_for_all else TAKE
    if asyncio.iscoroutinefunction(take):
        text = TAKE_LATER
    return functools.wraps(take)(
        standing_for(
            take,
            text,
            parts,
            _take=take,
            _here=here,
            _now=now,
            _out=out,
            _tally=tally,
            _waited=waited,
            _get_ident=get_ident,
            _began=began,
            _callers=watch.asking,
            _refused=refused,
            _taken=taken,
            _known=known,
            _getframe=sys._getframe,
            _farthest=FARTHEST,
        )
    )


def _is_exhausted(error: BaseException, library: Library) -> bool:
    return type(error).__name__ in library.exhausted and library.says in str(error)


def _give(give: Callable[..., Any], here: Callable[[], Any], library: Library, watch: Watch) -> Callable[..., Any]:
    text = GIVE_OR_KEEP if library.failed_give_keeps else GIVE
    if asyncio.iscoroutinefunction(give):
        text = GIVE_LATER
    return functools.wraps(give)(
        standing_for(
            give,
            text,
            {"lost": " or _entry.kept() is None" if library.takes_back_lost else ""},
            _give=give,
            _here=here,
            _pop=watch.out.pop,
            _now=watch.now,
            _used=watch.uses.note,
            _over=watch.over,
            _still_out=watch.still_out,
        )
    )


def _ends_all(method: Callable[..., Any], here: Callable[[], Any], watch: Watch) -> Callable[..., Any]:
    @functools.wraps(method)
    def ending(*args: Any, **kwargs: Any) -> Any:
        watch.all_ended()
        return method(here(), *args, **kwargs)

    return ending


def _opens(method: Callable[..., Any], here: Callable[[], Any], creations: Timings, watch: Watch) -> Callable[..., Any]:
    def opening(*args: Any, **kwargs: Any) -> Any:
        began = watch.now()
        opened = method(here(), *args, **kwargs)
        creations.add(watch.now() - began)
        return opened

    async def opening_later(*args: Any, **kwargs: Any) -> Any:
        began = watch.now()
        opened = await method(here(), *args, **kwargs)
        creations.add(watch.now() - began)
        return opened

    return functools.wraps(method)(opening_later if asyncio.iscoroutinefunction(method) else opening)


def _recreate(
    method: Callable[..., Any], here: Callable[[], Any], library: Library, watch: Watch
) -> Callable[..., Any]:
    @functools.wraps(method)
    def recreating(*args: Any, **kwargs: Any) -> Any:
        pool = method(here(), *args, **kwargs)
        hook(pool, library, watch)
        return pool

    return recreating
