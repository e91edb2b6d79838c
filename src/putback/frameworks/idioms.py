"""The names of the language itself that decide what a call means for a connection: `language/python.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from putback.tables import Table, Where, read

_TABLE = Path(__file__).parent / "language" / "python.toml"


class Functions(Table, frozen=True):
    """Qualified names. `quiet`, `quiet_builtins` and all below `quiet_roots` are taken not to raise.

    Calls of `quick` ones, and of all below `quick_roots`, take no time worth mentioning; those below `logging_roots`
    write a log; objects of classes with `plain_bases` are made quickly.
    `listing` ones give all names of a function with what they mean, in what `naming` ones give is looked for a name;
    entering what is below `entered_quietly` does not raise, nor does closing what `closed_quietly` ones make; one
    thread or task at a time enters what is `locking`.
    `raising` ones never return, nor does what is annotated to return one of `never`.
    What is given to `keeping` functions and `keeping_methods` stays in an object; what `closing` ones make closes it,
    what `wrapping` ones make stands for it; `awaiting` ones await it, `starting` ones have it run beside their caller;
    what is in or given to `limiting` ones ends in time; `borrowing` ones are done with it when they return, unless one
    of `late_keywords` makes them read it later. `reading_on` ones, and all below `reading_on_roots`, give what reads on
    from their arguments; `collecting` ones read all of them at once, and keep what was in them. `decorating` ones
    change when and how a function runs, and keep it nowhere else; `caching` ones keep its answers; `properties` make an
    attribute of one; `emptying` ones take out of an exit stack what it would have done; `counting` ones give back a
    permit.
    """

    quiet: frozenset[str]
    quiet_builtins: frozenset[str]
    quiet_roots: tuple[str, ...]
    ending_the_process: frozenset[str]
    forking: frozenset[str]
    raising: frozenset[str]
    never: frozenset[str]
    swallowing: frozenset[str]
    listing: frozenset[str]
    naming: frozenset[str]
    entered_quietly: tuple[str, ...]
    closed_quietly: frozenset[str]
    locking: frozenset[str]
    quick: frozenset[str]
    quick_roots: tuple[str, ...]
    logging_roots: tuple[str, ...]
    plain_bases: frozenset[str]
    mocking_modules: frozenset[str]
    mocking_fixtures: frozenset[str]
    mocking_answers: frozenset[str]
    keeping: frozenset[str]
    keeping_methods: frozenset[str]
    awaiting: frozenset[str]
    starting: frozenset[str]
    wrapping: frozenset[str]
    closing: frozenset[str]
    limiting: frozenset[str]
    borrowing: frozenset[str]
    reading_on: frozenset[str]
    reading_on_roots: tuple[str, ...]
    collecting: frozenset[str]
    late_keywords: frozenset[str]
    decorating: frozenset[str]
    caching: frozenset[str]
    emptying: frozenset[str]
    counting: frozenset[str]
    properties: frozenset[str]


class Methods(Table, frozen=True):
    """Bare names, for receivers that cannot be resolved; each field says what the call does to its arguments."""

    keeping: frozenset[str]
    registering: frozenset[str]
    entering: frozenset[str]
    taking: frozenset[str]
    borrowing: frozenset[str]
    of_values: frozenset[str]


class Containers(Table, frozen=True):
    """Methods of lists and dictionaries: `taking` answer with one item, `contents` with all of them, `pairs` with the
    keys beside; `removing` take out the item that they are given. `made_by` is how the names of Python's own begin."""

    taking: frozenset[str]
    contents: frozenset[str]
    pairs: frozenset[str]
    removing: frozenset[str]
    made_by: tuple[str, ...]


class Evidence(Table, frozen=True):
    """What is believed to raise (`io`), hardly (`slight`), and not: qualified names, packages, methods by bare name."""

    io: frozenset[str]
    trivial: frozenset[str]
    slight: frozenset[str]
    methods_of_values: frozenset[str]


class Errors(Table, frozen=True):
    """`of_others` are exceptions, and packages all of whose exceptions, no database raises."""

    of_others: frozenset[str]


class Places(Table, frozen=True):
    """Names of directories; `serving` are imports, `serving_for_ever` words, of what serves again and again.

    Methods of classes derived from one of `test_cases` are tests, wherever they stand. A file that imports one of
    `rerunning` runs anew, as a whole, for whatever its users do. A loop with a call of a method in `waiting` waits for
    what comes next, one with a call in `asking` for whoever sits at the keyboard; `windows` are imports of desktop
    programs.
    """

    tests: frozenset[str]
    test_cases: frozenset[str]
    examples: frozenset[str]
    scripts: frozenset[str]
    retired: frozenset[str]
    serving: frozenset[str]
    rerunning: frozenset[str]
    serving_for_ever: frozenset[str]
    waiting: frozenset[str]
    asking: frozenset[str]
    windows: frozenset[str]


class Logging(Table, frozen=True):
    """What loggers are called, and their methods."""

    loggers: frozenset[str]
    methods: frozenset[str]


class Reading(Table, frozen=True):
    """How programs read their settings, by qualified names.

    `environment` functions read a variable, and have their default at this position; `mappings` are looked into by its
    name. `fields` have the default of a settings class, one derived from `settings`, which the environment fills; what
    `casts` give is their first argument in another form. `texts` make a URL, of which this argument is the beginning;
    `text_methods` give a text nearly as it was.
    """

    environment: Mapping[str, int]
    mappings: frozenset[str]
    fields: frozenset[str]
    settings: frozenset[str]
    casts: frozenset[str]
    texts: Mapping[str, str]
    text_methods: frozenset[str]


class Deployment(Table, frozen=True):
    """How projects say how they are run: in `files` of these names in these `folders`; `servers` are commands that
    start processes, each with the options that say how many."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    servers: Mapping[str, tuple[str, ...]]


class Annotations(Table, frozen=True):
    """What stands in annotations in front of brackets, by its last name, for it has many homes.

    `annotated` has the type first and more beside it; `choices` mean one of several types, and in `looked_through`
    ones the first type is meant; `containers` hold what they have last; `classes` mean the class itself, and
    `announcing` says that what is assigned is a type. By qualified names: `itself` is the class around, and `naming`
    calls make a name for other types, which they are given behind the name, or one by this keyword.
    """

    annotated: frozenset[str]
    choices: frozenset[str]
    looked_through: frozenset[str]
    containers: frozenset[str]
    classes: frozenset[str]
    announcing: frozenset[str]
    itself: frozenset[str]
    naming: Mapping[str, str]

    @property
    def telling(self) -> frozenset[str]:
        """What stands in front of brackets in types alone."""
        return self.annotated | self.choices


class Idioms(Table, frozen=True):
    """The whole table."""

    functions: Functions
    methods: Methods
    containers: Containers
    evidence: Evidence
    errors: Errors
    places: Places
    logging: Logging
    reading: Reading
    annotations: Annotations
    deployment: Deployment


@cache
def idioms() -> Idioms:
    """The table, read once; raises `DriverTableError` for what does not fit."""
    return read(tomllib.loads(_TABLE.read_text(encoding="utf-8")), Idioms, Where(_TABLE.name, "python"))
