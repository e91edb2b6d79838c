"""A function of the project as one call runs it: what it knows the connection as, and what it is told by constants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from putback.flow import ir
from putback.flow.names import Literal
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import UNBOUND, Fact, Phase, State
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.parts import Carrier
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.transfer import SiteDomain
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef

_CONSTANTS = {None: Fact.NONE, True: Fact.TRUE, False: Fact.FALSE}


class Activation(Struct, frozen=True):
    """`function`, which knows the connection as `name` ("": not at all); `given` is what is known of its parameters.

    `around`: it is run by a decorator, and knows the function that is decorated by this name.
    """

    function: FunctionRef
    name: str
    given: frozenset[tuple[str, Fact]] = frozenset()
    around: str = ""


class Given(SiteDomain):
    """Follows a connection through a function that is told something by its parameters."""

    def __init__(
        self, program: Program, unit: Unit, site: Site, phase: Phase, given: frozenset[tuple[str, Fact]]
    ) -> None:
        super().__init__(program, unit, site, phase)
        self._given = given

    def initial(self) -> Sequence[State]:
        found = list(super().initial())
        for name, fact in self._given:
            found = [state.with_fact(name, fact) for state in found]
        return found


def called_by_default(analyzer: Analyzer, function: FunctionRef, name: str) -> Activation:
    """A function that is given the connection as `name`, and no other argument."""
    info = analyzer.info(function)
    return Activation(function, name, _defaults(info, {name}) if info is not None else frozenset())


def activations(program: Program, domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> list[Activation]:
    """The functions that a call runs."""
    found = []
    for function in _functions(program, info):
        definition = program.info(function)
        name = next(_names(domain, op, info, function, definition, state), "")
        given = _told(domain, op, info, function, state)
        if definition is not None and not any(a.star for a in op.arguments) and not info.given:
            given |= _defaults(definition, {param for param, _ in given})
        known = frozenset((p, f) for p, f in given if f is not None and p != name)
        found.append(Activation(FunctionRef(function.path, function.key), name, known))
    return found


def decorating(analyzer: Analyzer, unit: Unit) -> Iterator[Activation]:
    """What the decorators of a function that the project defines run around it."""
    decorators = unit.info.decorators if unit.info is not None else ()
    types = (found for each in decorators for found in analyzer.resolver.types(each, unit.scope))
    for found in (each for each in types if isinstance(each, FunctionRef)):
        module, definition = analyzer.project.module(found.path), analyzer.info(found)
        around = definition.params[0].name if definition is not None and definition.params else ""
        for key in module.functions if module is not None else ():
            if key == found.key or key.startswith(f"{found.key}."):
                yield Activation(FunctionRef(found.path, key), "", around=around)


def _functions(program: Program, info: CallInfo) -> Iterator[FunctionRef]:
    for function in info.functions:
        yield function
        yield from _overriding(program, function)
    for cls in info.classes:
        for module, found in program.resolver.classes.lineage(cls.path, cls.key):
            if "__init__" in found.methods:
                yield FunctionRef(module.path, found.methods["__init__"], True)
                break


def _overriding(program: Program, function: FunctionRef) -> Iterator[FunctionRef]:
    """The methods of the same name in the classes below, one of which may be what is called."""
    info = program.info(function)
    if info is None or not info.owner or not function.bound:
        return
    for path, key in program.resolver.callers.subclasses(info.owner):
        module = program.project.module(path)
        cls = module.classes.get(key) if module is not None else None
        if cls is not None and info.name in cls.methods:
            yield FunctionRef(path, cls.methods[info.name], True)


def _names(
    domain: SiteDomain,
    op: ir.Call,
    info: CallInfo,
    function: FunctionRef,
    definition: FunctionInfo | None,
    state: State,
) -> Iterator[str]:
    """What a called function knows the connection as."""
    for position, argument in enumerate(op.arguments):
        if argument.value in state.refs:
            yield from filter(None, [domain.summaries.parameter_for(function, argument, position + info.given)])
    if op.receiver in state.refs and function.bound and definition is not None and definition.params:
        yield definition.params[0].name
    part = state.part(op.receiver)
    if isinstance(part, Carrier) and part.owner is not None:
        yield domain.summaries.own_path(function, part.owner.attribute)
    own = sorted(r for r in state.refs if op.receiver and r.startswith(f"{op.receiver}."))
    yield from (domain.summaries.own_path(function, r.removeprefix(f"{op.receiver}.")) for r in own)
    yield from (n for n in domain.unit.closures.get(function.key, ()) if n in state.refs)


def _told(
    domain: SiteDomain, op: ir.Call, info: CallInfo, function: FunctionRef, state: State
) -> set[tuple[str, Fact | None]]:
    """The parameters that a call gives something for, and what is known of that."""
    found: set[tuple[str, Fact | None]] = set()
    for position, argument in enumerate(op.arguments):
        fact = state.fact(argument.value)
        param = domain.summaries.parameter_for(function, argument, position + info.given)
        if param:
            found.add((param, None if fact in UNBOUND else fact))
    return found


def _defaults(info: FunctionInfo, given: set[str]) -> frozenset[tuple[str, Fact]]:
    """What is known of the parameters that nothing is given for."""
    found = ((p.name, p.default.value) for p in info.params if p.name not in given and isinstance(p.default, Literal))
    return frozenset((name, _CONSTANTS[value]) for name, value in found if value is None or isinstance(value, bool))
