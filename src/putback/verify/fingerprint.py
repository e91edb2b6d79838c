"""Stable texts of values: they make the labels of decisions, the trace and the comparison of results."""

from __future__ import annotations

import zlib
from typing import Any

from putback.verify.faults import Modelled

_LONGEST = 100
_DEEPEST = 4


def shorten(text: str) -> str:
    """A long text cut, with a check sum of the whole so that different texts stay different."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:60]}…{len(text)}:{zlib.crc32(text.encode('utf-8', 'replace')) & 0xFFFF:x}"


def fingerprint(value: Any, depth: int = 0) -> str:
    """The text of a value: its provenance for a stand-in, its content for a plain value."""
    name = getattr(type(value), "provenance", None)
    if name is not None:
        return str(name(value))
    if value is None or isinstance(value, (bool, int, float, complex)):
        return repr(value)
    if isinstance(value, str):
        return shorten(repr(" ".join(str.split(value))))
    if isinstance(value, bytes):
        return shorten(repr(value))
    if isinstance(value, BaseException):
        return _of_exception(value, depth)
    if isinstance(value, type):
        return value.__name__
    if depth > _DEEPEST:
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
    if callable(value):
        return f"<function {getattr(value, '__name__', '?')}>"
    return f"<{type(value).__name__}>"


def call_text(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    """A call as text: `name(a, b=c)`."""
    parts = [fingerprint(a) for a in arguments] + [f"{k}={fingerprint(v)}" for k, v in keywords.items()]
    return f"{name}({shorten(', '.join(parts))})"
