"""Where a function takes what a generator of the project yields, by hand, instead of having it resumed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from putback.flow import ir
from putback.model.lifecycle import After, With
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.users import closings
from putback.ownership.makers.often import frequency_of
from putback.ownership.resolve.types import FunctionRef

_TAKING = frozenset({"next", "anext"})
_RESUMING = frozenset({"__next__", "__anext__"})
_ASYNC = frozenset({"anext", "__anext__"})
_ENDED_BY_WITH = frozenset({With.RELEASES, With.CLOSES})


class Pull(Struct, frozen=True):
    """The connection that a generator yields is taken by operation `at`, from the generator that `made` has made.

    `site` is the acquire in the `generator`; `left_early`: it is taken by a loop that may be left before the generator
    has ended. `by` is the function that takes, where one does; `closed`: a `finally` closes what is taken;
    `closed_by_luck`: something else does, unless an error comes before.
    """

    at: int
    made: int
    generator: Unit
    site: Site
    left_early: bool = False
    by: str = ""
    closed: bool = False
    closed_by_luck: bool = False

    @property
    def never_works(self) -> bool:
        """Whether it is taken in a way that the generator does not have: `next()` of an asynchronous one."""
        return bool(self.by) and self.is_async != (self.by in _ASYNC)

    @property
    def is_mended(self) -> bool:
        """Whether the function gives back the connection that is taken anew; an object that was closed stays so."""
        return self.closed and self.site.kind.use_after_release is After.REOPENS

    @property
    def is_luckily_mended(self) -> bool:
        """Whether it does so only when nothing raises."""
        return self.closed_by_luck and not self.is_mended and self.site.kind.use_after_release is After.REOPENS

    @property
    def is_async(self) -> bool:
        """Whether the generator is resumed with `await`."""
        return self.generator.function.is_async


def pulls(analyzer: Analyzer, unit: Unit) -> list[Pull]:
    """Every pull of a generator that nobody keeps."""
    made = {op.target: op for op in unit.ops() if isinstance(op, ir.Call)}
    found: dict[int, Pull] = {}
    for at, value, by in _taken(analyzer, unit):
        call = made.get(value)
        if call is not None and at not in found and not _is_only_asked(unit, at):
            for generator, site in _yielded(analyzer, unit, call):
                taken = _results(unit, at)
                closed, by_luck = _closed(analyzer, unit, taken, site)
                found[at] = Pull(
                    at=at,
                    made=call.at,
                    generator=generator,
                    site=site,
                    left_early=not by,
                    by=by,
                    closed=closed
                    or _is_closed_by_callers(analyzer, unit, taken, site)
                    or _is_closed_by_its_object(analyzer, unit, taken, site),
                    closed_by_luck=by_luck,
                )
    return list(found.values())


def _results(unit: Unit, at: int) -> set[ir.Val]:
    """What operation `at` takes."""
    return {op.target for op in unit.ops() if isinstance(op, ir.Call | ir.Await) and op.at == at}


def _closed(analyzer: Analyzer, unit: Unit, taken: set[ir.Val], site: Site) -> tuple[bool, bool]:
    """Whether a `with` or a `finally` closes it, which is there once for each way out; and whether one call does."""
    names = unit.names_of(taken)
    closing = closings(analyzer, unit, names, site)
    times = max(map(closing.count, closing), default=0)
    entered = unit.names_of(names) if site.kind.with_ in _ENDED_BY_WITH else set()
    return times > 1 or any(isinstance(op, ir.Enter) and op.manager in entered for op in unit.ops()), times == 1


def _is_closed_by_its_object(analyzer: Analyzer, unit: Unit, taken: set[ir.Val], site: Site) -> bool:
    """Whether it is kept in an attribute of the object, of which a method closes what is there."""
    own, names = unit.info.own if unit.info is not None else "", unit.names_of(taken)
    kept = {op.name for op in unit.ops() if isinstance(op, ir.StoreAttr) and op.base == own and op.source in names}
    if not own or not kept or unit.info is None:
        return False
    for module, cls in analyzer.resolver.classes.lineage(unit.path, unit.info.owner):
        for method in filter(None, (analyzer.unit(module.path, key) for key in cls.methods.values())):
            read = [op for op in method.ops() if isinstance(op, ir.Attr) and op.name in kept]
            targets = {op.target for op in read if _is_own(method, op.base)}
            if closings(analyzer, method, method.names_of(targets), site):
                return True
    return False


def _is_own(method: Unit, value: ir.Val) -> bool:
    """Whether a value is the object of a method."""
    return method.info is not None and bool(value) and value == method.info.own


def _is_closed_by_callers(analyzer: Analyzer, unit: Unit, taken: set[ir.Val], site: Site) -> bool:
    """Whether the function takes it for who has called, and each of these closes it in a `finally`."""
    if not any(isinstance(block.end, ir.Return) and block.end.value in taken for block in unit.function.blocks):
        return False
    here = FunctionRef(unit.path, unit.key)
    uses = frequency_of(analyzer).users.of(here)
    callers = {(use.part.path, use.part.key_of(use.node)) for use in uses}
    return (
        bool(callers)
        and all(use.call is not None for use in uses)
        and all(_closes_what_it_gets(analyzer, analyzer.unit(*caller), here, site) for caller in callers)
    )


def _closes_what_it_gets(analyzer: Analyzer, unit: Unit | None, made: FunctionRef, site: Site) -> bool:
    """Whether a function closes in a `finally` what each of its calls of `made` returns."""
    calls = [op for op in unit.ops() if isinstance(op, ir.Call)] if unit is not None else []
    asked = [op.at for op in calls if unit is not None and _calls(analyzer, unit, op, made)]
    return (
        bool(asked) and unit is not None and all(_closed(analyzer, unit, _results(unit, at), site)[0] for at in asked)
    )


def _calls(analyzer: Analyzer, unit: Unit, op: ir.Call, made: FunctionRef) -> bool:
    return any((each.path, each.key) == (made.path, made.key) for each in analyzer.call_info(unit, op).functions)


def _taken(analyzer: Analyzer, unit: Unit) -> Iterator[tuple[int, ir.Val, str]]:
    """Each value that is taken from, where and by what ("" a loop that may be left early); named ones are kept."""
    behind = {op.target: op.source for op in unit.ops() if isinstance(op, ir.Assign) and "#" in op.target}
    for block in unit.function.blocks:
        for op in block.ops:
            if isinstance(op, ir.Call) and op.name in _TAKING and op.arguments:
                if not _TAKING.isdisjoint(analyzer.call_info(unit, op).names):
                    yield op.at, op.arguments[0].value, op.name
            elif isinstance(op, ir.Call) and op.name in _RESUMING:
                yield op.at, op.receiver, op.name
            elif isinstance(op, ir.Next) and _is_left_early(unit, block):
                yield op.at, behind.get(op.source, ""), ""


def _is_only_asked(unit: Unit, at: int) -> bool:
    """Whether nothing runs on what is taken: only an attribute of it is read, such as its `bind`."""
    taken = _results(unit, at)
    callees = {op.callee for op in unit.ops() if isinstance(op, ir.Call)}
    read = [op.target for op in unit.ops() if isinstance(op, ir.Attr) and op.base in taken]
    return bool(read) and callees.isdisjoint(read)


def _is_left_early(unit: Unit, head: ir.Block) -> bool:
    """Whether a `return` or `break` leaves the loop of block `head` from inside: else all ways lead back to it."""
    todo = [head.end.then] if isinstance(head.end, ir.Branch) else []
    seen = {head.id}
    while todo:
        block = unit.function.blocks[todo.pop()]
        if block.id in seen:
            continue
        seen.add(block.id)
        match block.end:
            case ir.Return():
                return True
            case ir.Jump(target=target):
                todo.append(target)
            case ir.Branch(then=then, orelse=orelse):
                todo += [then, orelse]
    return False


def _yielded(analyzer: Analyzer, unit: Unit, call: ir.Call) -> Iterator[tuple[Unit, Site]]:
    """The connections that a generator of the project yields, and gives back when it ends."""
    for function in analyzer.call_info(unit, call).functions:
        made = _generator(analyzer, function)
        for site in analyzer.sites(made) if made is not None else ():
            assert made is not None
            found = analyzer.explore(made, site)
            phases = {n.state.phase for n in found.arrivals} | {e.state.phase for e in found.endings}
            if Phase.RELEASED in phases and any(d.what is Wrong.YIELDED for d in found.defects):
                yield made, site


def _generator(analyzer: Analyzer, function: FunctionRef) -> Unit | None:
    info = analyzer.info(function)
    if info is None or not info.is_generator or analyzer.resolver.is_manager(info, function.path):
        return None
    return analyzer.unit(function.path, function.key)
