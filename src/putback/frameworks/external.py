"""The calls that leave the process and wait, by their qualified names: `language/external.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from putback.frameworks.schema import alternatives
from putback.tables import Table, Where, read

_TABLE = Path(__file__).parent / "language" / "external.toml"


class Sort(Table, frozen=True):
    """One sort of call: `noun` names it in messages; `calls` are functions and methods, `below` what all methods of
    belong to it, however deep (`client.chat.completions.create`); `brief`: it answers within milliseconds as a rule."""

    noun: str
    calls: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    brief: bool = False


class External(Table, frozen=True):
    """The whole table; `local` are calls of the same libraries that do not leave the process, `local_methods` methods
    that do not on any of their objects, `queueing` methods that hand a job to somebody else's process."""

    sorts: tuple[Sort, ...]
    local: tuple[str, ...] = ()
    local_methods: tuple[str, ...] = ()
    queueing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """The table by names."""

    exact: Mapping[str, Sort]
    below: Mapping[str, Sort]
    local: frozenset[str]
    local_methods: frozenset[str]
    queueing: frozenset[str]

    def sort_of(self, qualname: str) -> Sort | None:
        """The sort of a call by its qualified name, in which `()` behind what is made along the way says nothing."""
        name = qualname.replace("()", "")
        if name in self.local:
            return None
        if name in self.exact:
            return self.exact[name]
        head, _, last = name.rpartition(".")
        if last in self.local_methods or last.startswith("__"):
            return None
        while head:
            if head in self.below:
                return self.below[head]
            head = head.rpartition(".")[0]
        return None


@cache
def external() -> Calls:
    """The table, read once; raises `DriverTableError` for what does not fit."""
    table = read(tomllib.loads(_TABLE.read_text(encoding="utf-8")), External, Where(_TABLE.name, "external"))
    return Calls(
        {name: sort for sort in table.sorts for pattern in sort.calls for name in alternatives(pattern)},
        {name: sort for sort in table.sorts for pattern in sort.below for name in alternatives(pattern)},
        frozenset(name for pattern in table.local for name in alternatives(pattern)),
        frozenset(table.local_methods),
        frozenset(table.queueing),
    )
