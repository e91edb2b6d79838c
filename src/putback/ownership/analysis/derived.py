"""Which values of a function need a connection, from operation to operation, and where they leave it.

A forward analysis of one function beside the one that follows the connection itself, made where a fix is: it does not
ask who owns what, and joins all paths. `Needs.of` is the one answer to "may the connection be closed before that is
used"; a function of the project that is given such a value is looked at in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from putback.flow import ir
from putback.flow.builder import successors
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.needs import UNKNOWN, Need, Tables, any_of, holding, joined
from putback.ownership.analysis.operands import inputs, own_containers
from putback.ownership.analysis.parts import Typed
from putback.ownership.analysis.retrace import Retraced
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import FunctionRef

if TYPE_CHECKING:
    from putback.ownership.analysis.analyzer import Analyzer

_DEEPEST = 12
"""Calls from function to function that are looked into; what is given to a deeper one is taken to need it."""

_ROUNDS = 4
"""How often a function that comes back to itself is looked at."""

_OVER = (Phase.ABSENT, Phase.RELEASED)

Env = dict[ir.Val, Need]


class Leaving(Struct, frozen=True):
    """What of a function's values needs the connection: the local `names` by which it is read, and where it leaves.

    `returned` are the `return` statements that hand such a value on while the connection is there, `rows` those that
    hand on what may be a large object of a row, `stored` the operations that put one where it outlives the function,
    `yielded` those that yield one.
    """

    names: frozenset[str]
    returned: tuple[int, ...]
    rows: tuple[int, ...]
    stored: tuple[int, ...]
    yielded: tuple[int, ...]


class Result(Struct, frozen=True):
    """What a function makes of such values: what it gives back, and which of its parameters come to hold one.

    `stored`: it puts one where it outlives the function and its caller.
    """

    given_back: Need | None = None
    filled: tuple[tuple[str, Need], ...] = ()
    stored: bool = False


_Key = tuple[str, str, tuple[tuple[str, Need], ...]]


class Needs:
    """One run's answers."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.tables = Tables(analyzer.catalog)
        self._results: dict[_Key, Result] = {}
        self._busy: dict[_Key, Result] = {}
        self._provisional: set[_Key | None] = set()

    def of(self, way: Retraced) -> Leaving:
        """What needs the connection that was followed, and leaves its function."""
        flow = Flow(self, way.unit, _known(way), {})
        ends = [(end, state) for end, state in way.ends if isinstance(end, ir.Return)]
        is_there = {end.at for end, state in ends if state.phase not in _OVER}
        is_always_over = bool(ends) and not is_there
        left = {at: need for at, need in flow.returned.items() if at in is_there}
        return Leaving(
            names=frozenset(n for n in flow.read if ir.is_local(n) and n.isidentifier()),
            returned=tuple(at for at, need in left.items() if not need.lob),
            rows=tuple(at for at, need in left.items() if need.lob),
            stored=() if is_always_over else tuple(flow.stored),
            yielded=() if is_always_over else tuple(flow.yielded),
        )

    def result(self, function: FunctionRef, given: Mapping[str, Need]) -> Result:
        """What a function of the project makes of such values, which it has under these names.

        One that comes back to itself is taken to make nothing of them at first, and looked at until that holds. What
        rests on such an answer, or on the end of a long chain, is not kept.
        """
        key = (function.path, function.key, tuple(sorted(given.items(), key=lambda pair: pair[0])))
        if key in self._results:
            return self._results[key]
        if key in self._busy:
            self._provisional.add(key)
            return self._busy[key]
        unit = self.analyzer.unit(function.path, function.key) if len(self._busy) < _DEEPEST else None
        if unit is None:
            self._provisional |= {None} if self._busy else set()
            return Result(UNKNOWN)
        found = self._settled(key, unit, given)
        del self._busy[key]
        self._provisional.discard(key)
        if not self._provisional:
            self._results[key] = found
        elif not self._busy:
            self._provisional.clear()
        return found

    def _settled(self, key: _Key, unit: Unit, given: Mapping[str, Need]) -> Result:
        self._busy[key] = Result()
        for _ in range(_ROUNDS):
            found = Flow(self, unit, {}, given).result()
            if found == self._busy[key] or key not in self._provisional:
                return found
            self._busy[key] = found
        return Result(UNKNOWN, found.filled, found.stored)


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
        self.needs = needs
        self.tables = needs.tables
        self.analyzer = needs.analyzer
        self.unit = unit
        self.known: dict[int, dict[ir.Val, Need]] = {}
        for (at, value), need in known.items():
            self.known.setdefault(at, {})[value] = need
        self.ever: dict[ir.Val, Need] = dict(given)
        self.returned: dict[int, Need] = {}
        self.stored: dict[int, None] = {}
        self.filled: dict[ir.Val, Need] = {}
        self.yielded: dict[int, Need] = {}
        self.ending: dict[int, str] = {}
        self.read: set[ir.Val] = set()
        self.own = frozenset(own_containers(unit))
        self._solve(dict(given))

    def result(self) -> Result:
        """What the function makes of what it was given."""
        function = self.unit.function
        made = any_of(self.returned.values())
        if function.is_generator:
            made = holding(any_of(self.yielded.values()))
        params = {p.name for p in function.params}
        filled = {name: need for name, need in self.filled.items() if name in params}
        return Result(made, tuple(sorted(filled.items(), key=lambda pair: pair[0])), bool(self.filled.keys() - params))

    def _solve(self, given: Env) -> None:
        """To a fixed point; again when a name has come to need it that a function captures before."""
        captured = {name for names in self.unit.closures.values() for name in names}
        late: set[str] | None = None
        while late != (late := captured & self.ever.keys()):
            self._pass_through(dict(given))

    def _pass_through(self, given: Env) -> None:
        blocks = {block.id: block for block in self.unit.function.blocks}
        entered: dict[int, Env] = {self.unit.function.entry: given}
        todo = [self.unit.function.entry]
        while todo:
            block = blocks[todo.pop()]
            env = dict(entered[block.id])
            raised = dict(env)
            for op in block.ops:
                self._step(op, env)
                _join(raised, env)
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
                    todo.append(following)
                elif _join(entered[following], arriving):
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

    def _step(self, op: ir.Op, env: Env) -> None:
        needing = [v for v in inputs(op) if v in env]
        self.read.update(needing)
        ending = {env[v].ends_with for v in needing}
        ends_with = ending.pop() if len(ending) == 1 else ""
        for target, need in {**self._made(op, env), **self.known.get(op.at, {})}.items():
            if need is None:
                env.pop(target, None)
                continue
            comes_alone = ends_with and not self.tables.is_connection(need.type)
            env[target] = replace(need, ends_with=ends_with) if comes_alone else need
            self.ever[target] = joined(self.ever.get(target), env[target]) or env[target]
        if isinstance(op, ir.Enter) and op.target in env:
            self._end_with(op, env)
        if isinstance(op, ir.Exit) and (name := self.ending.get(op.group)):
            for value in [v for v, need in env.items() if need.ends_with == name]:
                del env[value]

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
                return self._put(op.at, base, env[source], env)
            case ir.StoreGlobal(source=source) if source in env:
                self._store(op.at, "", env[source])
            case ir.Yield(target=target, source=source, delegate=delegate):
                given = env.get(source)
                given = self.tables.items(given) if given is not None and delegate else given
                if given is not None and not given.lob:
                    self.yielded[op.at] = joined(self.yielded.get(op.at), given) or given
                return {target: None}
            case ir.Closure(target=target, qualname=qualname, captured=captured):
                has = any(name in env or name in self.ever for name in captured)
                return {target: Need(function=FunctionRef(self.unit.path, qualname)) if has else None}
            case ir.Decorate(target=target, source=source):
                return {target: env.get(source)}
            case ir.NestedClass(target=target, methods=methods):
                return {target: UNKNOWN if any(m in env for m in methods) else None}
            case ir.Compute(target=target) | ir.Delete(name=target) | ir.Catch(name=target) if target:
                return {target: None}
            case ir.Call(target=target):
                return self._called(op, env)
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

    def _put(self, at: int, base: ir.Val, need: Need, env: Env) -> dict[ir.Val, Need | None]:
        """It goes into an object, which needs the connection from now on; that may be known outside of the function."""
        if base in env and env[base].type:
            return {}
        if base not in self.own and not need.lob:
            self._store(at, base, need)
        return {base: joined(env.get(base), holding(need))}

    def _store(self, at: int, base: ir.Val, need: Need) -> None:
        """It outlives the function, in an object that it knows as `base`."""
        self.stored[at] = None
        self.filled[base] = joined(self.filled.get(base), need) or need

    # -- calls

    def _called(self, op: ir.Call, env: Env) -> dict[ir.Val, Need | None]:
        info = self.analyzer.call_info(self.unit, op)
        if op.receiver in env:
            return {op.target: self._of_method(op, info, env[op.receiver], env)}
        if op.callee in env and not op.receiver:
            return {op.target: self._of_callable(env[op.callee], op.awaited)}
        given = [(position, a) for position, a in enumerate(op.arguments) if a.value in env]
        captured = self._captured(info, env)
        if not given and not captured:
            return {op.target: None}
        needs = [env[a.value] for _, a in given]
        written = self._kept(op, info, any_of(needs), env)
        return {**written, op.target: self._of_call(op, info, env, captured)}

    def _of_method(self, op: ir.Call, info: CallInfo, owner: Need, env: Env) -> Need | None:
        """A method of what needs the connection: the driver's, or one of an object of the project."""
        is_drivers = bool(owner.type) and self.tables.knows(owner.type, op.name)
        if any(f.bound for f in info.functions) and not is_drivers:
            return self._of_functions(op, info, env, {"": owner})
        driver = next((d.owner.name for d in info.drivers if d.owner is not None), "")
        typed = Need(driver) if driver and not owner.type else owner
        found = self.tables.of_method(typed, op.name, op.awaited)
        if info.keeps and owner.inner is not None:
            return None  # something more goes into a container
        return found

    def _of_callable(self, need: Need, awaited: bool) -> Need | None:
        """What comes of calling a value that needs the connection: a bound method, a nested function."""
        if need.bound:
            return self.tables.of_method(Need(need.type), need.bound, awaited)
        if need.function is not None:
            captured = self.unit.closures.get(need.function.key, ())
            return self.needs.result(need.function, {n: self.ever[n] for n in captured if n in self.ever}).given_back
        return need if need.lob else UNKNOWN

    def _captured(self, info: CallInfo, env: Env) -> dict[str, Need]:
        """What the nested functions that a call can reach have by a name of this one."""
        keys = [f.key for f in info.functions if f.path == self.unit.path and f.key in self.unit.closures]
        return {name: self.ever[name] for key in keys for name in self.unit.closures[key] if name in self.ever}

    def _of_call(self, op: ir.Call, info: CallInfo, env: Env, captured: Mapping[str, Need]) -> Need | None:
        """What a function gives that is given what needs the connection."""
        functions = idioms().functions
        arguments = [env[a.value] for a in op.arguments if a.value in env]
        if info.waits and any(n.pending for n in arguments):
            return any_of(n.inner for n in arguments if n.pending)
        if info.functions and not info.classes and not info.drivers:
            return self._of_functions(op, info, env, captured)
        if op.name in idioms().methods.wrapping:
            return any_of(arguments) if info.enters else holding(any_of(arguments))
        names = set(info.names)
        if names and (names <= functions.reading_on or all(n.startswith(functions.reading_on_roots) for n in names)):
            return holding(any_of(self._read_out(n) for n in arguments))
        if names and names <= functions.collecting:
            plain = [env[a.value] for a in op.arguments if a.value in env and not a.keyword]
            named = [env[a.value] for a in op.arguments if a.value in env and a.keyword and info.takes_over]
            inner = any_of((*(self._read_out(n) for n in plain), *named))
            return holding(inner) if inner is not None else None
        if info.releases() is not None or (not info.classes and not info.drivers and (info.borrows or info.quiet)):
            return None
        made = next((d.effect.derives or d.effect.returns for d in info.drivers), "")
        if not made and info.drivers and self._is_borrowed(info):
            return None
        return Need(made) if made else Need(lob=True) if all(n.lob for n in arguments) else UNKNOWN

    def _is_borrowed(self, info: CallInfo) -> bool:
        return bool(info.names) and set(info.names) <= idioms().functions.borrowing

    def _read_out(self, need: Need) -> Need | None:
        """What a function of the language gets from it: item by item, or by calling it."""
        is_called = bool(need.bound) or need.function is not None
        return self._of_callable(need, False) if is_called else self.tables.items(need)

    def _of_functions(self, op: ir.Call, info: CallInfo, env: Env, captured: Mapping[str, Need]) -> Need | None:
        """What functions of the project give, each by itself."""
        return any_of(self._of_function(op, info, f, env, captured) for f in info.functions)

    def _of_function(
        self, op: ir.Call, info: CallInfo, function: FunctionRef, env: Env, captured: Mapping[str, Need]
    ) -> Need | None:
        summaries, definition = self.analyzer.summaries, self.analyzer.info(function)
        given = {name: need for name, need in captured.items() if name}
        if "" in captured and definition is not None and definition.params:
            given[definition.params[0].name] = captured[""]
        for position, argument in enumerate(op.arguments):
            if argument.value in env:
                name = summaries.parameter_for(function, argument, position + info.given)
                if not name:
                    return UNKNOWN
                given[name] = env[argument.value]
        made = self.needs.result(function, given)
        if made.stored:
            self._store(op.at, "", UNKNOWN)
        for name, need in made.filled:
            for value in self._arguments(op, info, function, name):
                self._fill(op.at, value, need, env)
        found = made.given_back
        if definition is not None and definition.is_async and not definition.is_generator and not op.awaited:
            return Need(inner=found, flat=found is None, pending=True)
        return found

    def _arguments(self, op: ir.Call, info: CallInfo, function: FunctionRef, name: str) -> list[ir.Val]:
        """What a call passes for a parameter of a function; its own object is the receiver of the call."""
        definition, naming = self.analyzer.info(function), self.analyzer.summaries.parameter_for
        own = definition.params[0].name if function.bound and definition is not None and definition.params else ""
        given = [a.value for i, a in enumerate(op.arguments) if naming(function, a, i + info.given) == name]
        return given or ([op.receiver] if name == own and op.receiver else [])

    def _fill(self, at: int, value: ir.Val, need: Need, env: Env) -> None:
        """A function that is called puts it into an object that it is given."""
        for target, both in self._put(at, value, need, env).items():
            if both is not None:
                env[target] = self.ever[target] = both

    def _kept(self, op: ir.Call, info: CallInfo, need: Need | None, env: Env) -> dict[ir.Val, Need | None]:
        """What becomes of an object whose method is given what needs the connection; who else keeps it is noted."""
        if need is None or need.lob:
            return {}
        elsewhere = (info.registers or self.analyzer.runs_elsewhere(info)) and not op.awaited
        if info.keeps and op.name in _EMPTYING:
            inner = self.tables.items(need)
            return self._put(op.at, op.receiver, inner, env) if inner is not None else {}
        if elsewhere or (info.keeps and op.receiver not in self.own):
            self._store(op.at, "" if elsewhere else op.receiver, need)
        if info.keeps or (info.on_object and op.discarded and not info.borrows and ir.is_local(op.receiver)):
            return {op.receiver: joined(env.get(op.receiver), holding(need))}
        return {}


_EMPTYING = frozenset({"extend", "update"})


def _join(into: Env, other: Env) -> bool:
    """Join one environment into another; whether that has changed it."""
    changed = False
    for value, need in other.items():
        both = joined(into.get(value), need)
        if both is not None and both != into.get(value):
            into[value] = both
            changed = True
    return changed
