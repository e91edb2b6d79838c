"""The names of the language itself that decide what a call means for a connection: `language/python.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from putback.model.tables import Where, many, record, text

_TABLE = Path(__file__).parent / "language" / "python.toml"


@dataclass(frozen=True, slots=True)
class Functions:
    """Qualified names. `quiet`, `quiet_builtins` and all below `quiet_roots` are taken not to raise.

    Calls of `quick` ones, and of all below `quick_roots`, take no time worth mentioning; those below `logging_roots`
    write a log; objects of classes with `plain_bases` are made quickly.
    What is given to `keeping` functions and `keeping_methods` stays in an object; `borrowing` ones are done with it
    when they return, unless one of `late_keywords` makes them read it later; `decorating` ones change when and how a
    function runs, and keep it nowhere else.
    """

    quiet: frozenset[str]
    quiet_builtins: frozenset[str]
    quiet_roots: tuple[str, ...]
    ending_the_process: frozenset[str]
    swallowing: frozenset[str]
    quick: frozenset[str]
    quick_roots: tuple[str, ...]
    logging_roots: tuple[str, ...]
    plain_bases: frozenset[str]
    mocking_modules: frozenset[str]
    mocking_fixtures: frozenset[str]
    keeping: frozenset[str]
    keeping_methods: frozenset[str]
    borrowing: frozenset[str]
    late_keywords: frozenset[str]
    decorating: frozenset[str]


@dataclass(frozen=True, slots=True)
class Methods:
    """Bare names, for receivers that cannot be resolved; each field says what the call does to its arguments."""

    keeping: frozenset[str]
    registering: frozenset[str]
    entering: frozenset[str]
    waiting: frozenset[str]
    wrapping: frozenset[str]
    borrowing: frozenset[str]
    of_values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is believed to raise (`io`) and what is not: qualified names and packages, and methods by bare name."""

    io: frozenset[str]
    trivial: frozenset[str]
    methods_of_values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Errors:
    """`of_others` are exceptions, and packages all of whose exceptions, no database raises."""

    of_others: frozenset[str]


@dataclass(frozen=True, slots=True)
class Places:
    """Names of directories; `serving` are imports, `serving_for_ever` words, of what serves again and again."""

    tests: frozenset[str]
    examples: frozenset[str]
    scripts: frozenset[str]
    serving: frozenset[str]
    serving_for_ever: frozenset[str]


@dataclass(frozen=True, slots=True)
class Logging:
    """What loggers are called, and their methods."""

    loggers: frozenset[str]
    methods: frozenset[str]


@dataclass(frozen=True, slots=True)
class Idioms:
    """The whole table."""

    functions: Functions
    methods: Methods
    evidence: Evidence
    errors: Errors
    places: Places
    logging: Logging


@cache
def idioms() -> Idioms:
    """The table, read once; raises `DriverTableError` for what does not fit."""
    return _IDIOMS(tomllib.loads(_TABLE.read_text(encoding="utf-8")), Where(_TABLE.name, "python"))


def _names(value: Any, where: Where) -> frozenset[str]:
    return frozenset(many(text)(value, where))


_IDIOMS = record(
    Idioms,
    {
        "functions": record(
            Functions,
            {
                "quiet": _names,
                "quiet_builtins": _names,
                "quiet_roots": many(text),
                "ending_the_process": _names,
                "swallowing": _names,
                "quick": _names,
                "quick_roots": many(text),
                "logging_roots": many(text),
                "plain_bases": _names,
                "mocking_modules": _names,
                "mocking_fixtures": _names,
                "keeping": _names,
                "keeping_methods": _names,
                "borrowing": _names,
                "late_keywords": _names,
                "decorating": _names,
            },
            required=Functions.__slots__,
        ),
        "methods": record(Methods, dict.fromkeys(Methods.__slots__, _names), required=Methods.__slots__),
        "evidence": record(Evidence, dict.fromkeys(Evidence.__slots__, _names), required=Evidence.__slots__),
        "errors": record(Errors, {"of_others": _names}, required=("of_others",)),
        "places": record(Places, dict.fromkeys(Places.__slots__, _names), required=Places.__slots__),
        "logging": record(Logging, dict.fromkeys(Logging.__slots__, _names), required=Logging.__slots__),
    },
    required=Idioms.__slots__,
)
