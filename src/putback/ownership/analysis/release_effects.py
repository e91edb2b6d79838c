"""What a call that gives a connection back does besides, to any depth of functions of the project.

A fix may run a release on a path that did not run it before only if it gives back and does nothing else that somebody
can see. To roll back, to write a log, and to keep count in an object of the project are no more than that. A commit, a
statement, and a call of something unknown are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import IntEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from putback.drivers.schema import Effect
from putback.flow import ir
from putback.flow.names import Invoke
from putback.flow.solve import explore
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.activation import Activation, Given, activations, called_by_default, decorating
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.parts import Carrier, Closure, Tie
from putback.ownership.analysis.quick import Cheap, cheap_calls
from putback.ownership.analysis.retrace import Retraced, retrace
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.statements import first_word
from putback.ownership.analysis.transfer import SiteDomain
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import FunctionRef, Instance, Object

_BOUND_RELEASES = (Tie.RELEASER, Tie.CLOSER)


class Deed(IntEnum):
    """Something that a release does, the worst first; the last three are no more than a part of giving back.

    COMMITS: it makes what was written last; RUNS: a statement, or something for the next commit; SETS: an attribute of
    the connection, such as its autocommit; TAKES: another connection; CALLS: somebody of whom nothing is known; COUNTS:
    the project notes for itself that it has been given back, in an object or by a semaphore.
    """

    COMMITS = auto()
    RUNS = auto()
    SETS = auto()
    TAKES = auto()
    CALLS = auto()
    ROLLS_BACK = auto()
    LOGS = auto()
    COUNTS = auto()


_PART_OF_IT = (Deed.ROLLS_BACK, Deed.LOGS, Deed.COUNTS)
_WORDS = {
    Deed.COMMITS: "commits",
    Deed.RUNS: "runs a statement",
    Deed.SETS: "changes the connection",
    Deed.TAKES: "takes another connection",
    Deed.CALLS: "calls `{what}`",
}


class Done(Struct, frozen=True, order=True):
    """One thing that is done; `what` is who is called."""

    deed: Deed
    what: str = ""

    @property
    def is_more(self) -> bool:
        """Whether that is more than giving back."""
        return self.deed not in _PART_OF_IT


def in_words(done: Collection[Done]) -> str:
    """The worst of what is more than giving back, behind "also"; "" where nothing is."""
    worst = min((each for each in done if each.is_more), default=None)
    return _WORDS[worst.deed].format(what=worst.what) if worst is not None else ""


def counts(done: Collection[Done]) -> bool:
    """Whether the project may be told by this that the connection is back, so that no other release does the same."""
    return any(each.deed in (Deed.COUNTS, Deed.CALLS) for each in done)


class ReleaseEffects:
    """One analyzer's answers; `Analyzer.known` keeps it."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._bodies: dict[tuple[Activation, tuple[str, ...]], tuple[frozenset[Done], frozenset[Activation]]] = {}
        self._cheap: dict[tuple[str, str], Cheap] = {}

    def of_function(self, ref: FunctionRef, name: str, acquisition: Acquisition) -> frozenset[Done]:
        """What a function does when it is given the connection as `name`, and nothing else."""
        start = called_by_default(self._analyzer, FunctionRef(ref.path, ref.key), name)
        return self._reached(acquisition, [start])

    def of_operations(self, way: Retraced, ats: Collection[int], name: str) -> dict[int, frozenset[Done]]:
        """What each of some operations of a function does; `name` is the connection's where no path comes to them."""
        domain = way.domain
        done: dict[int, set[Done]] = {}
        further: dict[int, set[Activation]] = {}
        for op, state in _reaching(way, ats, name):
            own, called = self._of_op(domain, op, state)
            done.setdefault(op.at, set()).update(own)
            further.setdefault(op.at, set()).update(called)
        bare = domain.site.acquisition.bare()
        return {at: frozenset(own) | self._reached(bare, further[at]) for at, own in done.items()}

    def _reached(self, acquisition: Acquisition, starts: Iterable[Activation]) -> frozenset[Done]:
        """What is done in functions, and in all that they call."""
        todo, seen, done = list(starts), set[Activation](), set[Done]()
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                own, called = self._body(each, acquisition)
                done |= own
                todo += called
        return frozenset(done)

    def _body(self, start: Activation, acquisition: Acquisition) -> tuple[frozenset[Done], frozenset[Activation]]:
        """What a function does itself, and what it calls."""
        key = (start, tuple(kind.id for kind in acquisition.kinds))
        if key not in self._bodies:
            self._bodies[key] = self._worked_out(start, acquisition)
        return self._bodies[key]

    def _worked_out(self, start: Activation, acquisition: Acquisition) -> tuple[frozenset[Done], frozenset[Activation]]:
        ref = start.function
        unit = self._analyzer.unit(ref.path, ref.key)
        if unit is None:
            return frozenset({Done(Deed.CALLS, ref.key)}), frozenset()
        known = acquisition if start.name else Acquisition(acquisition.kinds)
        phase = Phase.HELD if start.name else Phase.ABSENT
        site = Site(None, known.bare(), start.name)
        domain = Given(self._analyzer, unit, site, phase, start.given)
        done: set[Done] = set()
        called: set[Activation] = set(decorating(self._analyzer, unit))
        for op, state, _ in retrace(unit, domain, explore(unit.function, domain)).operations:
            if isinstance(op, ir.Call) and start.around and op.callee == start.around:
                continue
            own, further = self._of_op(domain, op, state)
            done.update(own)
            called.update(further)
        return frozenset(done), frozenset(called)

    # -- one operation

    def _of_op(self, domain: SiteDomain, op: ir.Op, state: State) -> tuple[list[Done], list[Activation]]:
        match op:
            case ir.Call():
                return self._of_call(domain, op, state)
            case ir.Enter(manager=manager, is_async=is_async):
                return self._of_manager(domain, op, state, manager, "__aenter__" if is_async else "__enter__")
            case ir.Exit(manager=manager, is_async=is_async):
                return self._of_manager(domain, op, state, manager, "__aexit__" if is_async else "__exit__")
            case ir.StoreAttr(base=base) if base in state.refs:
                return [Done(Deed.SETS)], []
            case ir.StoreAttr() | ir.StoreGlobal() | ir.StoreItem():
                return [Done(Deed.COUNTS)], []
        return [], []

    def _of_call(self, domain: SiteDomain, op: ir.Call, state: State) -> tuple[list[Done], list[Activation]]:
        program, unit = self._analyzer, domain.unit
        info = program.call_info(unit, op)
        if (on_itself := self._on_connection(domain, op, state)) is not None:
            return on_itself, []
        part = state.part(op.callee)
        functions = list(info.functions)
        if isinstance(part, Closure) and part.key not in {f.key for f in functions}:
            functions.append(FunctionRef(unit.path, part.key))
        info = replace(info, functions=tuple(functions))
        done = [each for d in info.drivers for each in self._of_effect(unit, op, d.effect)]
        if functions or info.classes:
            return done, activations(program, domain, op, info, state)
        if info.drivers or part in _BOUND_RELEASES or _releases_by_name(domain, op, state):
            return done, []
        return self._outside(unit, op, info), []

    def _on_connection(self, domain: SiteDomain, op: ir.Call, state: State) -> list[Done] | None:
        """What a method of the connection does, or of what belongs to it; None for every other call."""
        is_connection = bool(op.receiver) and op.receiver in state.refs
        is_part = bool(op.receiver) and state.has_part(op.receiver) and bool(state.part_type(op.receiver))
        if not is_connection and not is_part:
            return None
        effect = domain.effect(state, op.receiver, op.name)
        if effect is not None:
            return self._of_effect(domain.unit, op, effect)
        if is_connection and self._analyzer.call_info(domain.unit, op).functions:
            return None
        asks = self._analyzer.method_truth(domain.kind.type, op.name) is not None
        return [] if asks else [_called(domain.unit, op)]

    def _of_effect(self, unit: Unit, op: ir.Op, effect: Effect) -> list[Done]:
        """What a call does that stands in the table of a driver."""
        done: list[Done] = []
        word = first_word(unit.text(op.at)) if effect.executes else ""
        is_error = isinstance(op, ir.Exit) and op.exceptional
        if effect.ends == "rollback" or word == "ROLLBACK" or (effect.ends == "both" and is_error):
            done.append(Done(Deed.ROLLS_BACK))
        elif effect.ends or word == "COMMIT":
            done.append(Done(Deed.COMMITS))
        elif effect.executes or effect.flushes or effect.defers:
            done.append(Done(Deed.RUNS))
        if effect.acquires:
            done.append(Done(Deed.TAKES))
        return done

    def _of_manager(
        self, domain: SiteDomain, op: ir.Enter | ir.Exit, state: State, manager: ir.Val, method: str
    ) -> tuple[list[Done], list[Activation]]:
        """What entering or leaving a `with` does. The call that makes the manager is an operation of its own."""
        unit, program = domain.unit, self._analyzer
        part = state.part(manager)
        if manager in state.refs or state.part_type(manager):
            effect = domain.effect(state, manager, method)
            return (self._of_effect(unit, op, effect) if effect is not None else []), []
        if isinstance(part, Carrier) and part.owner is not None:
            return [], self._methods(part.owner.path, part.owner.key, method, part.owner.attribute)
        if program.enters_quietly(unit, op):
            return [], []
        types = program.resolver.types(op.expr, unit.scope)
        effects = [program.method(t.name, method) for t in types if isinstance(t, Instance)]
        done = [each for e in effects if e is not None for each in self._of_effect(unit, op, e)]
        called = [a for t in types if isinstance(t, Object) for a in self._methods(t.path, t.key, method, "")]
        if not types and not isinstance(op.expr, Invoke) and not done:
            done.append(_called(unit, op))
        return done, called

    def _methods(self, path: str, key: str, method: str, attribute: str) -> list[Activation]:
        for module, cls in self._analyzer.resolver.classes.lineage(path, key):
            if method in cls.methods:
                ref = FunctionRef(module.path, cls.methods[method])
                name = self._analyzer.summaries.own_path(ref, attribute) if attribute else ""
                return [called_by_default(self._analyzer, ref, name)]
        return []

    def _outside(self, unit: Unit, op: ir.Call, info: CallInfo) -> list[Done]:
        """What a call does of somebody outside the project that no driver table describes."""
        key = (unit.path, unit.key)
        if key not in self._cheap:
            self._cheap[key] = cheap_calls(self._analyzer, unit)
        cheap = self._cheap[key]
        if op.at in cheap.logging:
            return [Done(Deed.LOGS)]
        if _notes(op, info):
            return [Done(Deed.COUNTS)]
        if gives_back_a_permit(info):
            return [Done(Deed.COUNTS)]
        functions = idioms().functions
        if info.names and (functions.decorating | functions.wrapping).issuperset(info.names):
            return []
        if op.at in cheap.quick or info.quiet or info.enters:
            return []
        return [_called(unit, op)]


def _releases_by_name(domain: SiteDomain, op: ir.Call, state: State) -> bool:
    """Whether it is the method of a pool that nothing is known of, by which its driver takes connections back."""
    return op.name in domain.release_names and any(a.value in state.refs for a in op.arguments)


def _notes(op: ir.Call, info: CallInfo) -> bool:
    """Whether a call puts something into a container of Python's own, or takes out of what may be one."""
    known, methods = idioms().containers, idioms().methods
    if not info.on_object:
        return False
    if info.names:
        made = all(name.startswith(known.made_by) for name in info.names)
        return made and op.name in methods.of_values | methods.keeping | known.removing
    return op.name in known.removing | known.taking | known.contents | known.pairs


def _called(unit: Unit, op: ir.Op) -> Done:
    return Done(Deed.CALLS, callee(unit.text(op.at)))


def gives_back_a_permit(info: CallInfo) -> bool:
    """Whether a call gives back a lock or a permit of a semaphore."""
    return bool(info.names) and idioms().functions.counting.issuperset(info.names)


def callee(call: str) -> str:
    """The text of a call without its arguments.

    >>> callee("send(mail(1), 2)"), callee("getattr(conn, 'commit')()"), callee("lock")
    ('send', "getattr(conn, 'commit')", 'lock')
    """
    call = " ".join(call.removeprefix("await ").split())
    depth = 0
    for at in range(len(call) - 1, -1, -1):
        depth += (call[at] == ")") - (call[at] == "(")
        if depth == 0:
            return call[:at] if at < len(call) - 1 else call
    return call


def _reaching(way: Retraced, ats: Collection[int], name: str) -> Iterator[tuple[ir.Op, State]]:
    """Some operations with the states in which the connection comes to them, or is held by where no path does."""
    reached = set()
    for op, state, _ in way.operations:
        if op.at in ats and state.phase not in (Phase.ABSENT, Phase.PENDING):
            reached.add(op.at)
            yield op, state
    held = State(Phase.HELD, frozenset({name} if name else ()))
    yield from ((op, held) for op in way.unit.ops() if op.at in ats and op.at not in reached)
