"""The transfer functions: what one operation does to the state of one site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.names import Name
from putback.flow.solve import Outcome
from putback.ownership.analysis import bindings, calls, handlers, scopes, unbound
from putback.ownership.analysis.asked import IS_NONE
from putback.ownership.analysis.domain import (
    ACTIVE,
    CALLERS,
    UNBOUND,
    Fact,
    Mark,
    Phase,
    State,
)
from putback.ownership.analysis.errors import About
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.forgetting import Forgetting
from putback.ownership.analysis.parts import LAZY, OWNED, RETURNED, Carrier, Element, Tie, Typed, owns
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import ClassRef, FunctionRef

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


class SiteDomain(Following):
    """Follows one site through one function: a Domain of flow.solve."""

    def __init__(self, program: Program, unit: Unit, site: Site, phase: Phase = Phase.HELD) -> None:
        super().__init__(program, unit, site, phase)
        self._forgetting = Forgetting(unit, self.names)

    # -- the Domain protocol

    def initial(self) -> Sequence[State]:
        owner = self.site.acquisition.owner
        if self.site.at is None and owner is not None:
            carrier = (self.site.name, Carrier(owner))
            return [State(self.start_phase, frozenset({OWNED}), frozenset({carrier}), unmended=CALLERS)]
        if self.site.at is None and self.site.acquisition.element is not None:
            whole = Element(self.site.acquisition.element, self.site.acquisition.beside)
            return [State(self.start_phase, parts=frozenset({(self.site.name, whole)}), unmended=CALLERS)]
        if self.site.at is None:
            return [self._known_before()]
        params = {p.name for p in self.unit.function.params}
        unbound = (self.unit.function.assigned & self.guards) - params - self.unit.function.globals
        return [State(Phase.ABSENT, facts=frozenset((n, Fact.UNBOUND) for n in unbound))]

    def _known_before(self) -> State:
        state = State(self.start_phase, frozenset({self.site.name}), unmended=CALLERS)
        if self.site.acquisition.autocommits:
            state = state.with_mark(Mark.AUTOCOMMIT)
        if not self.is_ambient:
            return state
        state = replace(state, parts=frozenset(self.program.ambients.parts(self.unit, self.site)))
        return state.with_mark(Mark.UNWRITTEN) if self.kind.lazy else state  # the next commit writes others' work

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
        if test.kind == "has" and self.effect(state, test.subject, test.other) is not None:
            return state if holds else None
        if test.kind in ("truth", "none"):
            answer = state.truth(test.subject) if test.kind == "truth" else state.is_none(test.subject)
            if answer is None and self._is_definition(test.subject):
                answer = test.kind == "truth"
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

    def _is_definition(self, name: str) -> bool:
        """Whether a global name is a function or class of the project: what could be imported is there, also where
        the name stands for nothing if that fails."""
        if not ir.is_local(name) or name in self.unit.function.assigned:
            return False
        found = self.program.resolver.types(Name(name), self.unit.scope)
        return bool(found) and all(isinstance(t, (FunctionRef, ClassRef)) for t in found)

    def _is_another(self, test: ir.Test, state: State) -> bool:
        """Whether the connection is compared with what it cannot be: made right here, and none of its names. What a
        function hands out may be what somebody else has, too."""
        values = (test.subject, test.other)
        is_made_here = self.site.at is not None and not self.site.acquisition.through
        is_one = any(v in state.refs for v in values) and state.phase in ACTIVE and is_made_here
        return is_one and any(v not in state.refs and state.part(v) is None for v in values)

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
        is_own = bool(self.unit.own_attribute(key.removeprefix("?")))
        is_for_the_object = self.is_taken_for_object and is_own and state.is_held()
        return self.pass_on(learned) if is_for_the_object else learned

    def dispatch(self, end: ir.Dispatch, state: State) -> Sequence[tuple[int | None, State]]:
        found: list[tuple[int | None, State]] = []
        for clause in end.clauses:
            exception = state.exception or handlers.UNKNOWN
            caught = self.program.errors.catches(self.unit, clause.types, exception)
            if caught:
                return [*found, (clause.target, state)]
            if caught is None:
                known = handlers.caught_as(clause.types, exception)
                about = self.program.errors.about(self.unit, clause.types, self.kind)
                if about is not About.OTHERS or not handlers.is_of_no_other(exception):
                    broke = state.broke if about in (About.ANYTHING, About.DATABASE) else None
                    found.append((clause.target, replace(state, exception=known, broke=broke)))
                passed = handlers.passed_by(clause.types, exception)
                state = replace(state, exception=passed, broke=None if about is About.DATABASE else state.broke)
        return [*found, (None, state)]

    def resume(self, end: ir.Resume, state: State) -> tuple[State | None, State | None]:
        types = self.program.swallows(self.unit, end.group) if end.group is not None else None
        caught = handlers.catches(types, state.exception or handlers.UNKNOWN) if types is not None else False
        return (None if caught else state), (None if caught is False else replace(state, exception=None, broke=None))

    def raising(self, end: ir.Raise, state: State) -> State:
        return self.raised(replace(state, exception=self.unit.raised(end) or state.exception or handlers.UNKNOWN))

    def returning(self, end: ir.Return, state: State) -> State:
        value = end.value
        part = state.part(value)
        if state.phase is Phase.PASSED:
            return replace(state, refs=frozenset(r for r in state.refs if self.unit.own_attribute(r)))
        if state.phase is Phase.RELEASED and not self.kind.lazy:
            return state
        if value in state.refs:
            phase = Phase.PENDING if state.phase is Phase.PENDING else Phase.PASSED
            handed = replace(state, phase=phase, refs=frozenset({RETURNED}))
            return handed.with_part(RETURNED, Tie.RETURNED_CLOSED) if state.phase is Phase.RELEASED else handed
        if part == Carrier() and self.site.at is None and state.phase in ACTIVE:
            return state.with_part(RETURNED, part)  # whoever has lent it knows what becomes of the object around it
        if owns(part):
            handed = replace(state, phase=Phase.PASSED if state.phase in ACTIVE else state.phase, refs=frozenset())
            return handed.with_part(RETURNED, part) if isinstance(part, (Carrier, Element)) else handed
        if part is not None and (part in LAZY or isinstance(part, Typed)) and state.phase in ACTIVE:
            return state.with_part(RETURNED, part)
        if state.is_none(value) and state.phase is Phase.ABSENT:
            return state.with_fact(RETURNED, Fact.NONE)
        return state

    def entering(self, block: int, state: State) -> State:
        return self._forgetting.without_the_rest(block, state)

    def coarser(self, state: State) -> State:
        kept = (f for f in state.facts if f[0] in self.nearest)
        return replace(state, facts=frozenset(kept))
