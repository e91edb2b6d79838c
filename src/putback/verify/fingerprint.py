"""Stable texts of values: they make the labels of decisions, the trace and the comparison of results."""

from __future__ import annotations

import re
import types
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from putback.verify.faults import Modelled

_LONGEST = 100
DEEPEST = 20
"""How many levels of a value are told apart."""
MODULE = "verified"
"""The `__name__` that code under test sees, and the module of the classes it defines."""
TEXT = "_pb_text"
_WITHIN = 6


_MARK = "·"
_MARKED = re.compile(rf"{_MARK}\d+")


def marked(text: str, moment: int) -> str:
    """What is read of something that others may change: the text says how often they had the chance to, before."""
    return f"{text}{_MARK}{moment}" if moment else text


def unmarked(text: str) -> str:
    """A text that does not say when what it names was read."""
    return _MARKED.sub("", text) if _MARK in text else text


def shorten(text: str) -> str:
    """A long text cut, with a check sum of the whole so that different texts stay different."""
    return text if len(text) <= _LONGEST else text[:60] + _sum(text)


def _sum(text: str) -> str:
    return f"…{len(text)}:{zlib.crc32(text.encode('utf-8', 'replace')):x}"


def _of_text(value: str) -> str:
    """A text in one row: with a check sum where its own white space is not shown."""
    row = " ".join(str.split(value))
    return shorten(repr(row)) if row == str.__str__(value) else shorten(repr(row))[:_LONGEST] + _sum(value)


def fingerprint(value: Any, depth: int = 0) -> str:
    """The text of a value: its provenance for a stand-in, its content for a plain value."""
    name = getattr(type(value), "provenance", None)
    if name is not None:
        return str(name(value))
    if value is None or isinstance(value, (bool, int, float, complex)):
        return repr(value)
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bytes):
        return shorten(repr(value))
    if isinstance(value, BaseException):
        return _of_exception(value, depth)
    if isinstance(value, type):
        return value.__name__
    if depth > DEEPEST:
        return "…"
    return _of_container(value, depth + 1)


def _of_exception(value: BaseException, depth: int) -> str:
    if isinstance(value, Modelled):
        message = value.args[0] if value.args else ""
        return f"{type(value).__name__}({shorten(repr(getattr(message, '_pb_path', message)))})"
    return f"{type(value).__name__}({', '.join(fingerprint(a, depth + 1) for a in value.args)})"


def _of_container(value: Any, depth: int) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{fingerprint(k, depth)}: {fingerprint(v, depth)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        opening, closing = "[]" if isinstance(value, list) else "()"
        alone = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return f"{opening}{', '.join(fingerprint(v, depth) for v in value)}{alone}{closing}"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(fingerprint(v, depth) for v in value)) + "}"
    if isinstance(value, types.FunctionType):
        return _of_function(value, depth)
    if isinstance(value, partial):
        return f"partial({call_text(fingerprint(value.func, depth), value.args, value.keywords)})"
    if callable(value):
        return f"<function {getattr(value, '__name__', '?')}>"
    own = vars(value) if type(value).__module__ == MODULE else {}
    return f"<{type(value).__name__}{_of_container(own, depth) if own else ''}>"


def remember(function: types.FunctionType, text: str) -> types.FunctionType:
    """A function of the code under test, whose text is part of what it is from now on."""
    function.__dict__[TEXT] = text
    return function


def _of_function(value: types.FunctionType, depth: int) -> str:
    """A function: its text, and what it keeps from around it; what functions among that keep is left out."""
    text = value.__dict__.get(TEXT)
    if text is None or depth > 2 * _WITHIN:
        return f"<function {value.__name__}>"
    kept = ", ".join(_kept(value, max(depth, _WITHIN) + _WITHIN))
    return f"<function {value.__name__}: {shorten(f'{text}; {kept}')}>"


def _kept(value: types.FunctionType, depth: int) -> Iterator[str]:
    for default in (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()):
        yield fingerprint(default, depth)
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        try:
            yield f"{name}={fingerprint(cell.cell_contents, depth)}"
        except ValueError:
            yield f"{name} is unbound"


def call_text(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    """A call as text: `name(a, b=c)`."""
    parts = [fingerprint(a) for a in arguments] + [f"{k}={fingerprint(v)}" for k, v in keywords.items()]
    return f"{name}({shorten(', '.join(parts))})"
