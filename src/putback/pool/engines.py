"""A reference pool behind `create_engine(..., creator=pool.getconn)`: what cannot work is refused with a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from putback.pool.errors import SettingsError
from putback.pool.lease import Stack
from putback.pool.profiles import Closing, Profile

_POOL = f"{os.sep}sqlalchemy{os.sep}pool{os.sep}"


def refuse_engine(stack: Stack, profile: Profile, connections: Iterable[Any]) -> None:
    """SettingsError if an engine of SQLAlchemy borrows and cannot work with what it gets."""
    if not stack or _POOL not in stack[0][0].co_filename:
        return
    if profile.close is Closing.LOSES:
        raise SettingsError(
            "an engine closes what creator= gives and puts nothing back: in the manner of "
            f"{profile.name} each close would lose a slot. Use profile=SQLALCHEMY with "
            "create_engine(..., poolclass=NullPool), or the engine's own pool and watch(engine)"
        )
    if any(type(raw).__module__.partition(".")[0] == "psycopg2" for raw in connections):
        raise SettingsError(
            "SQLAlchemy's dialect for psycopg2 hands connections to functions in C, which take no proxies: use "
            "postgresql+psycopg with creator=, or the engine's own pool and watch(engine)"
        )
