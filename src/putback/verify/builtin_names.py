"""The builtins of code under test: Python's own, made to accept stand-ins; what touches the system is a stand-in."""

from __future__ import annotations

import builtins
import collections
import contextlib
import copy
import dataclasses
import enum
import functools
import itertools
import math
import operator
import string
import textwrap
import types
import typing
from collections.abc import Callable
from functools import partial
from typing import Any

from putback.verify import reflection
from putback.verify.events import What
from putback.verify.faults import ConversionFailure, Modelled
from putback.verify.fingerprint import call_text, fingerprint, unmarked
from putback.verify.resource import Belonging
from putback.verify.runtime import Runtime
from putback.verify.standin import StandIn
from putback.verify.texts import Text

_MODULES: dict[str, types.ModuleType] = {
    m.__name__: reflection.public(m)
    for m in (
        collections, contextlib, copy, dataclasses, enum, functools, itertools, math, operator, string, textwrap,
        typing,
    )
}  # fmt: skip
"""Modules that code under test may really import: they touch nothing outside."""

KNOWN_NAMES: dict[str, Any] = {
    **_MODULES,
    **{
        name: getattr(module, name)
        for module, names in (
            (contextlib, "contextmanager asynccontextmanager suppress closing ExitStack AsyncExitStack nullcontext"),
            (functools, "wraps partial"),
            (collections, "defaultdict OrderedDict Counter deque"),
            (itertools, "chain"),
            (copy, "deepcopy"),
        )
        for name in names.split()
    },
}
"""Names that mean the same in nearly every module."""

_CONVERTING = (int, float, complex, bytes)
_UNREAL = (StandIn, Text, Belonging, Modelled)
_COMPUTING = (
    "len", "sum", "max", "min", "sorted", "round", "range", "abs", "pow", "divmod", "hash", "ord", "chr", "any", "all",
    "reversed", "bytearray",
)  # fmt: skip
_SYSTEM = (
    "open", "input", "eval", "exec", "compile", "globals", "vars", "exit", "quit", "breakpoint", "memoryview",
    "help",
)  # fmt: skip
_OF_THE_PROCESS = ("chdir", "redirect_stdout", "redirect_stderr")
"""What of contextlib changes the whole process."""
_PLAIN = {n: getattr(builtins, n) for n in dir(builtins) if not n.startswith("_")} | {
    "__build_class__": builtins.__build_class__
}


class _Tolerant(type):
    """The metaclass of builtin types as code under test sees them: a stand-in makes another value than real ones do."""

    real: type
    made: Callable[..., Any]

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.real)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.real)

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        if any(isinstance(a, _UNREAL) for a in arguments):
            return cls.made(*arguments)
        return cls.real(*arguments, **keywords)


class Builtins:
    """The builtins of one program."""

    def __init__(self, runtime: Runtime, handled: tuple[str, ...]) -> None:
        self._runtime = runtime
        self._imports_can_fail = any("ImportError" in name or "ModuleNotFound" in name for name in handled)
        self._types: dict[Any, type] = {}
        self.names = dict(_PLAIN)
        for name in _COMPUTING:
            self.names[name] = self._tolerant(name, getattr(builtins, name))
        for real in _CONVERTING:
            self._tolerate(real, partial(self._converted, real.__name__))
        self._tolerate(str, self._text)
        self._tolerate(dict, lambda value, *more: self._computed(f"dict({fingerprint(value)})"))
        for unordered in (set, frozenset):
            self._tolerate(unordered, partial(self._unordered, unordered.__name__, unordered))
        self.names |= {
            "__import__": self._import,
            "isinstance": self._isinstance,
            "issubclass": self._issubclass,
            "hasattr": self._hasattr,
            "getattr": self._getattr,
            "setattr": lambda value, name, new: setattr(value, _asked(value, name), new),
            "delattr": lambda value, name: delattr(value, _asked(value, name)),
            "type": self._type,
            "print": lambda *arguments, **keywords: runtime.world.note(What.LOG, call_text("print", arguments, {})),
            "super": lambda *arguments: runtime.world.standin("super()"),
            "next": self._next,
            "iter": self._iter,
        }

    def begin(self) -> None:
        """Serve the runtime's next run."""
        for name in _SYSTEM:
            self.names[name] = self._runtime.world.standin(name)
        for name in _OF_THE_PROCESS:
            setattr(_MODULES["contextlib"], name, self._runtime.world.standin(f"contextlib.{name}"))

    def _tolerate(self, real: type, made: Callable[..., Any]) -> None:
        """Put in a builtin type that accepts stand-ins; `made` is what they give."""
        tolerant = _Tolerant(real.__name__, (real,), {})
        tolerant.real, tolerant.made = real, staticmethod(made)
        self._types[tolerant] = real
        self.names[real.__name__] = tolerant

    def _converted(self, name: str, *arguments: Any) -> Any:
        """A number made of a stand-in: the conversion can fail."""
        world = self._runtime.world
        path = f"{name}({', '.join(fingerprint(a) for a in arguments)})"
        world.asks(path)
        world.fault(path, (ConversionFailure,))
        return world.standin(path)

    def _computed(self, path: str) -> StandIn:
        """What a builtin makes of a stand-in, which it does not make of every value."""
        self._runtime.world.asks(path)
        return StandIn(self._runtime.world, unmarked(path), seen=path)

    def _unordered(self, name: str, real: Callable[..., Any], value: Any) -> Any:
        """A set of what is not known has no order that could be known."""
        is_known = not isinstance(value, StandIn)
        return real(value) if is_known else self._computed(f"{name}({fingerprint(value)})")

    def _text(self, value: Any, *more: Any) -> Any:
        return Text(self._runtime.world, fingerprint(value)) if not isinstance(value, Text) else value

    def _tolerant(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if not any(isinstance(a, _UNREAL) for a in arguments):
                return real(*arguments, **keywords)
            return self._computed(f"{name}({', '.join(_read(a) for a in arguments)})")

        call.__name__ = name
        self._types[call] = real if isinstance(real, type) else object
        return call

    def _import(self, name: str, namespace: Any = None, local: Any = None, names: Any = (), level: int = 0) -> Any:
        world = self._runtime.world
        if self._imports_can_fail:
            world.fault(f"import {name}", (ImportError,))
        top = name.partition(".")[0]
        if level == 0 and top in _MODULES:
            return _MODULES[top]
        return _Names(self._runtime) if names else world.standin(top)

    def _isinstance(self, value: Any, classes: Any) -> bool:
        asked = tuple(self._types.get(c, c) for c in (classes if isinstance(classes, tuple) else (classes,)))
        world = self._runtime.world
        if isinstance(value, StandIn):
            named = ", ".join(fingerprint(c) for c in asked)
            return world.branch(f"isinstance({value._pb_seen}, {named})")
        for cls in asked:
            if not isinstance(cls, StandIn):
                if isinstance(cls, type) and isinstance(value, cls):
                    return True
            elif isinstance(value, BaseException):
                if isinstance(value, self._runtime.errors.exception_class(cls)):
                    return True
            elif world.branch(f"isinstance({fingerprint(value)}, {cls._pb_path})", usually=False):
                return True
        return False

    def _issubclass(self, value: Any, classes: Any) -> bool:
        if isinstance(value, type) and isinstance(classes, type):
            return issubclass(value, classes)
        return self._runtime.world.branch(f"issubclass({fingerprint(value)}, {fingerprint(classes)})")

    def _getattr(self, value: Any, name: str, *default: Any) -> Any:
        """With a default it has an answer where the attribute has none: that is a question of its own."""
        asked = _asked(value, name)
        if default and isinstance(value, StandIn):
            self._runtime.world.asks(f"{value._pb_path}.{asked} with the default {fingerprint(default[0])}")
        return getattr(value, asked, *default)

    def _hasattr(self, value: Any, name: str) -> bool:
        if isinstance(value, Belonging) and value.method(name) is not None:
            return True
        if isinstance(value, (StandIn, Belonging)):
            return self._runtime.world.branch(f"hasattr({fingerprint(value)}, {name!r})")
        return hasattr(value, name)

    def _type(self, *arguments: Any) -> Any:
        if len(arguments) == 1 and isinstance(arguments[0], (StandIn, Belonging)):
            return self._runtime.world.standin(f"type({fingerprint(arguments[0])})")
        return type(*arguments)

    def _iter(self, value: Any, *rest: Any) -> Any:
        is_known = not isinstance(value, StandIn)
        return iter(value, *rest) if is_known else self._computed(f"iter({fingerprint(value)})")

    def _next(self, value: Any, *default: Any) -> Any:
        if isinstance(value, StandIn) and default:
            return self._computed(f"next({value._pb_path})")
        return next(value, *default)


class _Names:
    """What `from module import name` takes its names from: stand-ins that go by their short name."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __getattr__(self, name: str) -> Any:
        return KNOWN_NAMES.get(name) or self._runtime.world.named(name)


def _read(value: Any) -> str:
    """What is in a value now."""
    return value._pb_read("") if isinstance(value, StandIn) else fingerprint(value)


def _asked(value: Any, name: Any) -> str:
    """The attribute of a value that is named, if it may be had."""
    text = str.__str__(name) if isinstance(name, str) else fingerprint(name)
    reflection.check(value, text)
    return text
