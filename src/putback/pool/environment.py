"""A pool's settings from the environment.

DB_POOL_MIN_CONNECTIONS=2     DB_POOL_MAX_CONNECTIONS=10
DB_POOL_MAX_OVERFLOW          DB_POOL_TIMEOUT           seconds
DB_POOL_RECYCLE               DB_POOL_LEAK_THRESHOLD    seconds
DB_POOL_PRE_PING              1, true, yes, on, or 0, false, no, off
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from putback.pool.errors import SettingsError
from putback.pool.settings import Settings

MIN = "DB_POOL_MIN_CONNECTIONS"
MAX = "DB_POOL_MAX_CONNECTIONS"
_DEFAULT_MIN, _DEFAULT_MAX = 2, 10
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Configured:
    """What the environment says."""

    low: int
    high: int
    settings: Settings


def from_environment(environ: Mapping[str, str] | None = None) -> Configured:
    """Read the variables (default: those of the process). SettingsError names the variable, what it holds and what it
    may hold. An empty variable counts as not set."""
    values = os.environ if environ is None else environ
    low = _number(values, MIN, int, 0)
    high = _number(values, MAX, int, 1)
    low, high = _default_sizes(low, high)
    if low > high:
        raise SettingsError(f"{MIN} is {low} and {MAX} is {high}; the minimum must not be above the maximum")
    settings = Settings(
        overflow=_number(values, "DB_POOL_MAX_OVERFLOW", int, 0) or 0,
        timeout=_number(values, "DB_POOL_TIMEOUT", float, 0),
        recycle=_number(values, "DB_POOL_RECYCLE", float, 0),
        leak_threshold=_number(values, "DB_POOL_LEAK_THRESHOLD", float, 0),
        pre_ping=_truth(values, "DB_POOL_PRE_PING"),
    )
    return Configured(low, high, settings)


def _default_sizes(low: int | None, high: int | None) -> tuple[int, int]:
    """A default gives way to the value that was set."""
    if low is None and high is None:
        return _DEFAULT_MIN, _DEFAULT_MAX
    if low is None:
        assert high is not None
        return min(_DEFAULT_MIN, high), high
    return low, max(_DEFAULT_MAX, low) if high is None else high


def _number(values: Mapping[str, str], name: str, kind: type[N], least: int) -> N | None:
    text = values.get(name, "").strip()
    if not text:
        return None
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not least <= number < float("inf"):
        what = "a whole number" if kind is int else "a number"
        raise SettingsError(f"{name} is {text!r}; it must be {what} of {least} or more")
    return number


def _truth(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "").strip().lower()
    if text and text not in (*_YES, *_NO):
        raise SettingsError(f"{name} is {text!r}; it must be one of {', '.join((*_YES, *_NO))}")
    return text in _YES
