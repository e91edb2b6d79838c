"""Reading TOML tables into frozen data: what a table may say is itself said as data, and errors name file, table, key
and the remedy.

A *reader* turns one TOML value into one Python value or fails with `DriverTableError`. Readers are combined:
`record` reads a table with known keys, `mapping` one with free keys, `groups` one whose keys may name several
entries at once ("fetchone, fetchmany"). Knows nothing about drivers or frameworks; standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple, NoReturn, TypeVar

from putback.model.errors import DriverTableError

_ALIAS_STEPS = 8  # an alias may lead to an alias; a longer chain is a circle

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class Where(NamedTuple):
    """A place in a table file. `scope` is the name of the driver or framework that the file describes."""

    file: str
    scope: str
    path: tuple[str, ...] = ()

    def at(self, key: str) -> Where:
        """The place of `key` inside the table at this place."""
        return Where(self.file, self.scope, (*self.path, key))

    def fail(self, problem: str) -> NoReturn:
        """Raise the error that says what is wrong here."""
        raise DriverTableError(f"{self}: {problem}")

    def __str__(self) -> str:
        if not self.path:
            return self.file
        *table, key = (part if part.replace("_", "").isalnum() else f'"{part}"' for part in self.path)
        return f"{self.file}: [{'.'.join(table)}] {key}" if table else f"{self.file}: {key}"


Reader = Callable[[Any, Where], T]


def suggestion(word: str, allowed: Collection[str]) -> str:
    """A "did you mean" for a mistyped word, with a leading space, or the empty string."""
    from difflib import get_close_matches  # only errors pay for it

    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""


def unknown(noun: str, word: str, allowed: Collection[str], where: Where) -> NoReturn:
    """Fail because `word` is not one of the allowed words."""
    where.fail(f'unknown {noun} "{word}".{suggestion(word, allowed)} Allowed: {", ".join(allowed)}.')


def text(value: Any, where: Where) -> str:
    """A string."""
    return value if isinstance(value, str) else where.fail(f"must be a string, not {_kind_of(value)}.")


def flag(value: Any, where: Where) -> bool:
    """True or false."""
    return value if isinstance(value, bool) else where.fail(f"must be true or false, not {_kind_of(value)}.")


def whole(value: Any, where: Where) -> int:
    """A whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return where.fail(f"must be a whole number, not {_kind_of(value)}.")


def word(*allowed: str) -> Reader[str]:
    """One of the allowed strings."""

    def read(value: Any, where: Where) -> str:
        found = text(value, where)
        return found if found in allowed else unknown("value", found, allowed, where)

    return read


def member(enum: type[E]) -> Reader[E]:
    """The member of an enum that has this value."""
    members = {str(each.value): each for each in enum}

    def read(value: Any, where: Where) -> E:
        found = members.get(text(value, where))
        return unknown("value", value, members, where) if found is None else found

    return read


def many(item: Reader[T]) -> Reader[tuple[T, ...]]:
    """A list of values of one sort."""

    def read(value: Any, where: Where) -> tuple[T, ...]:
        if not isinstance(value, list):
            where.fail(f"must be a list, not {_kind_of(value)}.")
        return tuple([item(each, where) for each in value])

    return read


def mapping(item: Reader[T]) -> Reader[dict[str, T]]:
    """A table with free keys."""

    def read(value: Any, where: Where) -> dict[str, T]:
        return {key: item(each, where.at(key)) for key, each in _table(value, where).items()}

    return read


def groups(item: Reader[T]) -> Reader[dict[str, T]]:
    """A table with free keys, each of which may name several entries: `"commit, rollback" = {...}`."""

    def read(value: Any, where: Where) -> dict[str, T]:
        found: dict[str, T] = {}
        for key, each in _table(value, where).items():
            entry = item(each, where.at(key))
            for name in key.split(", "):
                if name in found:
                    where.at(key).fail(f'"{name}" is described twice.')
                found[name] = entry
        return found

    return read


def record(
    make: Callable[..., T], fields: Mapping[str, Reader[Any]], required: Iterable[str] = (), **renamed: str
) -> Reader[T]:
    """A table with known keys, made into one object; `renamed` maps a key to the argument of `make`."""

    def read(value: Any, where: Where) -> T:
        table = _table(value, where)
        arguments = {}
        for key, each in table.items():
            reader = fields.get(key)
            if reader is None:
                unknown("key", key, fields, where.at(key))
            arguments[renamed.get(key, key)] = reader(each, where.at(key))
        for key in required:
            if key not in table:
                where.at(key).fail("is missing.")
        return make(**arguments)

    return read


def resolve_aliases(qualname: str, aliases: Mapping[str, str]) -> str:
    """Replace the longest prefix of a dotted name that is an alias, until none is."""
    for _ in range(_ALIAS_STEPS):
        head, tail = qualname, ""
        while head and head not in aliases:
            head, _, last = head.rpartition(".")
            tail = f".{last}{tail}"
        if not head:
            return qualname
        qualname = aliases[head] + tail
    raise DriverTableError(f'the alias of "{qualname}" leads in a circle')


def shared(item: Reader[T]) -> Reader[T]:
    """Read equal values of one scope once: tables repeat themselves, and what is read is immutable."""
    seen: dict[tuple[str, str], T] = {}

    def read(value: Any, where: Where) -> T:
        key = (where.scope, repr(value))
        found = seen.get(key)
        if found is None:
            found = seen[key] = item(value, where)
        return found

    return read


def _table(value: Any, where: Where) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else where.fail(f"must be a table, not {_kind_of(value)}.")


def _kind_of(value: Any) -> str:
    return _NOUNS.get(type(value), type(value).__name__)


_NOUNS: Mapping[type, str] = {
    bool: "a truth value",
    str: "a string",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
