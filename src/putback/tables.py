"""Reading TOML tables into structs: the fields of a `Table` are the keys that it may have, and errors name file, table,
key and the remedy.

msgspec reads; only a table that it refuses is read a second time, by `_explain`, to say what is wrong in it and where.
Knows nothing about drivers or frameworks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, TypeVar, get_args, get_origin

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import fields, force_setattr

from putback.model.errors import DriverTableError

_ALIAS_STEPS = 8  # an alias may lead to an alias; a longer chain is a circle

T = TypeVar("T")


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A table with known keys. A field without a default is a key that must be there."""


class ScopedName(str):
    """A name that may be written short inside its own file: "pooled" in psycopg2.toml is "psycopg2.pooled"."""

    __slots__ = ()


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


def read(raw: Any, table: type[T], where: Where) -> T:
    """Parsed TOML as a `table`; fails with `DriverTableError` for what does not fit."""

    def scoped(_: type, value: Any) -> ScopedName:
        if not isinstance(value, str):
            raise TypeError
        return ScopedName(value if "." in value or not value else f"{where.scope}.{value}")

    try:
        return convert(raw, table, dec_hook=scoped)
    except ValidationError as error:
        _explain(raw, table, where)
        where.fail(str(error))


def suggestion(word: str, allowed: Collection[str]) -> str:
    """A "did you mean" for a mistyped word, with a leading space, or the empty string."""
    from difflib import get_close_matches  # only errors pay for it

    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""


def spread(table: Table, *names: str) -> None:
    """Let each key of these fields stand for several entries: `"commit, rollback" = {...}`."""
    for name in names:
        entries: Mapping[str, Any] = getattr(table, name)
        if any(", " in key for key in entries):
            pairs = [(part, entry) for key, entry in entries.items() for part in key.split(", ")]
            if len(dict(pairs)) < len(pairs):
                raise ValueError("an entry is described twice")
            force_setattr(table, name, dict(pairs))


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


def _explain(value: Any, wanted: Any, where: Where) -> None:
    """Fail for the first thing in `value` that is not as the type `wanted` says."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        meant = next((each.description for each in inner if isinstance(each, Meta)), "")
        if not _fits(value, inner[0]):
            where.fail(f"must be {meant}.")
    elif origin is UnionType:
        _explain(value, next(each for each in inner if each is not NoneType), where)
    elif origin is Literal or _is_a(wanted, Enum):
        words = inner if origin is Literal else [str(each.value) for each in wanted]
        _demand(value, str, "a string", where)
        if value not in words:
            _unknown("value", value, words, where)
    elif _is_a(wanted, Table):
        _explain_table(value, wanted, where)
    elif _is_a(origin, Mapping):
        _demand(value, dict, "a table", where)
        seen: set[str] = set()
        for key, each in value.items():
            _explain(each, inner[1], where.at(key))
            if twice := [part for part in key.split(", ") if part in seen]:
                where.at(key).fail(f'"{twice[0]}" is described twice.')
            seen.update(key.split(", "))
    elif _is_a(origin, Collection):
        _demand(value, list, "a list", where)
        for each in value:
            _explain(each, inner[0], where)
    else:
        _demand(value, *_PLAIN[wanted], where)


def _explain_table(value: Any, table: type[Table], where: Where) -> None:
    _demand(value, dict, "a table", where)
    known = {each.encode_name: each for each in fields(table)}
    for key, each in value.items():
        if key not in known:
            _unknown("key", key, known, where.at(key))
        _explain(each, known[key].type, where.at(key))
    for key, field in known.items():
        if field.required and key not in value:
            where.at(key).fail("is missing.")


def _unknown(noun: str, word: str, allowed: Collection[str], where: Where) -> NoReturn:
    where.fail(f'unknown {noun} "{word}".{suggestion(word, allowed)} Allowed: {", ".join(allowed)}.')


def _demand(value: Any, kind: type, noun: str, where: Where) -> None:
    if type(value) is not kind:
        where.fail(f"must be {noun}, not {_NOUNS.get(type(value), type(value).__name__)}.")


def _fits(value: Any, wanted: Any) -> bool:
    try:
        convert(value, wanted)
    except ValidationError:
        return False
    return True


def _is_a(wanted: Any, base: type) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, base)


_PLAIN = {
    str: (str, "a string"),
    ScopedName: (str, "a string"),
    bool: (bool, "true or false"),
    int: (int, "a whole number"),
}

_NOUNS: Mapping[type, str] = {
    bool: "a truth value",
    str: "a string",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
