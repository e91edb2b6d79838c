"""The calls that leave the process and wait, by their qualified names: `language/external.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from putback.frameworks.schema import alternatives
from putback.tables import Table, Where, read

_TABLE = Path(__file__).parent / "language" / "external.toml"


class Sort(Table, frozen=True):
    """One sort of call: `noun` names it in messages; `calls` are functions and methods, `below` what all methods of
    belong to it, however deep (`client.chat.completions.create`); `brief`: it answers within milliseconds as a rule;
    `long` says in words why it takes long as a rule; `bounded_by` are the arguments without which nothing bounds it,
    of the call or of what makes its object; `long_from`: it takes long from this number of seconds on."""

    noun: str
    calls: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    brief: bool = False
    long: str = ""
    bounded_by: tuple[str, ...] = ()
    long_from: float | None = None

    @property
    def rank(self) -> int:
        """Which of several calls is told of: a sleep, which often is between attempts, after one that does something,
        and what is brief last."""
        return 2 if self.brief else 1 if self.long_from is not None else 0

    def lasting(self, seconds: object) -> Sort:
        """The same for a call that is told how long to wait; None stands for a number that is not known."""
        if self.long_from is None or not isinstance(seconds, (int, float)):
            return self
        is_short = seconds < self.long_from
        unit = "second" if seconds == 1 else "seconds"
        return replace(self, brief=is_short, long="" if is_short else f"that takes {seconds:g} {unit}")

    @property
    def unbounded(self) -> Sort:
        """The same for a call that is given nothing of `bounded_by`."""
        return replace(self, long="nothing bounds that")


class External(Table, frozen=True):
    """The whole table; `local` are calls of the same libraries that do not leave the process, `local_methods` methods
    that do not on any of their objects. `of_texts` and `of_answers` are methods of what such a call has answered with,
    which is there already: of texts, and of mappings, lists and objects with fields. `queueing` are methods that hand a
    job to somebody else's process."""

    sorts: tuple[Sort, ...]
    local: tuple[str, ...] = ()
    local_methods: tuple[str, ...] = ()
    of_texts: tuple[str, ...] = ()
    of_answers: tuple[str, ...] = ()
    queueing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """The table by names."""

    exact: Mapping[str, Sort]
    below: Mapping[str, Sort]
    local: frozenset[str]
    local_methods: frozenset[str]
    of_texts: frozenset[str]
    of_answers: frozenset[str]
    queueing: frozenset[str]

    def sort_of(self, qualname: str) -> Sort | None:
        """The sort of a call by its qualified name, in which `()` behind what is made along the way says nothing."""
        name = qualname.replace("()", "")
        if name in self.local:
            return None
        if name in self.exact:
            return self.exact[name]
        head, _, last = name.rpartition(".")
        if last in self.local_methods or last.startswith("__") or self._is_of_answer(qualname):
            return None
        while head:
            if head in self.below:
                return self.below[head]
            head = head.rpartition(".")[0]
        return None

    def _is_of_answer(self, qualname: str) -> bool:
        """Whether a method is one of a text, or of another value, that a call has answered with."""
        *made, last = qualname.split("()")
        before = "".join(made)
        path, _, method = last.rpartition(".")
        is_answer = bool(made) and before not in self.below
        if method in self.of_texts:
            return bool(path) or is_answer
        is_answer = is_answer and (before in self.exact or self.sort_of("()".join(made)) is not None)
        return (is_answer and method in self.of_answers) or (bool(made[1:]) and self._is_of_answer("()".join(made)))


@cache
def external() -> Calls:
    """The table, read once; raises `DriverTableError` for what does not fit."""
    table = read(tomllib.loads(_TABLE.read_text(encoding="utf-8")), External, Where(_TABLE.name, "external"))
    return Calls(
        {name: sort for sort in table.sorts for pattern in sort.calls for name in alternatives(pattern)},
        {name: sort for sort in table.sorts for pattern in sort.below for name in alternatives(pattern)},
        frozenset(name for pattern in table.local for name in alternatives(pattern)),
        frozenset(table.local_methods),
        frozenset(table.of_texts),
        frozenset(table.of_answers),
        frozenset(table.queueing),
    )
