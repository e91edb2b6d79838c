"""Connections that nobody acquires here: globals, attributes, scoped sessions, parameters without annotation.

They are there before the function is called and after it has ended, so that what it leaves undone is somebody else's
trouble. Each is known by the path that the function spells it by: `conn`, `self.conn`, `db.session`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace as replaced

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.builder import successors
from putback.flow.ir import MODULE
from putback.flow.names import Annotation, Entered, Expr, Invoke, Literal, Member, Name, chain, dotted, root_name
from putback.ownership.analysis import autocommit
from putback.ownership.analysis.attempts import forgets
from putback.ownership.analysis.parts import Typed
from putback.ownership.analysis.site import Acquisition, Ambient, Home, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.resolve.dependencies import dependencies
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import FunctionRef, Instance, Method, Object, Scope
from putback.source.slices import Slice

_MOST_CALLERS = 3


class _Value(Struct, frozen=True):
    """A value that a path is given somewhere: in a function of a file ("" for the top level)."""

    path: str
    function: str
    expr: Expr


class Ambients:
    """Finds them. `mentions` gives the names in a function of a file.

    `switches_off` tells whether a function of a file switches the transactions off of a value that it acquires,
    `gives_back` whether it gives that back before it ends.
    """

    def __init__(
        self,
        resolver: Resolver,
        mentions: Callable[[str, FunctionInfo], frozenset[str]],
        switches_off: Callable[[str, str, Expr], bool],
        gives_back: Callable[[str, str, Expr], bool],
    ) -> None:
        self._resolver = resolver
        self._project = resolver.project
        self._catalog = resolver.catalog
        self._mentions = mentions
        self._switches_off = switches_off
        self._gives_back = gives_back
        self._kinds: dict[str, Kind | None] = {}

    # -- what the driver tables say of working with something

    @cached_property
    def _working(self) -> frozenset[str]:
        """The methods that do something with a transaction, or make what does."""
        methods = (
            pair
            for driver in self._catalog.drivers.values()
            for spec in driver.types.values()
            for pair in spec.methods.items()
        )
        return frozenset(name for name, e in methods if e.executes or e.ends or e.derives or e.defers)

    @cached_property
    def _going_on(self) -> frozenset[str]:
        """The methods that need a transaction which is not broken."""
        specs = (spec for driver in self._catalog.drivers.values() for spec in driver.types.values())
        methods = (pair for spec in specs for pair in spec.methods.items())
        return frozenset(name for name, e in methods if e.executes or e.ends == "commit")

    @cached_property
    def ending_words(self) -> frozenset[str]:
        """The methods by which a transaction ends."""
        specs = (spec for driver in self._catalog.drivers.values() for spec in driver.types.values())
        return frozenset(
            name for spec in specs for name, e in spec.methods.items() if e.ends or e.closes or e.releases_self
        )

    @cached_property
    def _undoing(self) -> frozenset[str]:
        """The methods that roll back."""
        methods = (
            pair
            for driver in self._catalog.drivers.values()
            for spec in driver.types.values()
            for pair in spec.methods.items()
        )
        return frozenset(name for name, e in methods if e.ends == "rollback")

    @cached_property
    def telling_words(self) -> frozenset[bytes]:
        """The methods by which every driver runs statements and commits: what else could have them?"""
        drivers = self._catalog.drivers.values()
        ending = {
            m for d in drivers for spec in d.types.values() for m, e in spec.methods.items() if e.ends == "commit"
        }
        common = self._catalog.drivers.get("dbapi")
        running = {
            m
            for spec in (common.types.values() if common is not None else ())
            for m, effect in spec.methods.items()
            if effect.executes
        }
        return frozenset(name.encode() for name in ending | running)

    @cached_property
    def _parts(self) -> frozenset[str]:
        """The classes of what belongs to a connection."""
        specs = (spec for driver in self._catalog.drivers.values() for spec in driver.types.values())
        return frozenset(e.derives for spec in specs for e in spec.methods.values() if e.derives)

    @cached_property
    def _of_contexts(self) -> frozenset[str]:
        """The registries that an extension makes, and empties when an application context ends."""
        specs = (spec for driver in self._catalog.drivers.values() for spec in driver.types.values())
        types = (attribute.type for spec in specs for attribute in spec.attributes.values())
        return frozenset(name for name in types if name and (kind := self._kind(name)) is not None and kind.registry)

    def _kind(self, name: str) -> Kind | None:
        """What an object of this class is, if it is a connection, a session or the registry of one."""
        if name not in self._kinds:
            known = self._catalog.canonical(name)
            self._kinds[name] = self._catalog.kind_of(known) or self.of_registry(known)
        return self._kinds[name]

    def of_registry(self, name: str) -> Kind | None:
        """What an object of a class is that keeps a session for each thread; None for all other classes."""
        spec = self._catalog.type(name)
        acquires = spec.call.acquires if spec is not None and spec.call is not None else ""
        kind = self._catalog.kind(acquires) if acquires else None
        return replaced(kind, type=name) if kind is not None and kind.registry else None

    # -- by light types

    def may_be_forgotten(self, part: Slice) -> bool:
        """Whether a handler in a slice may forget to roll back, as far as a cheap parse tells."""
        return "except" in part.text and forgets(part, self._working, self._undoing)

    def works(self, callees: Iterable[Expr], scope: Scope) -> bool:
        """Whether one of these callees works on a connection that the function around it does not make."""
        module = self._project.module(scope.path)
        function = module.functions.get(scope.function) if module is not None else None
        bound: Iterable[str] = function.bindings if function is not None else ()
        return any(self._works(callee, scope) for callee in callees if root_name(callee) not in bound)

    def _works(self, callee: Expr, scope: Scope) -> bool:
        expr = callee.base if isinstance(callee, Member) and callee.attr in self._working else callee
        if dotted(expr) is None or (expr is callee and isinstance(callee, Member)):
            return False
        names = [t.name for t in self._resolver.types(expr, scope) if isinstance(t, Instance)]
        if expr is callee:  # `Session()` of a scoped session
            return any(kind.registry for kind in map(self._kind, names) if kind is not None)
        return any(self._kind(name) is not None or name in self._parts for name in names)

    # -- in a function

    def known_in(self, unit: Unit) -> list[Site]:
        """The connections that a function knows without having acquired them."""
        found: dict[str, Site] = {}
        for path in _paths(unit) if unit.info is not None else ():
            site = self._site(unit, path) or self._site_of_part(unit, path)
            if site is not None:
                found.setdefault(site.name, site)
        return list(found.values())

    def lent_to(self, unit: Unit) -> list[Site]:
        """The connections that callers hand in by parameters whose annotation says so."""
        if unit.info is None:
            return []
        found = []
        for param in unit.info.params:
            types = self._resolver.types(param.annotation, Scope(unit.path, unit.info.outer))
            names = {t.name for t in types if isinstance(t, Instance)}
            by_type = {
                k.type: k for k in reversed([*self._catalog.kinds.values()]) if k.type in names and not k.registry
            }
            kinds = tuple(sorted(by_type.values(), key=lambda kind: (kind.aborts, kind.id)))
            if kinds:
                off = any(self._is_made_with_autocommit(unit, param.name, kind) for kind in kinds)
                found.append(Site(None, Acquisition(kinds, autocommits=off), param.name))
        return found

    def may_go_on(self, unit: Unit) -> bool:
        """Whether a function may work on a connection that it knows behind a handler: run a statement, or commit."""
        blocks = unit.function.blocks
        catching = [(block, at) for block in blocks for at, op in enumerate(block.ops) if isinstance(op, ir.Catch)]
        behind = [block.ops[at + 1 :] for block, at in catching]
        todo = [number for block, _ in catching for number in successors(block)]
        seen: set[int] = set()
        while todo:
            number = todo.pop()
            if number not in seen:
                seen.add(number)
                behind.append(blocks[number].ops)
                todo += successors(blocks[number])
        return any(
            isinstance(op, ir.Exit) or (isinstance(op, ir.Call) and op.name in self._going_on)
            for ops in behind
            for op in ops
        )

    def _site(self, unit: Unit, path: str) -> Site | None:
        types = self._resolver.types(chain(path), unit.scope)
        kinds = {k.id: k for t in types if isinstance(t, Instance) and (k := self._kind(t.name)) is not None}
        where = self._where(unit, path) if kinds else None
        if where is None:
            return None
        ordered = tuple(sorted(kinds.values(), key=lambda kind: (kind.aborts, kind.id)))
        if ordered[0].registry:
            home = Home.CONTEXT if ordered[0].type in self._of_contexts else Home.REGISTRY
            where = Ambient(home, where.meant, where.rest)
        elif where.home is Home.OBJECT and self._is_of_a_block(unit, path):
            where = Ambient(Home.LENT)
        off = any(self._is_made_with_autocommit(unit, path, kind) for kind in ordered)
        return Site(None, Acquisition(ordered, autocommits=off, ambient=where), path)

    def _where(self, unit: Unit, path: str) -> Ambient | None:
        """How far away a path begins; None for what is a local variable, or one of a function around this one."""
        parts = path.split(".")
        for count in range(len(parts), 0, -1):
            meant = identity(self._project, chain(".".join(parts[:count])), unit.scope)
            if isinstance(meant, Defined) and meant.path and meant.name:
                return Ambient(Home.GLOBAL, meant, "".join(f".{part}" for part in parts[count:]))
        if parts[0] not in {p.name for p in unit.function.params}:
            return None
        return Ambient(Home.OBJECT if len(parts) > 1 else Home.LENT)

    def origins(self, unit: Unit, site: Site) -> Iterator[tuple[str, str, Expr]]:
        """What a connection is given that the function has not acquired: the file, the function and the value."""
        for value in (*self._values(unit, site.name), *self._passed(unit.scope, site.name)):
            yield value.path, value.function or MODULE, value.expr

    # -- what a path stands for

    def _values(self, unit: Unit, path: str) -> list[_Value]:
        """What a global name, or an attribute of the own object, is given."""
        base, _, attribute = path.rpartition(".")
        where = self._where(unit, path)
        if where is not None and where.meant is not None and not where.rest:
            module = self._project.module(where.meant.path)
            values = module.globals.get(where.meant.name, ()) if module is not None else ()
            return [_Value(where.meant.path, scope, value) for scope, value in values]
        return [
            _Value(module.path, scope, value)
            for t in (self._resolver.types(chain(base), unit.scope) if base and where is not None else ())
            if isinstance(t, Object)
            for module, cls in self._resolver.classes.lineage(t.path, t.key)
            for scope, value in cls.attributes.get(attribute, ())
        ]

    def _passed(self, scope: Scope, name: str, depth: int = 0) -> Iterator[_Value]:
        """What callers pass for a parameter, also by a name of theirs, and by a parameter of theirs."""
        module = self._project.module(scope.path)
        function = module.functions.get(scope.function) if module is not None else None
        if module is None or function is None or depth > _MOST_CALLERS or "." in name:
            return
        for value, place in self._resolver.callers.passed(module, function, name):
            named = self._resolver.values_of(value.id, place) if isinstance(value, Name) else [(value, place)]
            yield from (_Value(there.path, there.function, each) for each, there in named)
            if isinstance(value, Name) and not named:
                yield from self._passed(place, value.id, depth + 1)

    def _is_made_with_autocommit(self, unit: Unit, path: str, kind: Kind) -> bool:
        """Whether who makes the connection switches its transactions off."""
        return bool(kind.autocommit) and any(
            (isinstance(value.expr, Invoke) and self._is_call_with_autocommit(value.expr, value, kind))
            or self._switches_off(value.path, value.function or MODULE, value.expr)
            for value in (*self._values(unit, path), *self._passed(unit.scope, path))
        )

    def _is_call_with_autocommit(self, call: Invoke, value: _Value, kind: Kind) -> bool:
        """Whether the arguments of a call say so that makes the connection, or those of the pool that it asks."""
        scope = Scope(value.path, value.function)
        called = self._resolver.types(call.func, scope)
        owners = [t.owner if isinstance(t, Method) else t for t in called if isinstance(t, Method | Instance)]
        made = [] if owners else self._resolver.types(call, scope)  # by a class: what it is bound to
        return autocommit.is_of_pool(owners or made, kind) or autocommit.is_made_with(call, kind)

    def _is_of_a_block(self, unit: Unit, path: str) -> bool:
        """Whether an attribute is only ever given what somebody ends who has made the object, whatever that does."""
        given = [value for value in self._values(unit, path) if not isinstance(value.expr, (Literal, Annotation))]
        return bool(given) and all(
            self._is_given_back(value.expr, Scope(value.path, value.function)) for value in given
        )

    def _is_given_back(self, value: Expr, scope: Scope, depth: int = 0) -> bool:
        """Whether a value is a connection that the function which has it gives back itself, or whoever lends it."""
        if isinstance(value, Entered):
            return True
        if not isinstance(value, Name):
            return self._gives_back(scope.path, scope.function or MODULE, value)
        values = self._resolver.values_of(value.id, scope)
        if values or depth > _MOST_CALLERS:
            return bool(values) and all(self._is_given_back(each, there, depth + 1) for each, there in values)
        module = self._project.module(scope.path)
        function = module.functions.get(scope.function) if module is not None else None
        param = next((p for p in function.params if p.name == value.id), None) if function is not None else None
        if module is None or function is None or param is None:
            return False
        if dependencies(self._resolver, param, Scope(scope.path, function.outer)):
            return True
        passed = list(self._resolver.callers.passed(module, function, value.id))
        return bool(passed) and all(self._is_given_back(each, there, depth + 1) for each, there in passed)

    # -- cursors

    def _site_of_part(self, unit: Unit, path: str) -> Site | None:
        """The connection of a cursor that is a global or an attribute."""
        owner = self._owner(unit, path)
        return self._site(unit, owner) if owner else None

    def parts(self, unit: Unit, site: Site) -> Iterator[tuple[str, Typed]]:
        """The paths by which a function knows what belongs to an ambient connection, with what they are."""
        for path in _paths(unit):
            if path != site.name and self._owner(unit, path) == site.name:
                yield path, Typed(self._part(unit, path))

    def _part(self, unit: Unit, path: str) -> str:
        """The class of a cursor; "" for everything else."""
        types = self._resolver.types(chain(path), unit.scope)
        return next((t.name for t in types if isinstance(t, Instance) and t.name in self._parts), "")

    def _owner(self, unit: Unit, path: str) -> str:
        """The path of the connection that the cursor `path` was made from; "" when it is no cursor."""
        if not self._part(unit, path):
            return ""
        head = path.rpartition(".")[0]
        found = (self._spelled_for(value, head) for value in self._values(unit, path))
        return next((owner for owner in found if owner), "")

    def _spelled_for(self, value: _Value, head: str) -> str:
        """How an object `head` ("" for a module) spells the connection of a cursor that a function has made."""
        func = value.expr.func if isinstance(value.expr, Invoke) else None
        spelled = dotted(func.base) or "" if isinstance(func, Member) else ""
        module = self._project.module(value.path)
        info = module.functions.get(value.function) if module is not None else None
        if not head or not spelled or info is None or module is None:
            return "" if head else spelled
        own = info.params[0].name if info.params else ""
        if spelled.startswith(f"{own}."):
            return f"{head}.{spelled.removeprefix(f'{own}.')}"
        return next((f"{head}.{name}" for name in _attributes_given(module, info, chain(spelled))), "")

    # -- the same connection in another function

    def spelled_in(self, where: Ambient, ref: FunctionRef) -> str:
        """The path by which another function knows a global connection; "" when it does not."""
        module = self._project.module(ref.path)
        info = module.functions.get(ref.key) if module is not None else None
        if where.meant is None or info is None or module is None:
            return ""
        mentioned = self._mentions(ref.path, info) - info.bindings.keys()
        for name in sorted(mentioned.intersection((*info.imports, *module.imports, *module.globals))):
            if identity(self._project, Name(name), Scope(ref.path, ref.key)) == where.meant:
                return f"{name}{where.rest}"
        return ""


def _paths(unit: Unit) -> list[str]:
    """The names and attributes that a function reads and does not bind."""
    found: dict[str, None] = {}
    for op in unit.ops():
        match op:
            case ir.Attr(expr=expr):
                found[dotted(expr) or ""] = None
            case ir.Call(receiver=receiver, callee=callee):
                found.update({value: None for value in (receiver, callee) if value and ir.is_local(value)})
            case ir.Assign(source=source) | ir.Enter(manager=source) if ir.is_local(source):
                found[source] = None
    bound = unit.function.assigned - unit.function.globals
    return [path for path in found if path and "#" not in path and path.partition(".")[0] not in bound]


def _attributes_given(module: ModuleInfo, info: FunctionInfo, value: Expr) -> Iterator[str]:
    """The attributes that a method gives a value of its own to: `self.conn = conn`."""
    cls = module.classes.get(info.owner)
    for name, values in cls.attributes.items() if cls is not None else ():
        if (info.key, value) in values:
            yield name
