"""From the analysis to the verifier: the role table of a function, as ownership facts and driver tables know it.

The verifier imports neither; what it has to know of a call is copied here into its own plain data.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from putback.flow import ir
from putback.flow.names import Literal, Name, dotted
from putback.model.config import Config
from putback.model.errors import UsageError
from putback.model.lifecycle import On, With
from putback.ownership.analysis import guards
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.managers import behind
from putback.ownership.analysis.parts import Carrier
from putback.ownership.analysis.quick import cheap_calls
from putback.ownership.analysis.release_effects import gives_back_a_permit
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.summary import ParamEffect
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef
from putback.pipeline import scoped_cases
from putback.pipeline.check import scanned
from putback.pipeline.profiles import Types, profile_of, types_of
from putback.pipeline.taken_along import Along, taken_along
from putback.source.settings import load
from putback.verify import Run, replay_here, roles
from putback.verify.choices import parse

_DOES = {
    Phase.RELEASED: roles.Does.RELEASES,
    Phase.CLOSED: roles.Does.CLOSES,
    Phase.PASSED: roles.Does.KEEPS,
    Phase.IDLE: roles.Does.ENDS,
}
SCRIPT = "__main__"
"""The name under which the top level of a module is run."""
_PLAIN_DECORATORS = ("staticmethod", "classmethod", "contextlib.contextmanager", "contextlib.asynccontextmanager")
_ROWS_IN_FRONT = 2
_EXITS = ("__exit__", "__aexit__")

_Role = TypeVar("_Role", roles.Acquire, roles.Pass)


def replay_file(path: str, function: str, schedule: Sequence[str]) -> Run:
    """Run a function of a file, as it is now, under one schedule; the code runs in this process, on stand-ins.

    Raises as `version_in` does, and ConfigError for settings of the project that make no sense.
    """
    version = version_in(path, function, load([path]))
    return replay_here(version, tuple(parse(choice) for choice in schedule))


def version_in(path: str, function: str, config: Config) -> roles.Version:
    """A function of a file, as it is now.

    Raises UsageError when the file holds no such function that takes a connection.
    """
    place = os.path.abspath(path)
    analyzer = scanned([place], config).analysis.analyzer
    module = analyzer.project.module(place)
    every = module.functions if module is not None else ()
    keys = [ir.MODULE] if function == SCRIPT else [key for key in every if key.partition("@")[0] == function]
    found = next((unit for key in keys if (unit := analyzer.unit(place, key)) is not None), None)
    version = version_of(analyzer, found) if found is not None else None
    if version is None or not version.roles.has_connections:
        raise UsageError(f"{path} holds no function {function} that takes a connection")
    return version


def version_of(analyzer: Analyzer, unit: Unit, *, believes: bool = False) -> roles.Version | None:
    """The function of a unit with its roles, a module's top level as the function SCRIPT; None for lambdas.

    `believes`: no function of the project is taken along, of each its role is what `check` says of it.
    """
    table = _Table(analyzer, [unit, *_nested(analyzer, unit)], believes)
    taken = tuple(_taken(analyzer, each) for each in table.along)
    if unit.key == ir.MODULE:
        source = _as_function(analyzer.part(unit.path, unit.key).text)
        return roles.Version(source, SCRIPT, table.table(), 1 - _ROWS_IN_FRONT, taken, table.calls)
    if unit.info is None:
        return None
    text, row = _text(analyzer, unit, unit.info)
    return roles.Version(text, _name(unit), table.table(), row, taken, table.calls)


def _taken(analyzer: Analyzer, along: Along) -> roles.Taken:
    info = along.unit.info
    assert info is not None  # only functions are taken along
    text, row = _text(analyzer, along.unit, info)
    return roles.Taken(text, _name(along.unit), row + along.moved, along.calls)


def _text(analyzer: Analyzer, unit: Unit, info: FunctionInfo) -> tuple[str, int]:
    """The text of a function, and the row at which it begins."""
    return analyzer.reader.verbatim(unit.path, info.row, info.end_row).text, info.row


def _name(unit: Unit) -> str:
    return unit.key.partition("@")[0]


def _as_function(script: str) -> str:
    """The top level of a module as a function, called the way a script is run."""
    rows = ("" if row.startswith("from __future__") else f" {row}" for row in script.split("\n"))
    return f"def {SCRIPT}():\n __name__ = '__main__'\n" + "\n".join(rows)


def case_of(
    facts: Surroundings, site: Site, after: roles.Version | None = None, about: roles.About = roles.ANYTHING
) -> roles.Case | None:
    """What is to be verified of one acquire, and of the fix of it; `about` names no connection yet."""
    before = version_of(facts.analyzer, facts.unit)
    if before is None:
        return None
    call = next((o for o in facts.unit.ops() if isinstance(o, ir.Call) and o.at == site.at), None)
    callee = _callee(facts.unit, call) if call is not None else ""
    row = facts.unit.span(call.at).start.row if call is not None and callee else 0
    return roles.Case(before, after, facts.path, (about._replace(acquire=callee, row=row),))


def _nested(analyzer: Analyzer, unit: Unit) -> Iterator[Unit]:
    for key in analyzer.nested(unit.path, unit.key):
        found = analyzer.unit(unit.path, key) if key.startswith(f"{unit.key}.") else None
        if found is not None:
            yield found


def _made_types(analyzer: Analyzer) -> Types:
    """The classes that the roles of some function have named: thousands of functions share the few that there are."""
    return {}


def _callee(unit: Unit, op: ir.Call) -> str:
    """The text of what a call calls, as `ast.unparse` writes it; "" when the text is no call."""
    try:
        node = ast.parse(f"({unit.text(op.at)})", mode="eval").body
    except SyntaxError:
        return ""
    node = node.value if isinstance(node, ast.Await) else node
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


class _Table:
    """Collects the roles of one function's calls."""

    def __init__(self, analyzer: Analyzer, units: list[Unit], believes: bool) -> None:
        self.analyzer = analyzer
        self.units = units
        self.sites = {id(u): analyzer.sites(u) for u in units}
        self.borrowed = analyzer.ambients.lent_to(units[0])
        if not self.borrowed and not any(self.sites.values()):
            self.borrowed = [s for s in analyzer.ambients.known_in(units[0]) if not s.kind.registry]
        self.every = [*(s for found in self.sites.values() for s in found), *self.borrowed]
        self.calls, self.along = taken_along(analyzer, units, [] if believes else self.every)
        self.moved = {id(each.unit): each.moved for each in self.along}
        self.taken = {id(u): self.calls for u in units} | {id(each.unit): each.calls for each in self.along}
        self.units = [*units, *(each.unit for each in self.along)]
        self.sites |= {id(each.unit): analyzer.sites(each.unit) for each in self.along}
        own = [s for each in self.along for s in self.sites[id(each.unit)]]
        names = (n for u in self.units for s in (*self.every, *own) for n in guards.aliases(u, s))
        self.every += own
        self.names = frozenset(names).union(*(each.names for each in self.along))

    def table(self) -> roles.Roles:
        """The whole of it."""
        scoped = scoped_cases.roles_of(self.analyzer, self.units)
        believed: set[str] = set()
        kinds = {k.id: k for s in self.every for k in s.acquisition.kinds} | scoped.kinds
        acquires: list[roles.Acquire] = []
        passes: list[roles.Pass] = []
        quiet: set[str] = set()
        logs: set[str] = set()
        wrapping: set[str] = set()
        others: set[str] = set()
        quick: set[str] = set()
        slow: set[str] = set()
        signatures: dict[str, set[roles.Signature | None]] = {}
        for unit in self.units:
            calls = {o.at: o for o in unit.ops() if isinstance(o, ir.Call)}
            sites = {s.at: s for s in self.sites[id(unit)]}
            enters = (o for o in unit.ops() if isinstance(o, ir.Enter) and self.analyzer.enters_quietly(unit, o))
            quiet |= {path for o in enters if (path := dotted(o.expr))}
            cheap = cheap_calls(self.analyzer, unit)
            logging = frozenset(cheap.logging)
            for at, op in calls.items():
                callee = _callee(unit, op)
                if not callee:
                    continue
                if callee in self.taken[id(unit)]:
                    continue
                row = unit.span(at).start.row + self.moved.get(id(unit), 0)
                (logs if at in logging else others).add(callee)
                (quick if at in cheap.quick else slow).add(callee)
                if self._wraps(unit, op):
                    wrapping.add(callee)
                signatures.setdefault(callee, set()).add(self._signature(unit, op))
                if at in sites:
                    acquires.append(self._acquire(unit, op, sites[at], callee, row))
                    believed |= {callee} if self._is_of_the_project(unit, op) else set()
                    continue
                found = self._pass(unit, op, callee, row)
                if found is not None:
                    passes.append(found)
                    believed |= {callee} if self._is_of_the_project(unit, op) else set()
                elif self._is_quiet(unit, op):
                    quiet.add(callee)
                if id(unit) in self.moved and self._is_of_the_project(unit, op):
                    believed.add(callee)
        types = [*(k.type for k in kinds.values()), *scoped.types]
        return roles.Roles(
            _anywhere(acquires),
            _anywhere(passes),
            {i: profile_of(k) for i, k in kinds.items()},
            types_of(self.analyzer.catalog, types, self.analyzer.known(_made_types)),
            frozenset(quiet),
            lent=tuple(map(self._lent, self.borrowed)),
            registries=scoped.registries,
            uses=scoped.uses,
            logs=frozenset(logs - others),
            signatures={c: s for c, found in signatures.items() if len(found) == 1 for s in found if s is not None},
            wrapping=frozenset(wrapping),
            quick=frozenset(quick - slow),
            believed=frozenset(believed),
        )

    def _is_of_the_project(self, unit: Unit, op: ir.Call) -> bool:
        """Whether a call leads to code of the project and to no driver."""
        called = self.analyzer.call_info(unit, op)
        return bool(called.functions or called.classes) and not called.drivers

    def _signature(self, unit: Unit, op: ir.Call) -> roles.Signature | None:
        """The parameters that a call has to fill; None when it is not known which function is called."""
        called = self.analyzer.call_info(unit, op)
        if len(called.functions) != 1 or called.classes or called.drivers or called.given:
            return None
        ref = called.functions[0]
        info = self.analyzer.info(ref)
        if info is None or (info.decorators and not self._is_plain(info, ref)):
            return None
        skip = 1 if info.owner and (ref.bound or self._has(info, ref, "classmethod")) else 0
        return tuple(
            roles.Parameter(p.name, p.kind, p.required)
            for p in info.params[0 if self._has(info, ref, "staticmethod") else skip :]
        )

    def _is_plain(self, info: FunctionInfo, ref: FunctionRef) -> bool:
        """Whether its decorators leave its parameters as they are."""
        return len(info.decorators) == 1 and any(self._has(info, ref, name) for name in _PLAIN_DECORATORS)

    def _has(self, info: FunctionInfo, ref: FunctionRef, decorator: str) -> bool:
        return self.analyzer.resolver.has_decorator(info, ref.path, {decorator})

    def _lent(self, site: Site) -> roles.Lent:
        info = self.units[0].info
        param = next((p for p in info.params if p.name == site.name), None) if info is not None else None
        return roles.Lent(site.name, site.kind.id, param is not None and param.default == Literal(None))

    # -- acquires

    def _acquire(self, unit: Unit, op: ir.Call, site: Site, callee: str, row: int) -> roles.Acquire:
        acquisition = site.acquisition
        drivers = self.analyzer.call_info(unit, op).drivers
        methods = dict(self._owner_methods(unit, site))
        return roles.Acquire(
            callee=callee,
            profile=site.kind.id,
            on=acquisition.on,
            row=row,
            element=acquisition.element,
            maybe_none=acquisition.maybe_none,
            itself=acquisition.itself,
            commits=acquisition.on == (On.ENTER,) and not acquisition.generator,
            raises=not drivers or any(d.effect.raises for d in drivers),
            methods=methods,
            leaving=With.RELEASES if any(methods[e].releases for e in _EXITS if e in methods) else None,
            is_drivers=bool(drivers),
            lends=_beside(callee, behind(self.analyzer, acquisition)),
        )

    def _owner_methods(self, unit: Unit, site: Site) -> Iterator[tuple[str, roles.Method]]:
        """The methods, as far as they are called, of a project object that keeps the connection."""
        owner = site.acquisition.owner
        if owner is None:
            return
        names = guards.aliases(unit, site)
        called = {o.name for o in unit.ops() if isinstance(o, ir.Call) and o.receiver in names}
        for name in sorted({*called, *_EXITS}):
            effect = self.analyzer.summaries.owner_effect(owner, name, _bare(site), Phase.HELD)
            if effect is None:
                continue
            yield (
                name,
                roles.Method(
                    executes=effect.normal is Phase.HELD and site.kind.lazy,
                    ends="commit" if effect.normal is Phase.IDLE else "",
                    releases=effect.normal in (Phase.RELEASED, Phase.CLOSED),
                    awaited=effect.is_async,
                    raises=bool(effect.raised),
                ),
            )

    # -- calls that are given a connection

    def _pass(self, unit: Unit, op: ir.Call, callee: str, row: int) -> roles.Pass | None:
        info = self.analyzer.call_info(unit, op)
        driver = next((d.effect for d in info.drivers if d.effect.releases is not None), None)
        if driver is not None and driver.releases is not None:
            fails = roles.Fails.AFTER if driver.raises else roles.Fails.NEVER
            param = driver.releases
            return roles.Pass(
                callee, roles.Does.RELEASES, param.index, param.name, fails=fails, awaited=driver.awaited, row=row
            )
        if op.receiver and any(s.acquisition.itself for s in self.every):
            method = next((d.effect for d in info.drivers), None)
            if method is not None and method.closes:
                return roles.Pass(callee, roles.Does.RELEASES, receiver=True, awaited=method.awaited, row=row)
        for position, argument in enumerate(op.arguments):
            if argument.value in self.names:
                found = self._given(op, info, argument, position, callee, row)
                if found is not None:
                    return found
        return None

    def _given(
        self, op: ir.Call, info: CallInfo, argument: ir.Argument, position: int, callee: str, row: int
    ) -> roles.Pass | None:
        """What a call does to the connection that it is given as this argument."""
        place = (-1, argument.keyword) if argument.keyword else (position, "")
        keeps = any(d.effect.keeps is not None for d in info.drivers)
        if info.registers or info.keeps or keeps or self.analyzer.runs_elsewhere(info):
            return roles.Pass(callee, roles.Does.KEEPS, *place, fails=roles.Fails.NEVER, row=row)
        effect = self._effect(info, argument, position)
        if effect is None:
            return None
        return roles.Pass(
            callee,
            _does(effect),
            *place,
            fails=_fails(effect),
            awaited=effect.is_async and op.awaited,
            row=row,
            manages=self._manages(info),
            lends=self._lends(info, argument, position),
        )

    def _manages(self, info: CallInfo) -> bool:
        """Whether a call makes a context manager of a generator."""
        found = [(f, ref) for ref in info.functions if (f := self.analyzer.info(ref)) is not None]
        return bool(found) and all(self.analyzer.resolver.is_manager(f, ref.path) for f, ref in found)

    def _lends(self, info: CallInfo, argument: ir.Argument, position: int) -> bool:
        """Whether a generator yields what it is given as this argument."""
        for ref in info.functions:
            found = self.analyzer.info(ref)
            plain = [p.name for p in found.params if not p.kind] if found is not None else []
            name = argument.keyword or next(iter(plain[position : position + 1]), "")
            if found is not None and Name(name) in found.yields:
                return True
        return False

    def _effect(self, info: CallInfo, argument: ir.Argument, position: int) -> ParamEffect | None:
        for site in self.every:
            found = self.analyzer.summaries.argument_effects(_bare(site), info, argument, position, Phase.HELD)
            if found:
                return found[0]
        return None

    def _wraps(self, unit: Unit, op: ir.Call) -> bool:
        """Whether the result of a call may be an object that owns what it is given: of a class, or from a library."""
        info = self.analyzer.call_info(unit, op)
        if info.constructs or info.classes:
            return True
        given = ((position, a) for position, a in enumerate(op.arguments) if a.value in self.names)
        effects = (self._effect(info, argument, position) for position, argument in given)
        return any(effect is not None and effect.needing == Carrier() for effect in effects)

    def _is_quiet(self, unit: Unit, op: ir.Call) -> bool:
        """Whether a call cannot raise, or gives back a lock or a permit, which fails for nobody who has taken it."""
        info = self.analyzer.call_info(unit, op)
        if gives_back_a_permit(info):
            return True
        if info.quiet or (info.drivers and not any(d.effect.raises for d in info.drivers)):
            return True
        known = bool(info.functions) and not info.classes
        return known and not any(self.analyzer.summaries.may_raise(f) for f in info.functions)


def _bare(site: Site) -> Acquisition:
    """The acquisition of the connection alone, whatever object it came in."""
    return site.acquisition.bare()


def _does(effect: ParamEffect) -> roles.Does:
    if effect.returns:
        return roles.Does.RETURNS
    if effect.normal is None:
        return roles.Does.BORROWS
    return _DOES.get(effect.normal, roles.Does.BORROWS)


def _fails(effect: ParamEffect) -> roles.Fails:
    if not effect.raised:
        return roles.Fails.NEVER
    return roles.Fails.BEFORE if Phase.HELD in effect.raised else roles.Fails.AFTER


def _anywhere(found: list[_Role]) -> tuple[_Role, ...]:
    """Roles without their row where all calls of the same text play the same role."""
    bare = [replace(r, row=0) for r in found]
    several = {b.callee for b in bare if any(b.callee == o.callee and b != o for o in bare)}
    kept: list[_Role] = []
    for role, anywhere in zip(found, bare, strict=True):
        chosen = role if role.callee in several else anywhere
        if chosen not in kept:
            kept.append(chosen)
    return tuple(kept)


def _beside(callee: str, function: FunctionRef | None) -> str:
    """Another function of the project, spelled as `callee` is that stands beside it; "" for none."""
    base, dot, _ = callee.rpartition(".")
    return f"{base}{dot}{function.key.rpartition('.')[2]}" if function is not None else ""
