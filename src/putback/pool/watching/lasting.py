"""Who has a connection that is out when a test ends: the test, or something that was there before it and stays.

What stays is a session of SQLAlchemy that the test did not make, a variable of a module or class, or an attribute of
what such a variable, or a fixture of a wider scope, stands for. Each of them has one connection at a time, and the next
test gets that. A list that a test puts its connections into is none: it gets one more with each test.
"""

from __future__ import annotations

import functools
import gc
import sys
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import MemberDescriptorType, ModuleType
from typing import Any

DEPTH = 4
"""Attributes of attributes that are followed."""
_IMPORTING = "<frozen importlib._bootstrap>"


class Sessions:
    """The sessions of SQLAlchemy: which of them are the test's own, and which has taken a connection."""

    def __init__(self, library: ModuleType) -> None:
        self._young: weakref.WeakSet[Any] = weakref.WeakSet()
        self._of: weakref.WeakKeyDictionary[Any, weakref.ref[Any]] = weakref.WeakKeyDictionary()
        """By what is lent."""
        self._library = library
        self._class: Any = library.orm.Session
        self._init = init = self._class.__init__

        @functools.wraps(init)
        def making(session: Any, *args: Any, **kwargs: Any) -> None:
            init(session, *args, **kwargs)
            if not is_importing():
                self._young.add(session)

        self._class.__init__ = making
        library.event.listen(self._class, "after_begin", self._began)

    def stop(self) -> None:
        """Leave the library as it was."""
        self._class.__init__ = self._init
        self._library.event.remove(self._class, "after_begin", self._began)

    def begin(self) -> None:
        """A test begins: all sessions that there are, are older."""
        self._young.clear()

    @contextmanager
    def of_wider_scope(self) -> Iterator[None]:
        """What is made meanwhile is not the test's."""
        before = list(self._young)
        try:
            yield
        finally:
            self._young = weakref.WeakSet(before)

    def taker(self, lent: Any) -> Any:
        """The session that has taken a connection; None if it was none, or is gone."""
        try:
            found = self._of.get(lent)
        except TypeError:
            return None
        return None if found is None else found()

    def is_older(self, session: Any) -> bool:
        """Whether the test did not make it."""
        return session not in self._young

    def _began(self, session: Any, transaction: Any, connection: Any) -> None:
        with suppress(self._library.exc.SQLAlchemyError):
            if session.get_bind() is not connection:  # else somebody else has taken it for the session
                self._of[connection.connection] = weakref.ref(session)


def is_importing() -> bool:
    """Whether some module is being imported now: what that makes is the module's, whoever wanted it first."""
    frame = sys._getframe(1)
    while (above := frame.f_back) is not None:
        if frame.f_code.co_name == "exec_module" and above.f_code.co_filename == _IMPORTING:
            return True
        frame = above
    return False


def is_kept(thing: Any, others: Iterable[Any] = ()) -> bool:
    """Whether a variable of a module has the thing, or an attribute of what such a variable has, or one of `others`."""
    modules = {id(vars(module)) for module in list(sys.modules.values()) if isinstance(module, ModuleType)}
    roots = modules | {id(other) for other in others}
    found = [thing]
    for _ in range(DEPTH):
        if any(id(each) in roots for each in found):
            return True
        found = [owner for each in found for owner in _having(each, modules)]
    return any(id(each) in roots for each in found)


def _having(thing: Any, modules: set[int]) -> list[Any]:
    """What has the thing as an attribute; of a module its variables."""
    holders = gc.get_referrers(thing)
    own = {id(found): found for found in holders if id(found) in modules or _has(found, thing)}
    names = [found for found in holders if type(found) is dict and id(found) not in modules]
    return [*own.values(), *(each for found in names for each in gc.get_referrers(found) if _has(each, thing))]


def _has(owner: Any, thing: Any) -> bool:
    """Whether an attribute of the owner's own is the thing. None of the program's code is run."""
    if isinstance(owner, type):
        return any(value is thing for value in vars(owner).values())
    with suppress(AttributeError, TypeError):
        if any(value is thing for value in object.__getattribute__(owner, "__dict__").values()):
            return True
    slots = [
        value for cls in type(owner).__mro__ for value in vars(cls).values() if type(value) is MemberDescriptorType
    ]
    for slot in slots:
        with suppress(AttributeError):
            if slot.__get__(owner) is thing:
                return True
    return False
