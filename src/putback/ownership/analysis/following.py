"""One site that is followed through one function: what it is, and the elementary changes of its state."""

from __future__ import annotations

import re
from functools import cached_property

from msgspec.structs import replace

from putback.drivers.schema import Effect
from putback.flow import ir
from putback.flow.builder import following
from putback.flow.names import Member, dotted
from putback.flow.solve import Outcome
from putback.frameworks.idioms import idioms
from putback.model.lifecycle import Begin, Close, FailedCommit, On, With
from putback.ownership.analysis import guards, handlers, hoards, rows
from putback.ownership.analysis.defects import UnmendedUsed
from putback.ownership.analysis.domain import ACTIVE, Harm, Mark, Phase, State
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.parts import owns
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.statements import (
    is_repeatable,
    is_text,
    may_begin,
    may_write,
    runs_text_alone,
    surely_writes,
)
from putback.ownership.analysis.summary import ParamEffect
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.recursion import Beside
from putback.ownership.resolve.types import Instance

_POOL_METHOD = re.compile(r"\{pool\}\.(\w+)\(")


class Following:
    """One site in one function, for the transfer functions, which are told apart by what they follow it through.

    `bare` is the acquisition of the connection, whatever object or tuple it came in.
    """

    def __init__(self, program: Program, unit: Unit, site: Site, phase: Phase) -> None:
        self.program = program
        self.unit = unit
        self.site = site
        self.kind = site.kind
        self.bare = site.acquisition.bare()
        self.summaries = program.summaries
        self.start_phase = phase
        self.names = guards.aliases(unit, site, program.methods_that(site.kind, "derive"))
        entered_only = site.acquisition.on == (On.ENTER,)
        releasing = program.methods_that(site.kind, "release")
        self.pools = program.pools_of_releases(unit, self.names)
        self.is_ambient = site.acquisition.ambient is not None
        self.hoards = hoards.dying(unit)
        self.lent = hoards.lent(unit) - self.hoards if self._is_given_back_by_name() else frozenset()
        self.deep_path = site.name if self.is_ambient and site.name.count(".") > 1 else ""
        decisive = self.names if entered_only else guards.guards(unit, self.names, releasing)
        self.guards = decisive | guards.flags(unit)
        self.nearest = self.names if entered_only else guards.guards(unit, self.names, releasing, 0)
        self.copies = guards.copies(unit, self.names)
        self.is_taken_for_object = guards.is_taken_for_object(unit, site)
        self._effects: Beside[tuple[int, int, Phase], list[ParamEffect]] = Beside(
            program.answers, program.project.footprint
        )

    def _is_given_back_by_name(self) -> bool:
        """Whether the function gives it back itself by one of its names, on each way to a return that leads from where
        it was put in a container."""
        containers = hoards.lent(self.unit) if self.site.at is not None else frozenset()
        if not containers:
            return False
        own = guards.own_names(self.unit, self.site)
        if any(self._gives_back(op, own) for op in self.unit.ops() if isinstance(op, ir.Enter)):
            return True
        blocks = self.unit.function.blocks
        giving = {b.id for b in blocks if any(self._gives_back(op, own) for op in b.ops)}
        todo = [b.id for b in blocks if any(hoards.fills(op, containers) for op in b.ops)] if giving else []
        seen: set[int] = set()
        while todo:
            block = blocks[todo.pop()]
            if isinstance(block.end, ir.Return) and block.id not in giving:
                return False
            if block.id not in seen and block.id not in giving:
                seen.add(block.id)
                todo += following(block)
        return bool(giving)

    def _gives_back(self, op: ir.Op, own: frozenset[str]) -> bool:
        """Whether an operation gives back the connection that it has by one of these names."""
        match op:
            case ir.Enter(manager=manager):
                return manager in own and self.kind.with_ in (With.RELEASES, With.CLOSES)
            case ir.Call(receiver=receiver, name=name) if receiver in own:
                effect = self.program.method(self.kind.type, name)
                return effect is not None and (effect.closes or effect.releases_self)
            case ir.Call(arguments=arguments) if any(a.value in own for a in arguments):
                return self.program.call_info(self.unit, op).releases() is not None
        return False

    @cached_property
    def rows(self) -> frozenset[ir.Val]:
        """The values that are rows, or stand in rows, where a handler may ask."""
        return rows.fetched(self.program, self.unit)

    def raised_by_reading(self, value: ir.Val) -> str:
        """What a subscript of a value raises, or an iteration over it."""
        return handlers.DATA if value in self.rows else handlers.UNKNOWN

    @cached_property
    def raised_values(self) -> frozenset[ir.Val]:
        """What `raise` statements raise."""
        return frozenset(b.end.value for b in self.unit.function.blocks if isinstance(b.end, ir.Raise) and b.end.value)

    @cached_property
    def emptied(self) -> frozenset[ir.Val]:
        """The exit stacks whose `pop_all()` is dropped somewhere, so that nobody does what they were given to do."""
        emptying, program = idioms().functions.emptying, self.program
        dropped = (op for op in self._calls if op.discarded and op.receiver)
        return frozenset(
            op.receiver for op in dropped if not emptying.isdisjoint(program.call_info(self.unit, op).names)
        )

    @cached_property
    def release_names(self) -> frozenset[str]:
        """The methods of pools that take a connection of the driver back: `putconn` of `{pool}.putconn({conn})`."""
        kinds = (k for k in self.program.catalog.kinds.values() if k.driver == self.kind.driver)
        return frozenset(name for kind in kinds for name in _POOL_METHOD.findall(kind.release))

    def closure_releases(self, key: str, state: State) -> bool:
        """Whether a nested function or lambda gives back the connection that it captures."""
        return self.summaries.closure_releases(self.unit, key, self.bare, state)

    def effects_of(self, op: ir.Call, info: CallInfo, position: int, phase: Phase) -> list[ParamEffect]:
        """The summaries of the project functions that a call can reach, for the connection as one argument."""
        return self._effects.ask(
            (op.at, position, phase),
            lambda: self.summaries.argument_effects(self.bare, info, op.arguments[position], position, phase),
        )

    def raised(self, state: State, exception: str | None = None) -> State:
        """The state on an exception edge: the expression is abandoned."""
        state = state.without_temporaries()
        return replace(state, exception=exception) if exception else state

    def may_raise(
        self,
        after: State,
        at_raise: State | None = None,
        awaited: bool = False,
        broke: int | None = None,
        exception: str = handlers.UNKNOWN,
    ) -> Outcome[State]:
        """Go on with `after`, or raise with `at_raise` (default: the same); an awaited operation can be cancelled too.

        `broke`: the statement on the connection that fails; another error has not come from one.
        """
        base = at_raise if at_raise is not None else after
        base = replace(base, broke=broke if base.opened is not None else None)
        raised = [self.raised(base, exception)]
        if awaited:
            raised.append(self.raised(base, handlers.CANCELLED))
        return Outcome((after,), tuple(raised))

    def pass_on(self, state: State) -> State:
        """Somebody else owns the connection from now on: what guarded it here does not matter any more."""
        if state.phase not in (*ACTIVE, Phase.PENDING, Phase.PASSED):
            return state
        kept = state.marks & {Mark.AUTOCOMMIT}
        return replace(state, phase=Phase.PASSED, facts=frozenset(), marks=kept, opened=None, unmended=None)

    def is_empty_registry(self, state: State) -> bool:
        """Whether it is a registry of the function that has made no session yet: who gets that gets a factory."""
        return self.kind.registry and state.phase is Phase.IDLE and not self.is_ambient

    def is_of_pool(self, op: ir.Call) -> bool:
        """Whether a method is called on the pool that the connection has come from, as far as one sees here."""
        if self.site.acquisition.through or self.site.at is None:
            return False
        made = (o for o in self.unit.ops() if isinstance(o, ir.Call) and o.at == self.site.at)
        return any(_base(o) == _base(op) != "" for o in made)

    def is_pool_ended(self, op: ir.Exit) -> bool:
        """Whether leaving a `with` ends the pool that the connection has come from, and all that it has lent."""
        dunder = "__aexit__" if op.is_async else "__exit__"
        types = self.program.resolver.types(op.expr, self.unit.scope)
        effects = (self.program.method(t.name, dunder) for t in types if isinstance(t, Instance))
        if not any(effect is not None and effect.releases_all for effect in effects):
            return False
        entered = {o.target for o in self.unit.ops() if isinstance(o, ir.Enter) and o.group == op.group}
        given = {o.source for o in self.unit.ops() if isinstance(o, ir.Assign) and o.target == op.manager}
        pools = self.unit.names_of(entered | given)
        return any(isinstance(o, ir.Call) and o.at == self.site.at and o.receiver in pools for o in self.unit.ops())

    def is_owner(self, state: State, value: ir.Val) -> bool:
        """Whether storing `value` hands the connection on."""
        return value in state.refs or owns(state.part(value))

    def effect(self, state: State, receiver: ir.Val, name: str) -> Effect | None:
        """What the driver table says of a method of the connection or of a child of it."""
        owner = self.kind.type if receiver in state.refs else state.part_type(receiver)
        return self.program.method(owner, name) if owner else None

    def released(self, state: State) -> State:
        """The connection was given back."""
        if self.is_ambient:
            return self.ended(state, "both")
        return replace(state, phase=Phase.RELEASED, opened=None)

    def tried(self, state: State) -> State:
        """A release was tried and failed: nobody can do more."""
        return replace(state, phase=Phase.PASSED, facts=frozenset(), marks=frozenset(), opened=None, unmended=None)

    def closed(self, state: State) -> State:
        """`close()` was called on the connection itself; inside of a `with` that gives it back that is harmless."""
        if self.is_ambient:
            return self.ended(state, "both")
        if state.phase is Phase.MANAGED:
            return state
        if self.kind.close in (Close.LEAKS, Close.FREES):
            return replace(state, phase=Phase.CLOSED, opened=None)
        return state if self.kind.close is Close.IGNORED else self.released(state)

    def executed(self, state: State, at: int | None) -> State:
        """A statement ran (at None: in a called function): a lazy session holds a connection, a transaction is open."""
        if self.kind.lazy and state.phase in (Phase.IDLE, Phase.RELEASED):
            state = replace(state, phase=Phase.HELD)
        if at is not None and self._is_write(state, at):
            state = replace(state, wrote=at)
        has_none = Mark.AUTOCOMMIT in state.marks and not self.kind.lazy  # a session has one of its own all the same
        if self.kind.autobegin is Begin.NONE or has_none or state.opened is not None:
            return state
        if self.kind.autobegin is Begin.WRITE and at is not None and not may_begin(self._words(at)):
            return state
        return replace(state, opened=at)

    def _is_write(self, state: State, at: int) -> bool:
        """Whether a statement is one of which is asked later: where a failed one undoes the others, the first."""
        if self.kind.aborts:
            return state.wrote is None and may_write(self._words(at))
        return surely_writes(self._words(at))

    def _words(self, at: int) -> frozenset[str]:
        return self.program.words(self.unit, at)

    def harm(self, state: State, op: ir.Catch) -> Harm:
        """What the failed statement, whose error a handler takes, has left behind."""
        kind = self.kind
        if kind.aborts:
            turns_inactive = kind.failed_commit is FailedCommit.INACTIVE
            if turns_inactive and self._flushes(state):
                return Harm.BROKEN
            if Mark.AUTOCOMMIT in state.marks:
                return Harm.NOTHING
            is_for_several = bool(self.program.catalog.drivers[kind.driver].keeping_servers)
            if is_for_several and Mark.UNWRITTEN not in state.marks and self.program.servers.only_keep:
                return Harm.NOTHING
            return Harm.PERHAPS if turns_inactive else Harm.BROKEN
        if state.wrote is None or state.broke is None or not surely_writes(self._words(state.broke)):
            return Harm.NOTHING
        attempt = self.program.attempt_at(self.unit, self._row(op.at))
        first, second = self._row(state.wrote), self._row(state.broke)
        if attempt is None or not attempt.are_one_work(first, second):
            return Harm.NOTHING
        counts = self.program.catalog.drivers[kind.driver].counts
        if not attempt.read.isdisjoint((row, name) for row in range(first, second + 1) for name in counts):
            return Harm.NOTHING  # the second is for where the first has found nothing
        return Harm.SOME if all(map(self._is_repeatable, (state.wrote, state.broke))) else Harm.HALF

    def _is_repeatable(self, at: int) -> bool:
        return is_repeatable(self.unit.text(at), self._words(at))

    def _row(self, at: int) -> int:
        return self.unit.span(at).start.row

    def _flushes(self, state: State) -> bool:
        """Whether what has failed is a flush, or a commit of a session that may have had something to write."""
        effects = [e for op in self._calls if op.at == state.broke and (e := self._method(op)) is not None]
        if any(e.flushes for e in effects) or not any(e.ends == "commit" for e in effects):
            return any(e.flushes for e in effects)
        if Mark.UNWRITTEN in state.marks:
            return True
        return not runs_text_alone(self._calls, state.refs, self._method, self._texts)

    @cached_property
    def _calls(self) -> list[ir.Call]:
        return [op for op in self.unit.ops() if isinstance(op, ir.Call)]

    @cached_property
    def _texts(self) -> frozenset[int]:
        """The calls that are shown to execute text."""
        return frozenset(op.at for op in self._calls if is_text(self.unit.text(op.at), self._words(op.at)))

    def _method(self, op: ir.Call) -> Effect | None:
        return self.program.catalog.method(self.kind.type, op.name)

    def ended(self, state: State, how: str) -> State:
        """A commit or rollback."""
        state = replace(state, opened=None, unmended=None, broke=None, wrote=None)
        has_others = self.is_ambient and self.kind.lazy
        state = state.with_mark(Mark.UNWRITTEN) if has_others else state.without_mark(Mark.UNWRITTEN)
        return replace(state, phase=Phase.IDLE) if self.kind.lazy and state.phase is Phase.HELD else state

    def replaced(self, state: State) -> State:
        """The path of an ambient connection means something else from now on, or nothing."""
        return replace(self.ended(state, "both"), refs=frozenset(), parts=frozenset())

    def acquired(self, state: State) -> State:
        """The acquire has happened."""
        return replace(state, phase=Phase.IDLE if self.kind.lazy else Phase.HELD)

    def mending(self, state: State, commits: bool = False) -> tuple[UnmendedUsed, ...]:
        """The defect of a use when a handler has swallowed an error without a rollback.

        A commit of a broken transaction ends it and raises nothing: where nothing was written before, nothing is lost.
        """
        if state.lapse is None or state.harm is Harm.NOTHING:
            return ()
        if commits and state.harm is Harm.BROKEN and self._has_nothing_to_lose(state):
            return ()
        return (UnmendedUsed(state.lapse, state.harm),)

    def _has_nothing_to_lose(self, state: State) -> bool:
        is_lent = self.site.at is None and not self.is_ambient
        return state.wrote is None and not is_lent and self.kind.failed_commit is not FailedCommit.INACTIVE


def _base(op: ir.Call) -> str:
    """What a method is called on, as it is written."""
    func = op.expr.func
    return (dotted(func.base) or "") if isinstance(func, Member) else ""
