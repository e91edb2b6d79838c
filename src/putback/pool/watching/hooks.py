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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import CO_VARARGS, CO_VARKEYWORDS
from operator import attrgetter
from threading import get_ident
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from putback.pool.watching.holding import Note
from putback.pool.watching.places import Trail, belongs_to_library
from putback.pool.watching.watcher import Watch, reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """How one library's pool lends. `take` and `give` name methods."""

    module: str
    pool: str
    take: str
    give: str
    part: Callable[[Any], Any] | None = None
    """What the pool gets back of what it lends, where that is not the same."""
    closes_lent: str = ""
    """A method that ends everything that is lent."""
    recreate: str = ""
    """A method that makes the pool that takes this one's place."""
    exhausted: tuple[str, ...] = ()
    """The classes of the errors that an empty pool raises."""
    says: str = ""
    """A part of their text, where the class is not enough."""
    capacity: Callable[[Any], int | None]
    keeps: Callable[[Any], Any] | None = None
    """What is remembered of what it lends: a weak reference, where the pool itself keeps nothing, so that it can be
    garbage-collected; or what `is_out` is asked about."""
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
        exhausted=("PoolTimeout", "TooManyRequests"),
        capacity=lambda pool: int(pool.max_size),
        keeps=weakref.ref,
    ),
    Library(
        module="asyncpg",
        pool="Pool",
        take="_acquire",
        give="release",
        exhausted=("TimeoutError",),
        capacity=lambda pool: int(pool.get_max_size()),
        keeps=lambda proxy: proxy,
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
        part=attrgetter("_cnx"),
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
        part=attrgetter("_con"),
        exhausted=("TooManyConnections", "TooManyConnectionsError"),
        capacity=lambda pool: int(pool._maxconnections) or None,
    ),
)


_NOTHING = object()
_NOT_NOTED = Note()
"""Stands for the note of what has none; seems to be out, so that nobody takes it for one."""
_NOT_NOTED.since, _NOT_NOTED.kept = 0.0, lambda: None


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
    part, now, notes, tally = library.part, watch.now, watch.notes, watch.tally
    began, callers = watch.began, watch.asking
    can_be_lost = library.keeps is weakref.ref and not library.takes_back_lost

    def refused(error: BaseException, since: float = 0.0, given_back: int = 0) -> None:
        cancelled = isinstance(error, asyncio.CancelledError)
        if watch.waited_in_vain(since, given_back) if cancelled else _is_exhausted(error, library):
            watch.exhausted(error)

    def taking(argument: Any = _NOTHING) -> Any:
        try:
            connection = take(here()) if argument is _NOTHING else _call(take, here(), argument)
        except Exception as error:
            refused(error)
            raise
        key, since = id(connection if part is None else part(connection)), now()
        if since <= tally.calm_from and tally.taken - tally.given_back < tally.half:
            thread = get_ident()
            try:
                note = notes[key]
            except KeyError:
                note = _NOT_NOTED
            if (not can_be_lost or note.kept() is connection) and note.since is None:
                note.since = since  # without a call since it was seen to be None: no other thread can have come between
                note.thread, note.trail = thread, None
                tally.taken += 1
                return connection
        began(key, callers(), connection, since)
        return connection

    def taking_so(*args: Any, **kwargs: Any) -> Any:
        return taking(_Arguments(args, kwargs) if args or kwargs else _NOTHING)

    @functools.wraps(take)
    def taking_later(*args: Any, **kwargs: Any) -> Any:
        # the callers of now, and not of when it is awaited: `asyncio.wait_for` may do that in another task
        return taken(callers(), *args, **kwargs)

    async def taken(trail: Trail | None, *args: Any, **kwargs: Any) -> Any:
        asked, given_back = now(), tally.given_back
        try:
            connection = await take(here(), *args, **kwargs)
        except (Exception, asyncio.CancelledError) as error:
            refused(error, asked, given_back)
            raise
        began(id(connection if part is None else part(connection)), trail, connection, now())
        return connection

    names = _parameters(take, 1)
    if asyncio.iscoroutinefunction(take):
        return taking_later
    return functools.wraps(take)(taking_so if names is None else _named(taking, names))


class _Arguments(NamedTuple):
    """All that a method was called with."""

    positional: tuple[Any, ...]
    named: dict[str, Any]


def _call(method: Callable[..., Any], pool: Any, argument: Any) -> Any:
    if type(argument) is _Arguments:
        return method(pool, *argument.positional, **argument.named)
    return method(pool, argument)


def _parameters(method: Callable[..., Any], most: int) -> tuple[str, ...] | None:
    """The names of a method's parameters, and such that no caller can use, to so many; None if it has more, or others.

    A hook with these names is spared the two containers that are made for each call of one that takes whatever comes:
    a fifth of the price of watching."""
    code: CodeType | None = getattr(method, "__code__", None)
    if code is None or code.co_flags & (CO_VARARGS | CO_VARKEYWORDS) or code.co_kwonlyargcount:
        return None
    names = code.co_varnames[1 : code.co_argcount]
    fits = len(names) <= most and not code.co_posonlyargcount
    return (*names, *(f".{number}" for number in range(len(names), most))) if fits else None


def _named(hook: Any, names: tuple[str, ...]) -> Callable[..., Any]:
    """A function with other names for its parameters."""
    code: CodeType = hook.__code__
    code = code.replace(co_varnames=names + code.co_varnames[len(names) :])
    return FunctionType(code, hook.__globals__, hook.__name__, hook.__defaults__, hook.__closure__)


def _is_exhausted(error: BaseException, library: Library) -> bool:
    return type(error).__name__ in library.exhausted and library.says in str(error)


def _give(give: Callable[..., Any], here: Callable[[], Any], library: Library, watch: Watch) -> Callable[..., Any]:
    keeps, tells_of_lost = library.failed_give_keeps, library.takes_back_lost
    notes, note_of, over, tally = watch.notes, watch.notes.get, watch.over, watch.tally
    names = _parameters(give, 3)

    def giving(connection: Any = _NOTHING, second: Any = _NOTHING, third: Any = _NOTHING) -> Any:
        if connection is _NOTHING or second is not _NOTHING or third is not _NOTHING:
            given = zip(names or (), (connection, second, third), strict=False)
            return giving_otherwise(**{name: each for name, each in given if each is not _NOTHING})
        try:
            note = notes[id(connection)]
        except KeyError:
            return give(here(), connection)
        since = note.since
        if since is not None:
            note.since = None
            tally.given_back += 1
            if note.holding is not None or (tells_of_lost and note.trail is not None and note.kept() is None):
                over(id(connection), note, since)
        try:
            return give(here(), connection)
        except Exception:
            if keeps:
                watch.still_out(id(connection), note, since)
            raise

    def giving_otherwise(*args: Any, **kwargs: Any) -> Any:
        """With more than the connection, or that by its name: few do."""
        key = id(args[0] if args else next(iter(kwargs.values()), None))
        note = note_of(key)
        since = None if note is None else note.since
        watch.ended(key)
        try:
            return give(here(), *args, **kwargs)
        except Exception:
            if keeps:
                watch.still_out(key, note, since)
            raise

    @functools.wraps(give)
    async def giving_later(*args: Any, **kwargs: Any) -> Any:  # what nobody awaits gives nothing back
        return await giving_otherwise(*args, **kwargs)

    if asyncio.iscoroutinefunction(give):
        return giving_later
    return functools.wraps(give)(giving_otherwise if names is None else _named(giving, names))


def _ends_all(method: Callable[..., Any], here: Callable[[], Any], watch: Watch) -> Callable[..., Any]:
    @functools.wraps(method)
    def ending(*args: Any, **kwargs: Any) -> Any:
        watch.all_ended()
        return method(here(), *args, **kwargs)

    return ending


def _recreate(
    method: Callable[..., Any], here: Callable[[], Any], library: Library, watch: Watch
) -> Callable[..., Any]:
    @functools.wraps(method)
    def recreating(*args: Any, **kwargs: Any) -> Any:
        pool = method(here(), *args, **kwargs)
        hook(pool, library, watch)
        return pool

    return recreating
