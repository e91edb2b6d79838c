"""What a call makes of values that need a connection, and where they are put. `derived` follows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from putback.flow import ir
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.needs import UNKNOWN, Need, Tables, any_of, coroutine, holding, joined
from putback.ownership.analysis.operands import own_containers
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import FunctionRef

if TYPE_CHECKING:
    from putback.ownership.analysis.analyzer import Analyzer

Env = dict[ir.Val, Need]


_EMPTYING = frozenset({"extend", "update"})


class Result(Struct, frozen=True):
    """What a function makes of such values: what it gives back, and which of its parameters come to hold one.

    `stored`: it puts one where it outlives the function and its caller.
    """

    given_back: Need | None = None
    filled: tuple[tuple[str, Need], ...] = ()
    stored: bool = False


class Places:
    """Where a function puts them: `stored` are the operations that put one where it outlives the function, `filled` the
    objects that one is put into. `ever` is what each of its values is at any time."""

    def __init__(self, unit: Unit, given: Mapping[str, Need]) -> None:
        self.own = frozenset(own_containers(unit))
        self.ever: Env = dict(given)
        self.stored: dict[int, None] = {}
        self.filled: Env = {}

    def known(self, names: Iterable[str]) -> dict[str, Need]:
        """What these names ever are, of those that come to need the connection."""
        return {name: self.ever[name] for name in names if name in self.ever}

    def put(self, at: int, base: ir.Val, need: Need, env: Env) -> dict[ir.Val, Need | None]:
        """It goes into an object, which needs the connection from now on; that may be known outside of the function."""
        if base in env and env[base].type:
            return {}
        if base not in self.own and not need.lob:
            self.store(at, base, need)
        return {base: joined(env.get(base), holding(need))}

    def store(self, at: int, base: ir.Val, need: Need) -> None:
        """It outlives the function, in an object that it knows as `base`."""
        self.stored[at] = None
        self.filled[base] = joined(self.filled.get(base), need) or need


class Calls:
    """The calls of one function; `result` tells what a function of the project makes of what it is given."""

    def __init__(
        self,
        analyzer: Analyzer,
        unit: Unit,
        places: Places,
        result: Callable[[FunctionRef, Mapping[str, Need]], Result],
    ) -> None:
        self.analyzer = analyzer
        self.tables = Tables(analyzer.catalog)
        self.unit = unit
        self.places = places
        self.result = result

    def made(self, op: ir.Call, env: Env) -> dict[ir.Val, Need | None]:
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
            captured = self.places.known(self.unit.closures.get(need.function.key, ()))
            return self.result(need.function, captured).given_back
        return need if need.lob else UNKNOWN

    def _captured(self, info: CallInfo, env: Env) -> dict[str, Need]:
        """What the nested functions that a call can reach have by a name of this one."""
        keys = [f.key for f in info.functions if f.path == self.unit.path and f.key in self.unit.closures]
        return self.places.known(name for key in keys for name in self.unit.closures[key])

    def _of_call(self, op: ir.Call, info: CallInfo, env: Env, captured: Mapping[str, Need]) -> Need | None:
        """What a function gives that is given what needs the connection."""
        functions = idioms().functions
        arguments = [env[a.value] for a in op.arguments if a.value in env]
        if info.waits and any(n.pending for n in arguments):
            return any_of(n.inner for n in arguments if n.pending)
        if info.functions and not info.classes and not info.drivers:
            return self._of_functions(op, info, env, captured)
        names = set(info.names)
        if info.enters:
            return any_of(arguments)
        if names and names <= functions.wrapping:
            return holding(any_of(arguments))
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
        made = self.result(function, given)
        if made.stored:
            self.places.store(op.at, "", UNKNOWN)
        for name, need in made.filled:
            for value in self._arguments(op, info, function, name):
                self._fill(op.at, value, need, env)
        found = made.given_back
        if definition is not None and definition.is_async and not definition.is_generator and not op.awaited:
            return coroutine(found)
        return found

    def _arguments(self, op: ir.Call, info: CallInfo, function: FunctionRef, name: str) -> list[ir.Val]:
        """What a call passes for a parameter of a function; its own object is the receiver of the call."""
        definition, naming = self.analyzer.info(function), self.analyzer.summaries.parameter_for
        own = definition.params[0].name if function.bound and definition is not None and definition.params else ""
        given = [a.value for i, a in enumerate(op.arguments) if naming(function, a, i + info.given) == name]
        return given or ([op.receiver] if name == own and op.receiver else [])

    def _fill(self, at: int, value: ir.Val, need: Need, env: Env) -> None:
        """A function that is called puts it into an object that it is given."""
        for target, both in self.places.put(at, value, need, env).items():
            if both is not None:
                env[target] = self.places.ever[target] = both

    def _kept(self, op: ir.Call, info: CallInfo, need: Need | None, env: Env) -> dict[ir.Val, Need | None]:
        """What becomes of an object whose method is given what needs the connection; who else keeps it is noted."""
        if need is None or need.lob:
            return {}
        elsewhere = (info.registers or self.analyzer.runs_elsewhere(info)) and not op.awaited
        if info.keeps and op.name in _EMPTYING:
            inner = self.tables.items(need)
            return self.places.put(op.at, op.receiver, inner, env) if inner is not None else {}
        if elsewhere or (info.keeps and op.receiver not in self.places.own):
            self.places.store(op.at, "" if elsewhere else op.receiver, need)
        if info.keeps or (info.on_object and op.discarded and not info.borrows and ir.is_local(op.receiver)):
            return {op.receiver: joined(env.get(op.receiver), holding(need))}
        return {}
