"""All framework tables together: what a framework makes of a function.

The tables are the `.toml` files beside this module.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from putback.frameworks.schema import Framework, FrameworkTable, Marker, Position, Providing, Role
from putback.tables import Where, read, resolve_aliases

_HERE = Path(__file__).parent

Argument = tuple[Role, int, str]
"""The role that a callable gives to its argument, the argument's position and its keyword."""


@dataclass(frozen=True, slots=True)
class FrameworkCatalog:
    """What all frameworks know. Names given to its methods may be aliases.

    `answering_names` are the last names of the callables that `answers` knows, `context_names` those of the calls that
    `opens_context` knows, `spawning_names` those of what `spawns` or `starts_tasks`, `waiting_names` those of what
    `waits`, `providing_names` those of providers that call what they are given; attributes of what is `per_request`
    live no longer than a request; a route that is given one of the classes `lasting` goes on for as long as somebody
    stays connected; by the markers `binding` a function can be given the job that is made of it."""

    frameworks: Mapping[str, Framework]
    answering_names: frozenset[str]
    per_request: frozenset[str]
    lasting: frozenset[str]
    binding: Sequence[Marker]
    context_names: frozenset[str]
    spawning_names: frozenset[str]
    waiting_names: frozenset[str]
    overriding_names: frozenset[str]
    hooking_names: frozenset[str]
    providing_names: frozenset[str]
    _spawning: frozenset[str] = field(repr=False)
    _tasks: frozenset[str] = field(repr=False)
    _for_each: frozenset[str] = field(repr=False)
    _waiting: frozenset[str] = field(repr=False)
    _overriding: Mapping[str, Framework] = field(repr=False)
    _hooking: frozenset[str] = field(repr=False)
    _decorators: Mapping[str, tuple[Role, Framework]] = field(repr=False)
    _arguments: Mapping[str, Sequence[Argument]] = field(repr=False)
    _methods: Mapping[tuple[str, str], Role] = field(repr=False)
    _attributes: Mapping[str, Sequence[tuple[frozenset[str], Role]]] = field(repr=False)
    _types: frozenset[str] = field(repr=False)
    _unattended: frozenset[str] = field(repr=False)
    _querying: frozenset[str] = field(repr=False)
    _rethrowing: frozenset[str] = field(repr=False)
    _answering: frozenset[str] = field(repr=False)
    _promising: frozenset[str] = field(repr=False)
    _abandoning: frozenset[str] = field(repr=False)
    streaming: frozenset[str]
    deferring: frozenset[str]
    later_names: frozenset[str]
    _contexts: frozenset[str] = field(repr=False)
    _asking: frozenset[str] = field(repr=False)
    _returns: Mapping[str, str] = field(repr=False)
    _choosing: Mapping[str, Sequence[Position]] = field(repr=False)
    _values: Mapping[str, str] = field(repr=False)
    _providers: Mapping[str, Providing] = field(repr=False)
    _asking_providers: Mapping[str, bool] = field(repr=False)
    _resolving: Mapping[str, Position] = field(repr=False)
    _aliases: Mapping[str, str] = field(repr=False)
    _memo: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def decorator_role(self, qualname: str) -> tuple[Role, Framework] | None:
        """What this decorator makes of the decorated function."""
        return self._decorators.get(self.canonical(qualname))

    def argument_role(self, qualname: str) -> Sequence[Argument]:
        """What this callable makes of the functions that are given to it; empty for others."""
        return self._arguments.get(self.canonical(qualname), ())

    def attribute_roles(self, attr: str, imports: Collection[str]) -> Role | None:
        """What `@something.attr` makes of a function when `something` cannot be resolved.

        `imports` are the top-level names that the file imports; only their frameworks count.
        """
        candidates = self._attributes.get(attr, ())
        return next((role for names, role in candidates if not names.isdisjoint(imports)), None)

    def method_role(self, base_qualname: str, method: str) -> Role | None:
        """What a framework makes of this method in subclasses of this class of its own."""
        return self._methods.get((self.canonical(base_qualname), method))

    def canonical(self, qualname: str) -> str:
        """The name that the tables use, also when only a prefix of the dotted name is an alias."""
        found = self._memo.get(qualname)
        if found is None:
            found = self._memo[qualname] = resolve_aliases(qualname, self._aliases)
        return found

    def is_unattended(self, qualname: str) -> bool:
        """Whether what this decorator, callable or base class runs is left alone with the sessions that it uses."""
        return self.canonical(qualname) in self._unattended

    def queries(self, qualname: str) -> bool:
        """Whether this callable has the parameters of what it is given asked of each request."""
        return self.canonical(qualname) in self._querying

    def rethrows(self, qualname: str) -> bool:
        """Whether what this callable is given must pass on what is thrown in at its `yield`."""
        return self.canonical(qualname) in self._rethrowing

    def has_contexts(self, qualname: str) -> bool:
        """Whether this is the class of an application, which has contexts."""
        return any(name.startswith(f"{self.canonical(qualname)}.") for name in self._contexts)

    def spawns(self, qualname: str) -> bool:
        """Whether this runs what it is given in a thread beside its caller."""
        return self.canonical(qualname) in self._spawning

    def starts_tasks(self, qualname: str) -> bool:
        """Whether this runs what it is given beside its caller in the event loop."""
        return self.canonical(qualname) in self._tasks

    def runs_for_each(self, qualname: str) -> bool:
        """Whether this runs what it is given for each item of something, several at once."""
        return self.canonical(qualname) in self._for_each

    def waits(self, qualname: str) -> bool:
        """Whether this comes back when what runs beside it has ended."""
        return self.canonical(qualname) in self._waiting

    def hooks(self, qualname: str) -> bool:
        """Whether what this is given, or decorates, is called around what others run: a signal, a listener."""
        return self.canonical(qualname) in self._hooking

    def overrides(self, attr: str, owners: Collection[str], imports: Collection[str]) -> bool:
        """Whether this attribute of something puts other functions in the place of dependencies.

        `owners` are the classes of that; where none is known, `imports` are the packages that the file imports.
        """
        if owners:
            return any(f"{self.canonical(owner)}.{attr}" in self._overriding for owner in owners)
        named = (f for name, f in self._overriding.items() if name.rpartition(".")[2] == attr)
        return any(not set(f.imports).isdisjoint(imports) for f in named)

    def answers(self, qualname: str) -> Argument | None:
        """Which argument is the function whose result this callable gives once it is awaited."""
        name = self.canonical(qualname)
        return next(iter(self._arguments.get(name, ())), None) if name in self._answering else None

    def promises(self, qualname: str) -> Argument | None:
        """Which argument is the function whose result the answer of this callable gives, when it is asked."""
        name = self.canonical(qualname)
        return next(iter(self._arguments.get(name, ())), None) if name in self._promising else None

    def abandons(self, qualname: str) -> bool:
        """Whether the function that this runs goes on when whoever awaits it is cancelled."""
        return self.canonical(qualname) in self._abandoning

    def opens_context(self, qualname: str) -> bool:
        """Whether what this returns is entered by a `with`, at whose end extensions clean up."""
        return self.canonical(qualname) in self._contexts

    def asks_for_context(self, qualname: str) -> bool:
        """Whether this tells if there is a context."""
        return self.canonical(qualname) in self._asking

    def returned(self, qualname: str) -> str:
        """The class of what this function returns; "" if the tables do not say."""
        return self._returns.get(self.canonical(qualname), "")

    def choosing(self, qualname: str) -> Sequence[Position]:
        """The arguments of this callable that name the classes to choose from; empty for others."""
        return self._choosing.get(self.canonical(qualname), ())

    def value(self, qualname: str) -> str:
        """The class of what this name, or attribute of a class, stands for; "" if the tables do not say."""
        return self._values.get(self.canonical(qualname), "")

    def provides(self, qualname: str) -> Providing | None:
        """What a container hands out by a provider that this makes; None: it makes no provider."""
        return self._providers.get(self.canonical(qualname))

    def asks_provider(self, qualname: str) -> bool | None:
        """Whether this results in what the provider hands out that it is given, or in that itself; None: neither."""
        return self._asking_providers.get(self.canonical(qualname))

    def resolves(self, qualname: str) -> Position | None:
        """The argument of this callable that is the class of what it hands out."""
        return self._resolving.get(self.canonical(qualname))

    def holds(self, qualname: str) -> bool:
        """Whether a framework makes objects of this class, or hands them out: what is set on one is found on others."""
        return self.knows_type(qualname) or qualname in self._values.values()

    def having(self, qualname: str) -> frozenset[str]:
        """The classes whose objects have one of this class as an attribute."""
        return frozenset(key.rpartition(".")[0] for key, value in self._values.items() if value == qualname)

    def packages(self, qualname: str) -> frozenset[str]:
        """The packages that a file imports to get at an object of this class: its own, and those that hand one out."""
        handing = (f for f in self.frameworks.values() if qualname in f.values.values())
        return frozenset({qualname.partition(".")[0], *(name for each in handing for name in each.imports)})

    def knows_type(self, qualname: str) -> bool:
        """Whether this is a class whose instances have decorators or take functions, or whose methods have roles."""
        return self.canonical(qualname) in self._types


@cache
def load_frameworks() -> FrameworkCatalog:
    """Read all framework tables; raises `DriverTableError` for what does not fit the schema."""
    frameworks = {path.stem: _read(path) for path in sorted(_HERE.glob("*.toml"))}
    decorators: dict[str, tuple[Role, Framework]] = {}
    arguments: dict[str, list[Argument]] = {}
    methods: dict[tuple[str, str], Role] = {}
    attributes: dict[str, list[tuple[frozenset[str], Role]]] = {}
    for framework in frameworks.values():
        for marker in framework.markers:
            role = marker.role
            decorators.update((name, (role, framework)) for name in marker.decorators)
            for name, (index, keyword) in marker.arguments.items():
                arguments.setdefault(name, []).append((role, index, keyword))
            for attribute in marker.attributes:
                attributes.setdefault(attribute, []).append((frozenset(framework.imports), role))
            methods.update(((base, name), role) for base, names in marker.methods.items() for name in names)
    markers = [marker for framework in frameworks.values() for marker in framework.markers]
    answering = frozenset(name for each in frameworks.values() for name in each.answering)
    streaming = frozenset(name for each in frameworks.values() for name in each.streaming)
    deferring = frozenset(name for each in frameworks.values() for name in each.deferring)
    contexts = frozenset(name for each in frameworks.values() for name in each.contexts)
    spawning = frozenset(name for each in frameworks.values() for name in each.spawning)
    providers = {name: what for each in frameworks.values() for name, what in each.providers.items()}
    tasks = frozenset(name for each in frameworks.values() for name in each.tasks)
    hooking = frozenset(name for each in frameworks.values() for name in each.hooking)
    overriding = {name: each for each in frameworks.values() for name in each.overriding}
    waiting = frozenset(name for each in frameworks.values() for name in each.waiting)
    return FrameworkCatalog(
        frameworks=frameworks,
        answering_names=frozenset(name.rpartition(".")[2] for name in answering),
        per_request=frozenset(name for each in frameworks.values() for name in each.per_request),
        lasting=frozenset(name for each in frameworks.values() for name in each.lasting),
        binding=[marker for marker in markers if marker.bound],
        context_names=frozenset(name.rpartition(".")[2] for name in contexts),
        spawning_names=frozenset(name.rpartition(".")[2] for name in spawning | tasks),
        hooking_names=frozenset(name.rpartition(".")[2] for name in hooking),
        overriding_names=frozenset(name.rpartition(".")[2] for name in overriding),
        waiting_names=frozenset(name.rpartition(".")[2] for name in waiting),
        providing_names=frozenset(
            name.rpartition(".")[2] for name, what in providers.items() if what in ("anew", "once")
        ),
        _spawning=spawning,
        _tasks=tasks,
        _for_each=frozenset(name for each in frameworks.values() for name in each.for_each),
        _waiting=waiting,
        _overriding=overriding,
        _hooking=hooking,
        _decorators=decorators,
        _arguments=arguments,
        _methods=methods,
        _attributes=attributes,
        _types=frozenset(name for each in frameworks.values() for name in each.types)
        | frozenset(base for base, _ in methods),
        _unattended=_those(m for m in markers if m.unattended),
        _querying=_those(m for m in markers if m.queries),
        _rethrowing=_those(m for m in markers if m.rethrows),
        _answering=answering,
        _abandoning=frozenset(name for each in frameworks.values() for name in each.abandoning),
        _promising=frozenset(name for each in frameworks.values() for name in each.promising),
        streaming=streaming,
        deferring=deferring,
        later_names=frozenset(name.rpartition(".")[2] for name in streaming | deferring),
        _contexts=contexts,
        _asking=frozenset(name for each in frameworks.values() for name in each.asking),
        _returns={name: result for each in frameworks.values() for name, result in each.returns.items()},
        _choosing={name: found for each in frameworks.values() for name, found in each.choosing.items()},
        _providers=providers,
        _asking_providers={name: asks for each in frameworks.values() for name, asks in each.asking_providers.items()},
        _resolving={name: at for each in frameworks.values() for name, at in each.resolving.items()},
        _values={name: value for each in frameworks.values() for name, value in each.values.items()},
        _aliases={name: target for each in frameworks.values() for name, target in each.aliases.items()},
    )


def _those(markers: Iterable[Marker]) -> frozenset[str]:
    """Every name by which some markers give their role."""
    return frozenset(name for m in markers for name in (*m.decorators, *m.arguments, *m.methods))


def read_framework(raw: Mapping[str, Any], name: str, file: str) -> Framework:
    """The framework called `name` from parsed TOML; `file` is named in errors."""
    return Framework(name=name, **asdict(read(raw, FrameworkTable, Where(file, name))))


def _read(path: Path) -> Framework:
    return read_framework(tomllib.loads(path.read_text(encoding="utf-8")), path.stem, path.name)
