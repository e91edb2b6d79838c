"""The vocabulary of the framework tables: which functions a framework calls, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Role(Enum):
    """What a framework makes of a function."""

    ROUTE = "route"
    DEPENDENCY = "dependency"
    JOB = "job"
    THREAD = "thread"
    TEARDOWN = "teardown"
    FIXTURE = "fixture"
    SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class Marker:
    """How a function gets a role.

    `decorators`: qualified names of decorators ("fastapi.APIRouter.get", "pytest.fixture");
    `arguments`: qualified callables that receive the function as positional argument `index` or keyword `keyword`
    ("fastapi.Depends" 0 "dependency"); `attributes`: attribute names that count when the receiver cannot be
    resolved but the file imports the framework ("get", "route"); `methods`: methods of subclasses of the
    named classes ({"flask.views.MethodView": ["get", "post"]}). `unattended`: the function runs in a thread or a
    worker that goes on to other work, outside of what the framework cleans up after.
    """

    role: Role
    decorators: tuple[str, ...] = ()
    arguments: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    methods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unattended: bool = False


@dataclass(frozen=True, slots=True)
class Framework:
    """One framework: `injects` says whether it can inject a session into a route; `types` maps a
    constructor's qualified name to itself so that receivers of decorators can be resolved; `quick` are functions
    that only put an answer together, so that holding a connection meanwhile costs nothing;
    `values` names the classes of what the framework hands out, by name or attribute ("flask.current_app" is a
    "flask.Flask"): what the project sets on one such object is found on another."""

    name: str
    imports: tuple[str, ...]
    injects: bool
    markers: tuple[Marker, ...]
    types: tuple[str, ...]
    aliases: Mapping[str, str]
    quick: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
