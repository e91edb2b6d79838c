"""The vocabulary of the framework tables: which functions a framework calls, and as what.

The fields are the keys of the tables. A name in them may hold alternatives in braces:
`flask.{Flask,Blueprint}.{get,post}` is four names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import product
from typing import Annotated, Literal, TypeVar

from msgspec import Meta
from msgspec.structs import force_setattr

from putback.tables import Table

_ALTERNATIVES = re.compile(r"\{([^}]*)\}")


class Role(Enum):
    """What a framework makes of a function."""

    ROUTE = "route"
    DEPENDENCY = "dependency"
    JOB = "job"
    THREAD = "thread"
    TEARDOWN = "teardown"
    FIXTURE = "fixture"
    SCRIPT = "script"


T = TypeVar("T")

Position = Annotated[tuple[int, str], Meta(description='a position and a keyword: [0, "dependency"]')]

Providing = Literal["anew", "once", "itself", "typed", "container"]
"""What a provider hands out: what comes of calling its first argument with the rest, each time or the first time, that
argument itself, an object of that class, or (it is none then) a container of that class."""


class Marker(Table, frozen=True):
    """How a function gets a role.

    `decorators`: qualified names of decorators ("fastapi.APIRouter.get", "pytest.fixture");
    `arguments`: qualified callables that receive the function as positional argument `index` or keyword `keyword`
    ("fastapi.Depends" 0 "dependency"), or as any keyword ("*"); `attributes`: attribute names that count when the
    receiver cannot be resolved but the file imports the framework ("get", "route"); `methods`: methods of subclasses of
    the named classes ({"flask.views.MethodView": ["get", "post"]}). `unattended`: the function runs in a thread or a
    worker that goes on to other work, outside of what the framework cleans up after. `queries`: what the function's
    parameters are called is asked of each request; `rethrows`: what is thrown in at its `yield` must leave it again.
    `made_of` are keywords of the decorators that name the class which the function becomes an object of; `bound` is the
    one by which that object is its first argument.
    """

    role: Role
    decorators: tuple[str, ...] = ()
    arguments: Mapping[str, Position] = {}
    attributes: tuple[str, ...] = ()
    methods: Mapping[str, tuple[str, ...]] = {}
    unattended: bool = False
    queries: bool = False
    rethrows: bool = False
    made_of: tuple[str, ...] = ()
    bound: str = ""

    def __post_init__(self) -> None:
        force_setattr(self, "decorators", _expanded(self.decorators))
        force_setattr(self, "arguments", _spread(self.arguments))
        force_setattr(self, "methods", _spread(self.methods))


class FrameworkTable(Table, frozen=True):
    """One framework: `injects` says whether it can inject a session into a route; `types` maps a
    constructor's qualified name to itself so that receivers of decorators can be resolved; `quick` are functions that
    only put an answer together, so that holding a connection meanwhile costs nothing; `values` names the classes of
    what the framework hands out, by name or attribute ("flask.current_app" is a "flask.Flask"): what the project sets
    on one such object is found on another. `returns` names the classes of what the framework's functions return;
    `choosing` are callables that make a setting out of a class attribute: on objects it is a class that the
    configuration chooses, one of these arguments or one that derives from it;
    `contexts` are calls whose results are entered by a `with`, at whose end the framework lets extensions clean up;
    `asking` are functions that tell whether there is such a context: who asks goes on only where there is one;
    `answering` are callables of the markers' `arguments` that give, once awaited, what the function returns,
    `promising` those whose answer gives it, by what is `waiting`; both pass on the arguments behind it. Of the first
    `abandoning` are those that leave the function alone when whoever awaits them is cancelled; `joining`
    are modules, or functions, that hand sessions to a manager of transactions, which ends each request's; `overriding`
    are attributes in which other functions take the place of dependencies; `hooking` are callables, or decorators, by
    which a function is called around what others run; `per_request` are objects whose attributes live no longer than a
    request; `lasting` are classes of what a route is given whose request lasts for as long as somebody stays connected;
    `streaming` are responses that run a generator when the route has returned, `deferring` calls that run what they are
    given then; `spawning` are callables that run what they are given in a thread beside their caller, `tasks` those
    that do so in the event loop, where one task waits while another is in a call without `await`; `for_each` are those
    of both that run it for each item of what they are given, `waiting` callables that come back when what runs beside
    them has ended. `providers` make what a container hands things out by; providers among their arguments are asked for
    what these hand out. `asking_providers` are callables that result in what the provider hands out which they are
    given (true), or in that itself, `resolving` those that hand out an object of the class that is this argument."""

    imports: tuple[str, ...]
    markers: tuple[Marker, ...] = ()
    injects: bool = False
    types: tuple[str, ...] = ()
    aliases: Mapping[str, str] = {}
    quick: frozenset[str] = frozenset()
    values: Mapping[str, str] = {}
    returns: Mapping[str, str] = {}
    choosing: Mapping[str, tuple[Position, ...]] = {}
    answering: tuple[str, ...] = ()
    promising: tuple[str, ...] = ()
    abandoning: tuple[str, ...] = ()
    per_request: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()
    streaming: tuple[str, ...] = ()
    deferring: tuple[str, ...] = ()
    spawning: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    for_each: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    overriding: tuple[str, ...] = ()
    hooking: tuple[str, ...] = ()
    providers: Mapping[str, Providing] = {}
    asking_providers: Mapping[str, bool] = {}
    resolving: Mapping[str, Position] = {}

    def __post_init__(self) -> None:
        force_setattr(self, "types", _expanded(self.types))
        force_setattr(self, "returns", _spread(self.returns))
        force_setattr(self, "choosing", _spread(self.choosing))
        force_setattr(self, "answering", _expanded(self.answering))
        force_setattr(self, "promising", _expanded(self.promising))
        force_setattr(self, "abandoning", _expanded(self.abandoning))
        force_setattr(self, "lasting", _expanded(self.lasting))
        force_setattr(self, "streaming", _expanded(self.streaming))
        force_setattr(self, "deferring", _expanded(self.deferring))
        force_setattr(self, "joining", _expanded(self.joining))
        force_setattr(self, "overriding", _expanded(self.overriding))
        force_setattr(self, "hooking", _expanded(self.hooking))
        force_setattr(self, "contexts", _expanded(self.contexts))
        force_setattr(self, "asking", _expanded(self.asking))
        force_setattr(self, "spawning", _expanded(self.spawning))
        force_setattr(self, "tasks", _expanded(self.tasks))
        force_setattr(self, "for_each", _expanded(self.for_each))
        force_setattr(self, "waiting", _expanded(self.waiting))
        force_setattr(self, "quick", frozenset(_expanded(self.quick)))
        force_setattr(self, "values", _spread(self.values))
        force_setattr(self, "providers", _spread(self.providers))
        force_setattr(self, "asking_providers", _spread(self.asking_providers))
        force_setattr(self, "resolving", _spread(self.resolving))


class Framework(FrameworkTable, frozen=True, kw_only=True):
    """A framework by the name of its table."""

    name: str


def alternatives(pattern: str) -> list[str]:
    """All names that a pattern with braces stands for."""
    parts = _ALTERNATIVES.split(pattern)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*choices)]


def _expanded(patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for pattern in patterns for name in alternatives(pattern))


def _spread(entries: Mapping[str, T]) -> dict[str, T]:
    return {name: entry for pattern, entry in entries.items() for name in alternatives(pattern)}
