"""Exceptions of the code under test: which class a name means, what a handler catches, what has no explanation."""

from __future__ import annotations

import re
import sys
from typing import Any

from putback.model.running import Broken
from putback.verify.choices import Sort
from putback.verify.execution import NO_ITEMS
from putback.verify.extract import Program
from putback.verify.faults import Error, Modelled, place
from putback.verify.standin import StandIn
from putback.verify.world import World

_QUOTED = re.compile(r"'(\w+)'")
_NATIVE = (TypeError, AttributeError, ValueError, KeyError, IndexError, NameError)


class Errors:
    """What instrumented code asks about exceptions, in the run of `world`."""

    world: World

    def __init__(self, program: Program) -> None:
        self.program = program
        self._classes: dict[str, type[BaseException]] = {}

    def exception_class(self, value: Any) -> Any:
        """The class that `value` means in `except` and `raise`: a driver's, a builtin, or a new one named after it."""
        if isinstance(value, tuple):
            return tuple(self.exception_class(v) for v in value)
        if not isinstance(value, StandIn):
            return value
        path = value._pb_path.partition("(")[0]
        return place(path, self.world.roles.errors) or self._own_class(path)

    def _own_class(self, path: str) -> type[BaseException]:
        if path not in self._classes:
            self._classes[path] = type(path.rpartition(".")[2] or "Unnamed", (Modelled, Exception), {})
        return self._classes[path]

    def caught_class(self, value: Any) -> Any:
        """The class of an `except` clause."""
        return self.exception_class(value)

    def caught(self, row: int, *around: int) -> None:
        """The handler in this row is entered: by an error that the model cannot explain, it is remembered.

        A failed transaction is the matter of the handler that it came to, not of one in that (`around` are the rows of
        those) for an error of another kind.
        """
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        for slot in self.world.connections.slots:
            if slot.failed and (slot.handler not in around or isinstance(error, Error)):
                slot.handler = row
        if error is not None:
            self.explain(error)

    def explain(self, error: BaseException) -> None:
        """Remember an error that Python itself raised in the code under test, and that nobody asked for."""
        if isinstance(error, Modelled) or is_raised(error) or type(error) not in _UNEXPLAINED:
            return
        if isinstance(error, UnboundLocalError):
            self._explain_unbound(error)
        elif not self._is_explained(error):
            self.world.unexplained.append(repr(error))

    def _explain_unbound(self, error: UnboundLocalError) -> None:
        """A name that a clean-up reads: the connection's own after a failed acquire, or another one."""
        found = _QUOTED.search(str(error))
        name = found[1] if found is not None else ""
        if name in self.program.bound and self.world.connections.refused:
            self.world.violated(Broken.UNBOUND, name)
        elif error.__context__ is not None or self.world.has_failed:  # no context: the handler has left by `return`
            self.world.violated(Broken.ERROR_HIDDEN, name)
        if isinstance(error.__context__, UnboundLocalError):  # one clean-up behind the other
            self._explain_unbound(error.__context__)

    def _is_explained(self, error: BaseException) -> bool:
        """Whether the code runs into this by itself: a None, an empty or shorter collection, an unentered manager."""
        text = str(error)
        if text.startswith("zip() argument"):
            return True
        if isinstance(error, (AttributeError, TypeError)) and "NoneType" in text:
            return True
        if isinstance(error, AttributeError):
            return text.endswith("before it is entered")
        schedule = self.world.decider.schedule
        if isinstance(error, IndexError) or text.endswith("is not in list"):  # a filter may have left nothing
            return any(sort is Sort.BRANCH for sort, _ in self.world.decider.taken)
        return "empty" in text and any(choice.option == NO_ITEMS for choice in schedule)

    def raising(self, value: Any) -> Any:
        """What `raise value` raises."""
        if isinstance(value, StandIn):
            _, opening, arguments = value._pb_path.partition("(")
            cls = self.exception_class(value)
            value = self.world.raised(cls, opening + arguments)
        elif isinstance(value, type) and issubclass(value, BaseException):
            value = value()
        if isinstance(value, BaseException) and not isinstance(value, Modelled):
            value._pb_raised = True  # type: ignore[attr-defined]
        return value


_UNEXPLAINED = {*_NATIVE, UnboundLocalError}


def is_raised(error: BaseException) -> bool:
    """Whether the code under test raised this by a statement of its own."""
    return getattr(error, "_pb_raised", False)
