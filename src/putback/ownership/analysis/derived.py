"""Which values of a function need a connection, from operation to operation, and where they leave it.

A forward analysis of one function beside the one that follows the connection itself, made where a fix is: it does not
ask who owns what, and joins all paths. `Needs.of` is the one answer to "may the connection be closed before that is
used"; a function of the project that is given such a value is looked at in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from putback.flow import ir
from putback.flow.builder import successors
from putback.ownership.analysis.derived_calls import Calls, Env, Places, Result
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.needs import UNKNOWN, Need, Tables, any_of, holding, joined
from putback.ownership.analysis.operands import inputs
from putback.ownership.analysis.parts import Typed
from putback.ownership.analysis.retrace import Retraced
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import FunctionRef

if TYPE_CHECKING:
    from putback.ownership.analysis.analyzer import Analyzer

_OVER = (Phase.ABSENT, Phase.RELEASED)


class Leaving(Struct, frozen=True):
    """What of a function's values needs the connection: the local `names` by which it is read, and where it leaves.

    `elsewhere` has for each of them the operations that read or bind it where it means what does not need it.
    `returned` are the `return` statements that hand such a value on while the connection is there, `rows` those that
    hand on what may be a large object of a row, `stored` the operations that put one where it outlives the function,
    `yielded` those that yield one. `is_bounded`: a bound was reached, so that there may be more.
    """

    names: frozenset[str]
    elsewhere: Mapping[str, frozenset[int]]
    returned: tuple[int, ...]
    rows: tuple[int, ...]
    stored: tuple[int, ...]
    yielded: tuple[int, ...]
    is_bounded: bool = False


class Needs:
    """One run's answers."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.tables = Tables(analyzer.catalog)

    def of(self, way: Retraced) -> Leaving:
        """What needs the connection that was followed, and leaves its function."""
        ends = [(end, state) for end, state in way.ends if isinstance(end, ir.Return)]
        is_there = {end.at for end, state in ends if state.phase not in _OVER}
        return self._leaving(way.unit, _known(way), is_there, bool(ends) and not is_there)

    def made(self, unit: Unit, at: int, type_name: str) -> Leaving:
        """What needs what operation `at` makes, taken for something of this type which is there to the end."""
        targets = {op.target for op in unit.ops() if isinstance(op, ir.Call | ir.Await) and op.at == at}
        known = {(at, target): Need(type_name) for target in targets}
        ends = (block.end for block in unit.function.blocks)
        return self._leaving(unit, known, {end.at for end in ends if isinstance(end, ir.Return)}, False)

    def _leaving(
        self, unit: Unit, known: Mapping[tuple[int, ir.Val], Need], is_there: Collection[int], is_always_over: bool
    ) -> Leaving:
        """`is_there` are the ends at which the connection is there; `is_always_over`: it is at none."""
        watched = self.analyzer.answers.watched(lambda: Flow(self, unit, known, {}))
        flow = watched.found
        left = {at: need for at, need in flow.returned.items() if at in is_there}
        names = frozenset(n for n in flow.read if ir.is_local(n) and n.isidentifier())
        return Leaving(
            names=names,
            elsewhere={name: flow.without(name) for name in names},
            returned=tuple(at for at, need in left.items() if not need.lob),
            rows=tuple(at for at, need in left.items() if need.lob),
            stored=() if is_always_over else tuple(flow.places.stored),
            yielded=() if is_always_over else tuple(flow.yielded),
            is_bounded=watched.is_bounded,
        )

    def result(self, function: FunctionRef, given: Mapping[str, Need]) -> Result:
        """What a function of the project makes of such values, which it has under these names.

        One that comes back to itself is taken to make nothing of them at first.
        """
        under = tuple(sorted(given.items(), key=lambda pair: pair[0]))
        key = ("needs", function.path, function.key, under)
        return self.analyzer.answers.ask(key, lambda: self._found(function, given), Result())

    def _found(self, function: FunctionRef, given: Mapping[str, Need]) -> Result:
        unit = self.analyzer.unit(function.path, function.key)
        return Flow(self, unit, {}, given).result() if unit is not None else Result(UNKNOWN)


def _known(way: Retraced) -> dict[tuple[int, ir.Val], Need]:
    """The values that the exploration knows as the connection or a cursor of it, by the operation that makes them."""
    known: dict[tuple[int, ir.Val], Need] = {}
    domain = way.domain
    for op, before, outcome in way.operations:
        target = op.base if isinstance(op, ir.StoreAttr) else getattr(op, "target", "")
        for after in outcome.after:
            part = after.part(target) if target else None
            if target in after.refs:
                known[op.at, target] = Need(domain.kind.type)
            elif isinstance(part, Typed):
                known[op.at, target] = Need(part.type)
            if op.at == domain.site.at:
                known.update(((op.at, ref), Need(domain.kind.type)) for ref in after.refs - before.refs)
    return known


class Flow:
    """The values of one function. `known` are those that an operation is known to make, `given` those at its start."""

    def __init__(
        self, needs: Needs, unit: Unit, known: Mapping[tuple[int, ir.Val], Need], given: Mapping[str, Need]
    ) -> None:
        self.tables = needs.tables
        self.analyzer = needs.analyzer
        self.unit = unit
        self.known: dict[int, dict[ir.Val, Need]] = {}
        for (at, value), need in known.items():
            self.known.setdefault(at, {})[value] = need
        self.returned: dict[int, Need] = {}
        self.yielded: dict[int, Need] = {}
        self.ending: dict[int, str] = {}
        self.read: set[ir.Val] = set()
        self._touched: dict[ir.Val, dict[int, bool]] = {}
        self.places = Places(unit, given)
        self.calls = Calls(needs.analyzer, unit, self.places, needs.result)
        self._solve(dict(given))

    def without(self, name: str) -> frozenset[int]:
        """The operations that read or bind a name where it never means what needs the connection."""
        return frozenset(at for at, needs in self._touched.get(name, {}).items() if not needs)

    def result(self) -> Result:
        """What the function makes of what it was given."""
        function = self.unit.function
        made = any_of(self.returned.values())
        if function.is_generator:
            made = holding(any_of(self.yielded.values()))
        params = {p.name for p in function.params}
        everywhere = self.places.filled
        filled = sorted(((name, need) for name, need in everywhere.items() if name in params), key=lambda pair: pair[0])
        return Result(made, tuple(filled), bool(everywhere.keys() - params))

    def _solve(self, given: Env) -> None:
        """To a fixed point; again when a name has come to need it that a function captures before."""
        captured = {name for names in self.unit.closures.values() for name in names}
        late: set[str] | None = None
        while late != (late := captured & self.places.ever.keys()):
            self._pass_through(dict(given))

    def _pass_through(self, given: Env) -> None:
        blocks = {block.id: block for block in self.unit.function.blocks}
        entered: dict[int, Env] = {self.unit.function.entry: given}
        todo, waiting = [self.unit.function.entry], {self.unit.function.entry}
        while todo:
            number = todo.pop()
            if number not in waiting:
                continue  # gone through since, with all that had come to it
            waiting.discard(number)
            block = blocks[number]
            env = dict(entered[number])
            raised = dict(env)
            for op in block.ops:
                changed = self._step(op, env)
                if block.handler is not None:
                    _join(raised, {value: env[value] for value in changed if value in env})
            if isinstance(block.end, ir.Branch) and block.end.test.subject in env:
                self.read.add(block.end.test.subject)
            if isinstance(block.end, ir.Return) and block.end.value in env:
                self.read.add(block.end.value)
                need = env[block.end.value]
                self.returned[block.end.at] = joined(self.returned.get(block.end.at), need) or need
            for following in self._following(block):
                arriving = raised if following == block.handler else env
                if following not in entered:
                    entered[following] = dict(arriving)
                elif not _join(entered[following], arriving):
                    continue
                waiting.add(following)
                todo.append(following)

    def _following(self, block: ir.Block) -> list[int]:
        """The blocks that may follow; behind a `with` on its way out by an exception only where that swallows it."""
        found = successors(block)
        match block.end:
            case ir.Resume(swallowed=int() as swallowed, group=group):
                if group is None or self.analyzer.swallows(self.unit, group) is None:
                    return [each for each in found if each != swallowed]
        return found

    # -- operations

    def _step(self, op: ir.Op, env: Env) -> Collection[ir.Val]:
        """Do one operation; the values that it may have changed."""
        read = inputs(op)
        needing = [v for v in read if v in env]
        self.read.update(needing)
        self._touch(op, read, env)
        ending = {env[v].ends_with for v in needing}
        ends_with = ending.pop() if len(ending) == 1 else ""
        made = self._made(op, env)
        if op.at in self.known:
            made = {**made, **self.known[op.at]}
        for target, need in made.items():
            if need is None:
                env.pop(target, None)
                continue
            comes_alone = ends_with and not self.tables.is_connection(need.type)
            env[target] = replace(need, ends_with=ends_with) if comes_alone else need
            self.places.ever[target] = joined(self.places.ever.get(target), env[target]) or env[target]
        if isinstance(op, ir.Enter) and op.target in env:
            self._end_with(op, env)
        if isinstance(op, ir.Exit) and (name := self.ending.get(op.group)):
            for value in [v for v, need in env.items() if need.ends_with == name]:
                del env[value]
        self._touch(op, made, env)
        return (*read, *made)

    def _touch(self, op: ir.Op, values: Iterable[ir.Val], env: Env) -> None:
        """Note whether these values, which an operation reads or binds, may need the connection there."""
        for value in filter(ir.is_local, values):
            touched = self._touched.setdefault(value, {})
            touched[op.at] = touched.get(op.at, False) or value in env

    def _end_with(self, op: ir.Enter, env: Env) -> None:
        """A cursor that a `with` closes: what comes from it is not read behind that."""
        need = env[op.target]
        if need.type and not self.tables.is_connection(need.type) and self.tables.is_closed_by_with(need.type):
            env[op.target] = replace(need, ends_with=op.target)
            self.ending[op.group] = op.target

    def _made(self, op: ir.Op, env: Env) -> dict[ir.Val, Need | None]:
        """What an operation makes of the values that it writes."""
        match op:
            case ir.Assign(target=target, source=source):
                return {target: env.get(source)}
            case ir.Attr(target=target, base=base, name=name):
                return {target: self.tables.of_attribute(env[base], name) if base in env else None}
            case ir.Item(target=target, base=base) | ir.Next(target=target, source=base):
                return {target: self.tables.items(env[base]) if base in env else None}
            case ir.Unpack(targets=targets, source=source):
                inner = self.tables.items(env[source]) if source in env else None
                return dict.fromkeys(targets, inner)
            case ir.Build(target=target):
                return self._built(op, env)
            case ir.Await(target=target, source=source):
                need = env.get(source)
                return {target: need.inner if need is not None and need.pending else need}
            case ir.Enter(target=target, manager=manager):
                return {target: self._entered(env.get(manager))}
            case ir.StoreAttr(base=base, source=source) | ir.StoreItem(base=base, source=source) if source in env:
                return self.places.put(op.at, base, env[source], env)
            case ir.StoreGlobal(source=source) if source in env:
                self.places.store(op.at, "", env[source])
            case ir.Yield(target=target, source=source, delegate=delegate):
                given = env.get(source)
                given = self.tables.items(given) if given is not None and delegate else given
                if given is not None and not given.lob:
                    self.yielded[op.at] = joined(self.yielded.get(op.at), given) or given
                return {target: None}
            case ir.Closure(target=target, qualname=qualname, captured=captured):
                has = any(name in env or name in self.places.ever for name in captured)
                return {target: Need(function=FunctionRef(self.unit.path, qualname)) if has else None}
            case ir.Decorate(target=target, source=source):
                return {target: env.get(source)}
            case ir.NestedClass(target=target, methods=methods):
                return {target: UNKNOWN if any(m in env for m in methods) else None}
            case ir.Compute(target=target) | ir.Delete(name=target) | ir.Catch(name=target) if target:
                return {target: None}
            case ir.Call(target=target):
                return self.calls.made(op, env)
        return {}

    def _built(self, op: ir.Build, env: Env) -> dict[ir.Val, Need | None]:
        """A container needs it that holds what does; what a generator expression reads counts, too."""
        inner = any_of(env.get(e) for e in op.elements)
        is_read_later = op.source in env or any(name in env for name in op.later)
        if inner is None and not is_read_later:
            return {}
        return {op.target: joined(env.get(op.target), holding(inner))}

    def _entered(self, manager: Need | None) -> Need | None:
        """What entering a manager gives: for a driver's that is mostly the manager itself."""
        return manager if manager is None or manager.type else self.tables.items(manager)


def _join(into: Env, other: Env) -> bool:
    """Join one environment into another; whether that has changed it."""
    changed = False
    for value, need in other.items():
        known = into.get(value)
        if known is need:
            continue
        both = joined(known, need)
        if both is not None and both is not known and both != known:
            into[value] = both
            changed = True
    return changed
