"""The transfer functions: what one operation does to the state of one site."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from putback.drivers.schema import Effect
from putback.flow import ir
from putback.flow.names import Invoke, Member, dotted
from putback.flow.solve import Outcome
from putback.model.lifecycle import Begin, Close, FailedCommit, On
from putback.ownership.analysis import bindings, calls, guards, handlers, hoards, scopes, unbound
from putback.ownership.analysis.attempts import attempt_at
from putback.ownership.analysis.domain import ACTIVE, CALLERS, UNBOUND, Fact, Harm, Phase, State
from putback.ownership.analysis.errors import About
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.forgetting import Forgetting
from putback.ownership.analysis.marks import (
    AUTOCOMMIT,
    CARRIER,
    IS_NONE,
    NEEDING,
    OWNED,
    OWNERS,
    RETURNED,
    RETURNED_CLOSED,
    RETURNED_NONE,
    RETURNED_OWNER,
    STREAM,
    TUPLE,
    UNWRITTEN,
)
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.statements import may_write, surely_writes
from putback.ownership.analysis.summary import ParamEffect
from putback.ownership.analysis.unit import Unit

if TYPE_CHECKING:
    from putback.ownership.analysis.analyzer import Analyzer

_POOL_METHOD = re.compile(r"\{pool\}\.(\w+)\(")
_STEPS: Mapping[type, Callable[..., Outcome[State]]] = {
    ir.Assign: bindings.assign,
    ir.StoreGlobal: bindings.store_global,
    ir.Attr: bindings.attr,
    ir.StoreAttr: bindings.store_attr,
    ir.Item: bindings.item,
    ir.StoreItem: bindings.store_item,
    ir.Unpack: bindings.unpack,
    ir.Build: bindings.build,
    ir.Call: calls.call,
    ir.Await: scopes.await_,
    ir.Enter: scopes.enter,
    ir.Exit: scopes.leave,
    ir.Next: scopes.next_item,
    ir.Yield: scopes.yield_,
    ir.Closure: bindings.closure,
    ir.Decorate: bindings.decorate,
    ir.NestedClass: bindings.nested_class,
    ir.Catch: scopes.catch,
    ir.EndCatch: scopes.end_catch,
    ir.Delete: bindings.delete,
}


class SiteDomain:
    """Follows one site through one function: a Domain of flow.solve.

    `bare` is the acquisition of the connection, whatever object or tuple it came in.
    """

    def __init__(self, analyzer: Analyzer, unit: Unit, site: Site, phase: Phase = Phase.HELD) -> None:
        self.analyzer = analyzer
        self.unit = unit
        self.site = site
        self.kind = site.kind
        self.bare = replace(site.acquisition, owner=None, element=None)
        self.summaries = analyzer.summaries
        self.start_phase = phase
        self.names = guards.aliases(unit, site, analyzer.methods_that(site.kind, "derive"))
        entered_only = site.acquisition.on == (On.ENTER,)
        releasing = analyzer.methods_that(site.kind, "release")
        self.release_names = _release_names(site.kind.release)
        self.pools = analyzer.pools_of_releases(unit, self.names)
        self.is_ambient = site.acquisition.ambient is not None
        self.hoards = hoards.dying(unit)
        self.deep_path = site.name if self.is_ambient and site.name.count(".") > 1 else ""
        decisive = self.names if entered_only else guards.guards(unit, self.names, releasing)
        self.guards = decisive | guards.flags(unit)
        self.nearest = self.names if entered_only else guards.guards(unit, self.names, releasing, 0)
        self.copies = guards.copies(unit, self.names)
        self.is_taken_for_object = guards.is_taken_for_object(unit, site)
        self._effects: dict[tuple[int, int, Phase], list[ParamEffect]] = {}
        self._forgetting = Forgetting(unit, self.names)

    # -- the Domain protocol

    def initial(self) -> Sequence[State]:
        owner = self.site.acquisition.owner
        if self.site.at < 0 and owner is not None:
            child = (self.site.name, f"{CARRIER}{owner.encode()}")
            return [State(self.start_phase, frozenset({OWNED}), frozenset({child}), unmended=CALLERS)]
        if self.site.at < 0:
            return [self._known_before()]
        params = {p.name for p in self.unit.function.params}
        unbound = (self.unit.function.assigned & self.guards) - params - self.unit.function.globals
        return [State(Phase.ABSENT, facts=frozenset((n, Fact.UNBOUND) for n in unbound))]

    def _known_before(self) -> State:
        state = State(self.start_phase, frozenset({self.site.name}), unmended=CALLERS)
        if not self.is_ambient:
            return state
        state = state._replace(children=frozenset(self.analyzer.ambients.parts(self.unit, self.site)))
        if self.kind.lazy:  # what others have given it is written by the next commit
            state = state.with_fact(UNWRITTEN, Fact.TRUE)
        return state.with_fact(AUTOCOMMIT, Fact.TRUE) if self.site.acquisition.autocommits else state

    def step(self, op: ir.Op, state: State) -> Outcome[State]:
        if (missing := unbound.read(self, op, state)) is not None:
            return missing
        step = _STEPS.get(type(op))
        return step(self, op, state) if step is not None else Outcome((state,))

    def assume(self, test: ir.Test, state: State, holds: bool) -> State | None:
        if test.kind == "bound":
            bound = state.fact(test.subject) not in UNBOUND
            return state if bound == holds else None
        if test.kind == "isinstance" and test.subject in state.refs:
            return state if holds else None
        if test.kind in ("truth", "none"):
            answer = state.truth(test.subject) if test.kind == "truth" else state.is_none(test.subject)
            if answer is not None:
                return state if answer == holds else None
            return self._learn(test, state, holds)
        if test.kind == "equal" and test.other in (ir.TRUE, ir.FALSE):
            answer = state.truth(test.subject)
            if answer is not None:
                return state if (answer == (test.other == ir.TRUE)) == holds else None
        if test.kind == "equal" and self._is_another(test, state):
            return None if holds else state
        return self._learn_key(test.key, state, holds)

    def _is_another(self, test: ir.Test, state: State) -> bool:
        """Whether the connection is compared with what it cannot be: taken here, and none of its names."""
        values = (test.subject, test.other)
        is_one = any(v in state.refs for v in values) and state.phase in ACTIVE and self.site.at >= 0
        return is_one and any(v not in state.refs and state.child_type(v) is None for v in values)

    def _learn(self, test: ir.Test, state: State, holds: bool) -> State | None:
        name = test.subject
        if not ir.is_local(name) or name not in self.guards:
            return self._learn_key(test.key, state, holds)
        if test.kind == "none":
            return self._learned(state, name, Fact.NONE if holds else Fact.PRESENT)
        learned = self._learned(state, name, Fact.TRUTHY if holds else Fact.FALSY)
        return self._learn_key(test.key, learned, holds) if "." in test.key else learned

    def _learned(self, state: State, name: str, fact: Fact) -> State:
        """What is learned of a name, and of what it is a copy of."""
        original = self.copies.get(name)
        state = state.with_fact(original, fact) if original and state.fact(original) is None else state
        return state.with_fact(name, fact)

    def _learn_key(self, key: str, state: State, holds: bool) -> State | None:
        if key.endswith(IS_NONE):
            return self._learn_key(key.removesuffix(IS_NONE), state, not holds)
        key = f"?{key}"
        if key not in self.guards:
            return state
        known = state.fact(key)
        if known is not None:
            return state if (known is Fact.TRUE) == holds else None
        learned = state.with_fact(key, Fact.TRUE if holds else Fact.FALSE)
        is_for_the_object = self.is_taken_for_object and key.startswith(f"?{guards.OWN}") and state.is_held()
        return self.pass_on(learned) if is_for_the_object else learned

    def dispatch(self, end: ir.Dispatch, state: State) -> Sequence[tuple[int | None, State]]:
        found: list[tuple[int | None, State]] = []
        for clause in end.clauses:
            exception = state.exception or handlers.UNKNOWN
            caught = handlers.catches(clause.types, exception)
            if caught:
                return [*found, (clause.target, state)]
            if caught is None:
                known = handlers.caught_as(clause.types, exception)
                about = self.analyzer.errors.about(self.unit, clause.types, self.kind)
                if about is not About.OTHERS or not handlers.is_drivers(exception):
                    broke = state.broke if about in (About.ANYTHING, About.DATABASE) else -1
                    found.append((clause.target, state._replace(exception=known, broke=broke)))
                passed = handlers.passed_by(clause.types, exception)
                state = state._replace(exception=passed, broke=-1 if about is About.DATABASE else state.broke)
        return [*found, (None, state)]

    def resume(self, end: ir.Resume, state: State) -> tuple[State | None, State | None]:
        types = self.analyzer.swallows(self.unit, end.group) if end.group >= 0 else None
        caught = handlers.catches(types, state.exception or handlers.UNKNOWN) if types is not None else False
        return (None if caught else state), (None if caught is False else state._replace(exception="", broke=-1))

    def raising(self, end: ir.Raise, state: State) -> State:
        return self.raised(state._replace(exception=end.type or state.exception or handlers.UNKNOWN), "")

    def returning(self, end: ir.Return, state: State) -> State:
        value = end.value
        child = state.child_type(value)
        if state.phase is Phase.PASSED:
            return state._replace(refs=frozenset(r for r in state.refs if r.startswith("self.")))
        if state.phase is Phase.RELEASED and not self.kind.lazy:
            return state
        if value in state.refs:
            how = {RETURNED, RETURNED_CLOSED} if state.phase is Phase.RELEASED else {RETURNED}
            return state._replace(
                phase=Phase.PENDING if state.phase is Phase.PENDING else Phase.PASSED, refs=frozenset(how)
            )
        if child is not None and child.startswith(OWNERS):
            refs = (
                frozenset({f"{RETURNED}{child.removeprefix(TUPLE)}"}) if child.startswith(TUPLE) else frozenset[str]()
            )
            if child.startswith(CARRIER):
                refs = frozenset({f"{RETURNED_OWNER}{child.removeprefix(CARRIER)}"})
            return state._replace(phase=Phase.PASSED if state.phase in ACTIVE else state.phase, refs=refs)
        if child is not None and (child in (NEEDING, STREAM) or not child.startswith("<")) and state.phase in ACTIVE:
            return state._replace(children=state.children | {(RETURNED, child)})
        if state.is_none(value) and state.phase is Phase.ABSENT:
            return state._replace(refs=frozenset({RETURNED_NONE}))
        return state

    def entering(self, block: int, state: State) -> State:
        return self._forgetting.without_the_rest(block, state)

    def coarser(self, state: State) -> State:
        return state._replace(facts=frozenset(f for f in state.facts if f[0] in self.nearest))

    # -- building blocks

    def effects_of(self, op: ir.Call, info: CallInfo, position: int, phase: Phase) -> list[ParamEffect]:
        """The summaries of the project functions that a call can reach, for the connection as one argument."""
        key = (op.at, position, phase)
        if key in self._effects:
            return self._effects[key]
        found = self.summaries.argument_effects(self.bare, info, op.arguments[position], position, phase)
        if self.summaries.are_settled:
            self._effects[key] = found
        return found

    def raised(self, state: State, exception: str) -> State:
        """The state on an exception edge: the expression is abandoned."""
        state = state.without_temporaries()
        return state._replace(exception=exception) if exception else state

    def may_raise(
        self,
        after: State,
        at_raise: State | None = None,
        awaited: bool = False,
        broke: int = -1,
        exception: str = handlers.UNKNOWN,
    ) -> Outcome[State]:
        """Go on with `after`, or raise with `at_raise` (default: the same); an awaited operation can be cancelled too.

        `broke`: the statement on the connection that fails.
        """
        base = at_raise if at_raise is not None else after
        if broke >= 0 and base.opened >= 0:
            base = base._replace(broke=broke)
        raised = [self.raised(base, exception)]
        if awaited:
            raised.append(self.raised(base, handlers.CANCELLED))
        return Outcome((after,), tuple(raised))

    def pass_on(self, state: State) -> State:
        """Somebody else owns the connection from now on: what guarded it here does not matter any more."""
        if state.phase not in (*ACTIVE, Phase.PENDING):
            return state
        known = frozenset(fact for fact in state.facts if fact[0] == AUTOCOMMIT)
        return state._replace(phase=Phase.PASSED, facts=known, opened=-1, unmended=-1)

    def is_of_pool(self, op: ir.Call) -> bool:
        """Whether a method is called on the pool that the connection has come from, as far as one sees here."""
        if self.site.acquisition.through or self.site.at < 0:
            return False
        made = (o for o in self.unit.ops() if isinstance(o, ir.Call) and o.at == self.site.at)
        return any(_base(o) == _base(op) != "" for o in made)

    def is_owner(self, state: State, value: ir.Val) -> bool:
        """Whether storing `value` hands the connection on."""
        child = state.child_type(value)
        return value in state.refs or (child is not None and child.startswith(OWNERS))

    def effect(self, state: State, receiver: ir.Val, name: str) -> Effect | None:
        """What the driver table says of a method of the connection or of a child of it."""
        owner = self.kind.type if receiver in state.refs else state.child_type(receiver)
        return self.analyzer.method(owner, name) if owner and not owner.startswith("<") else None

    def released(self, state: State) -> State:
        """The connection was given back."""
        if self.is_ambient:
            return self.ended(state, "both")
        return state._replace(phase=Phase.RELEASED, opened=-1)

    def tried(self, state: State) -> State:
        """A release was tried and failed: nobody can do more."""
        return state._replace(phase=Phase.PASSED, facts=frozenset(), opened=-1, unmended=-1)

    def closed(self, state: State) -> State:
        """`close()` was called on the connection itself; inside of a `with` that gives it back that is harmless."""
        if self.is_ambient:
            return self.ended(state, "both")
        if state.phase is Phase.MANAGED:
            return state
        if self.kind.close in (Close.LEAKS, Close.FREES):
            return state._replace(phase=Phase.CLOSED, opened=-1)
        return state if self.kind.close is Close.IGNORED else self.released(state)

    def executed(self, state: State, at: int) -> State:
        """A statement ran: a lazy session holds a connection now, and a transaction is open."""
        if self.kind.lazy and state.phase in (Phase.IDLE, Phase.RELEASED):
            state = state._replace(phase=Phase.HELD)
        if not self.kind.aborts and at >= 0 and self._surely_writes(at):
            state = state._replace(wrote=at)
        if self.kind.autobegin is Begin.NONE or state.fact(AUTOCOMMIT) is Fact.TRUE or state.opened >= 0:
            return state
        if self.kind.autobegin is Begin.WRITE and at >= 0 and not self._may_write(at):
            return state
        return state._replace(opened=at)

    def _may_write(self, at: int) -> bool:
        return may_write(self.unit.text(at), self._around())

    def _surely_writes(self, at: int) -> bool:
        return surely_writes(self.unit.text(at), self._around())

    def _around(self) -> str:
        unit = self.unit
        return self.analyzer.reader.function(unit.path, unit.info.row, unit.info.end_row).text if unit.info else ""

    def harm(self, state: State, op: ir.Catch) -> Harm:
        """What the failed statement, whose error a handler takes, has left behind."""
        kind = self.kind
        if kind.aborts:
            turns_inactive = kind.failed_commit is FailedCommit.INACTIVE
            if turns_inactive and self._flushes(state.broke):
                return Harm.BROKEN
            is_for_several = bool(self.analyzer.catalog.drivers[kind.driver].keeping_servers)
            if is_for_several and state.fact(UNWRITTEN) is not Fact.TRUE and self.analyzer.servers.only_keep:
                return Harm.NOTHING
            return Harm.PERHAPS if turns_inactive else Harm.BROKEN
        if state.wrote < 0 or not self._surely_writes(state.broke):
            return Harm.NOTHING
        attempt = attempt_at(self.analyzer.reader, self.unit, self._row(op.at))
        is_half = attempt is not None and attempt.are_one_work(self._row(state.wrote), self._row(state.broke))
        return Harm.HALF if is_half else Harm.NOTHING

    def _row(self, at: int) -> int:
        return self.unit.span(at).start.row

    def _flushes(self, at: int) -> bool:
        """Whether what has failed is a flush or a commit."""
        names = (op.name for op in self.unit.ops() if op.at == at and isinstance(op, ir.Call))
        effects = (self.analyzer.catalog.method(self.kind.type, name) for name in names)
        return any(e is not None and (e.flushes or e.ends == "commit") for e in effects)

    def ended(self, state: State, how: str) -> State:
        """A commit or rollback."""
        written = Fact.TRUE if self.is_ambient and self.kind.lazy else None
        state = state._replace(opened=-1, unmended=-1, broke=-1, wrote=-1).with_fact(UNWRITTEN, written)
        return state._replace(phase=Phase.IDLE) if self.kind.lazy and state.phase is Phase.HELD else state

    def replaced(self, state: State) -> State:
        """The path of an ambient connection means something else from now on, or nothing."""
        return self.ended(state, "both")._replace(refs=frozenset(), children=frozenset())

    def acquired(self, state: State) -> State:
        """The acquire has happened."""
        return state._replace(phase=Phase.IDLE if self.kind.lazy else Phase.HELD)

    @staticmethod
    def mending(state: State, what: str) -> tuple[str, ...]:
        """The defect `what` when a handler has swallowed an error without a rollback."""
        return (
            (f"{what}:{state.unmended}:{state.harm.value}",)
            if state.unmended >= 0 and state.harm is not Harm.NOTHING
            else ()
        )


def _base(op: ir.Call) -> str:
    """What a method is called on, as it is written."""
    func = op.expr.func if isinstance(op.expr, Invoke) else op.expr
    return (dotted(func.base) or "") if isinstance(func, Member) else ""


def _release_names(template: str) -> frozenset[str]:
    """The method of a pool by which a kind is given back: `putconn` of `{pool}.putconn({conn})`."""
    return frozenset(_POOL_METHOD.findall(template))
