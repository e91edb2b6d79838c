"""A program with one wrapper around its pool, and three places that use it and forget to give back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def get_db_connection(take: Callable[[], Any]) -> Any:
    conn = take()
    return conn  # noqa: RET504 (the wrapper keeps it in a variable, as most do)


def browse(take: Callable[[], Any]) -> list[Any]:
    return [get_db_connection(take) for _ in range(1)]


def order(take: Callable[[], Any]) -> list[Any]:
    kept: list[Any] = []
    while len(kept) < 2:
        one = get_db_connection(take)
        kept.append(one)
    return kept


def pay(take: Callable[[], Any]) -> list[Any]:
    kept: list[Any] = []
    kept.append(get_db_connection(take))
    return kept
