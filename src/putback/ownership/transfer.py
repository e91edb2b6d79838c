"""The transfer functions: what one operation does to the state of one site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from putback.drivers.schema import Begin, Close, Effect, On, With
from putback.flow import ir
from putback.flow.solve import Outcome
from putback.ownership import guards, handlers
from putback.ownership.domain import Fact, Phase, State
from putback.ownership.site import Site
from putback.ownership.unit import Unit

if TYPE_CHECKING:
    from putback.ownership.analyzer import Analyzer

RETURNED = "<returned>"
RETURNED_NONE = "<returned None>"
RETURNED_OWNER = "<returned owner>"
RETURNED_CLOSED = "<returned closed>"

# child types that are not types of a driver
CARRIER = "<carrier>"
CLOSING = "<closing>"
BORROWING = "<borrowing>"
CLOSURE = "<closure>"
RELEASER = "<releaser>"
BOUND_CLOSE = "<releaser>close"
TUPLE = "<tuple>"
OWNED = "owner#"
OWNERS = (CARRIER, CLOSING, CLOSURE, RELEASER, TUPLE)

LOST = "lost"
YIELDED = "yielded"
TWICE = "released-twice"
AFTER = "used-after-release"
UNAWAITED = "release-not-awaited"
UNBOUND = "release-of-unbound"
UNENTERED = "never-entered"
WITH_KEEPS = "with-keeps"
CLOSING_KEEPS = "closing-keeps"
UNMENDED_USED = "unmended-used"

_ACTIVE = (Phase.HELD, Phase.MANAGED, Phase.IDLE)
_AUTOCOMMIT = "#autocommit"


class SiteDomain:
    """Follows one site through one function: a Domain of flow.solve."""

    def __init__(self, analyzer: Analyzer, unit: Unit, site: Site, phase: Phase = Phase.HELD) -> None:
        self.analyzer = analyzer
        self.unit = unit
        self.site = site
        self.kind = site.kind
        self.start_phase = phase
        self.names = guards.aliases(unit, site, analyzer.methods_that(site.kind, "derive"))
        entered_only = site.acquisition.on == (On.ENTER,)
        releasing = analyzer.methods_that(site.kind, "release")
        self.pools = analyzer.pools_of_releases(unit, self.names)
        self.guards = self.names if entered_only else guards.guards(unit, self.names, releasing)
        self._steps = {
            ir.Assign: self._assign,
            ir.StoreGlobal: self._store_global,
            ir.Attr: self._attr,
            ir.StoreAttr: self._store_attr,
            ir.Item: self._item,
            ir.StoreItem: self._store_item,
            ir.Unpack: self._unpack,
            ir.Build: self._build,
            ir.Call: self._call,
            ir.Await: self._await,
            ir.Enter: self._enter,
            ir.Exit: self._exit,
            ir.Next: self._next,
            ir.Yield: self._yield,
            ir.Closure: self._closure,
            ir.Catch: self._catch,
            ir.EndCatch: self._end_catch,
            ir.Delete: self._delete,
        }

    # -- the Domain protocol

    def initial(self) -> Sequence[State]:
        owner = self.site.acquisition.owner
        if self.site.at < 0 and owner is not None:
            child = (self.site.name, f"{CARRIER}{owner.encode()}")
            return [State(self.start_phase, frozenset({OWNED}), frozenset({child}))]
        if self.site.at < 0:
            return [State(self.start_phase, frozenset({self.site.name}))]
        params = {p.name for p in self.unit.function.params}
        unbound = (self.unit.function.assigned & self.guards) - params - self.unit.function.globals
        return [State(Phase.ABSENT, facts=frozenset((n, Fact.UNBOUND) for n in unbound))]

    def step(self, op: ir.Op, state: State) -> Outcome[State]:
        handler = self._steps.get(type(op))
        return handler(op, state) if handler is not None else Outcome((state,))  # type: ignore[operator]

    def assume(self, test: ir.Test, state: State, holds: bool) -> State | None:
        if test.kind == "bound":
            bound = state.fact(test.subject) is not Fact.UNBOUND
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
        return self._learn_key(test.key, state, holds)

    def _learn(self, test: ir.Test, state: State, holds: bool) -> State | None:
        name = test.subject
        if not ir.is_local(name) or name not in self.guards:
            return self._learn_key(test.key, state, holds)
        if test.kind == "none":
            return state.with_fact(name, Fact.NONE if holds else Fact.PRESENT)
        return state.with_fact(name, Fact.TRUTHY if holds else Fact.FALSY)

    def _learn_key(self, key: str, state: State, holds: bool) -> State | None:
        key = f"?{key}"
        if key not in self.guards:
            return state
        known = state.fact(key)
        if known is not None:
            return state if (known is Fact.TRUE) == holds else None
        return state.with_fact(key, Fact.TRUE if holds else Fact.FALSE)

    def dispatch(self, end: ir.Dispatch, state: State) -> Sequence[tuple[int | None, State]]:
        found: list[tuple[int | None, State]] = []
        for clause in end.clauses:
            caught = handlers.catches(clause.types, state.exception or handlers.UNKNOWN)
            if caught is not False:
                found.append((clause.target, state))
            if caught:
                return found
        return [*found, (None, state)]

    def resume(self, end: ir.Resume, state: State) -> tuple[State | None, State | None]:
        types = self.analyzer.swallows(self.unit, end.group) if end.group >= 0 else None
        caught = handlers.catches(types, state.exception or handlers.UNKNOWN) if types is not None else False
        return (None if caught else state), (None if caught is False else state._replace(exception="", broke=False))

    def raising(self, end: ir.Raise, state: State) -> State:
        return self._raised(state._replace(exception=end.type or state.exception or handlers.UNKNOWN), "")

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
            return state._replace(phase=Phase.PASSED if state.phase in _ACTIVE else state.phase, refs=refs)
        if state.is_none(value) and state.phase is Phase.ABSENT:
            return state._replace(refs=frozenset({RETURNED_NONE}))
        return state

    def coarser(self, state: State) -> State:
        return state._replace(facts=frozenset(f for f in state.facts if f[0] in self.names))

    # -- building blocks

    def _raised(self, state: State, exception: str) -> State:
        """The state on an exception edge: the expression is abandoned."""
        state = state.without_temporaries()
        return state._replace(exception=exception) if exception else state

    def may_raise(
        self, after: State, at_raise: State | None = None, awaited: bool = False, broke: bool = False
    ) -> Outcome[State]:
        """Go on with `after`, or raise with `at_raise` (default: the same); an awaited operation can be cancelled too.

        `broke`: it is a statement on the connection that fails.
        """
        base = at_raise if at_raise is not None else after
        if broke and base.opened >= 0:
            base = base._replace(broke=True)
        raised = [self._raised(base, handlers.UNKNOWN)]
        if awaited:
            raised.append(self._raised(base, handlers.CANCELLED))
        return Outcome((after,), tuple(raised))

    def pass_on(self, state: State) -> State:
        """Somebody else owns the connection from now on: what guarded it here does not matter any more."""
        if state.phase not in (*_ACTIVE, Phase.PENDING):
            return state
        return state._replace(phase=Phase.PASSED, facts=frozenset(), opened=-1, unmended=-1)

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
        return state._replace(phase=Phase.RELEASED, opened=-1)

    def tried(self, state: State) -> State:
        """A release was tried and failed: nobody can do more."""
        return state._replace(phase=Phase.PASSED, facts=frozenset(), opened=-1, unmended=-1)

    def closed(self, state: State) -> State:
        """`close()` was called on the connection itself; inside of a `with` that gives it back that is harmless."""
        if state.phase is Phase.MANAGED:
            return state
        if self.kind.close in (Close.LEAKS, Close.FREES):
            return state._replace(phase=Phase.CLOSED, opened=-1)
        return state if self.kind.close is Close.IGNORED else self.released(state)

    def executed(self, state: State, at: int) -> State:
        """A statement ran: a lazy session holds a connection now, and a transaction is open."""
        if self.kind.lazy and state.phase in (Phase.IDLE, Phase.RELEASED):
            state = state._replace(phase=Phase.HELD)
        if self.kind.autobegin is Begin.NONE or state.fact(_AUTOCOMMIT) is not None or state.opened >= 0:
            return state
        return state._replace(opened=at)

    def ended(self, state: State, how: str) -> State:
        """A commit or rollback."""
        state = state._replace(opened=-1, unmended=-1)
        return state._replace(phase=Phase.IDLE) if self.kind.lazy and state.phase is Phase.HELD else state

    # -- names and containers

    def _assign(self, op: ir.Assign, state: State) -> Outcome[State]:
        target, source = op.target, op.source
        if target == source:
            return Outcome((state,))
        is_ref, child = source in state.refs, state.child_type(source)
        fact = state.fact(source)
        after = state.without(target)
        if ir.is_temporary(source):
            after = after.without(source)
        if is_ref:
            after = after._replace(refs=after.refs | {target})
        elif child is not None:
            after = after._replace(children=after.children | {(target, child)})
        after = self._rebound(after, target)
        if target in self.guards and fact is not None and fact is not Fact.UNBOUND:
            after = after.with_fact(target, fact)
        defects = (LOST,) if state.is_held() and state.refs and not after.refs else ()
        return Outcome((self.pass_on(after) if defects else after,), (), defects)

    @staticmethod
    def _rebound(state: State, name: str) -> State:
        """Forget what was known of `name` and of conditions about it."""
        kept = frozenset(f for f in state.facts if f[0] != name and not _about(f[0], name))
        return state if len(kept) == len(state.facts) else state._replace(facts=kept)

    def _store_global(self, op: ir.StoreGlobal, state: State) -> Outcome[State]:
        return Outcome((self.pass_on(state) if self.is_owner(state, op.source) else state,))

    def _attr(self, op: ir.Attr, state: State) -> Outcome[State]:
        if f"{op.base}.{op.name}" in state.refs:
            return Outcome((state._replace(refs=state.refs | {op.target}),))
        child = state.child_type(op.base) or ""
        delegated = child.startswith(CARRIER) and self.analyzer.delegates_text(child.removeprefix(CARRIER))
        if op.base not in state.refs and not delegated:
            return Outcome((state,))
        effect = self.effect(state, op.base, op.name)
        if effect is not None and (effect.closes or effect.releases_self):
            bound = BOUND_CLOSE if effect.closes else RELEASER
            return Outcome((state._replace(children=state.children | {(op.target, bound)}),))
        attribute = self.analyzer.catalog.attribute(self.kind.type, op.name)
        if attribute is not None and attribute.while_held is not None and state.phase in (*_ACTIVE, Phase.PENDING):
            return Outcome((state.with_fact(op.target, Fact.TRUE if attribute.while_held else Fact.FALSE),))
        return Outcome((state,))

    def _store_attr(self, op: ir.StoreAttr, state: State) -> Outcome[State]:
        if op.base in state.refs and op.name in ("autocommit", "isolation_level"):
            return Outcome((state.with_fact(_AUTOCOMMIT, Fact.FALSE if op.source == ir.FALSE else Fact.TRUE),))
        child = state.child_type(op.source)
        kept = self.is_owner(state, op.source) or child is not None
        path = f"{op.base}.{op.name}"
        state = self._rebound(state.without(path), path)
        if not kept:
            return Outcome((state,))
        return Outcome((self.pass_on(state)._replace(refs=state.refs | {path}),))

    def _item(self, op: ir.Item, state: State) -> Outcome[State]:
        child = state.child_type(op.base)
        if child is not None and child == f"{TUPLE}{op.index}":
            return Outcome((state._replace(refs=state.refs | {op.target}),))
        return Outcome((state,)) if state.exception else self.may_raise(state)  # a second fault is not counted

    def _store_item(self, op: ir.StoreItem, state: State) -> Outcome[State]:
        return Outcome((self.pass_on(state) if self.is_owner(state, op.source) else state,))

    def _unpack(self, op: ir.Unpack, state: State) -> Outcome[State]:
        child = state.child_type(op.source)
        if child is None or not child.startswith(TUPLE):
            return self.may_raise(state) if op.source not in state.refs else Outcome((state,))
        index = int(child.removeprefix(TUPLE) or 0)
        if index >= len(op.targets):
            return Outcome((self.pass_on(state),))
        after = state.without(op.source) if ir.is_temporary(op.source) else state
        return Outcome((after._replace(refs=after.refs | {op.targets[index]}),))

    def _build(self, op: ir.Build, state: State) -> Outcome[State]:
        held = [i for i, e in enumerate(op.elements) if self.is_owner(state, e)]
        if not held:
            return Outcome((state,))
        if op.is_tuple:
            return Outcome((state._replace(children=state.children | {(op.target, f"{TUPLE}{held[0]}")}),))
        return Outcome((self.pass_on(state),))

    def _delete(self, op: ir.Delete, state: State) -> Outcome[State]:
        after = self._rebound(state.without(op.name), op.name)
        if op.name in self.guards:
            after = after.with_fact(op.name, Fact.UNBOUND)
        lost = state.is_held() and bool(state.refs) and not after.refs
        return Outcome((self.pass_on(after) if lost else after,), (), (LOST,) if lost else ())

    # -- calls, awaits, with

    def _call(self, op: ir.Call, state: State) -> Outcome[State]:
        from putback.ownership.calls import call

        return call(self, op, state)

    def _await(self, op: ir.Await, state: State) -> Outcome[State]:
        before = state
        if op.source in state.refs:
            state = state.without(op.source) if ir.is_temporary(op.source) else state
            state = state._replace(refs=state.refs | {op.target})
            if state.phase is Phase.PENDING and On.AWAIT in self.site.acquisition.on:
                state = self.acquired(state)
        elif (child := state.child_type(op.source)) is not None:
            state = state.without(op.source) if ir.is_temporary(op.source) else state
            state = state._replace(children=state.children | {(op.target, child)})
        return Outcome((state,)) if op.direct else self.may_raise(state, before, awaited=True)

    def acquired(self, state: State) -> State:
        """The acquire has happened."""
        return state._replace(phase=Phase.IDLE if self.kind.lazy else Phase.HELD)

    def _enter(self, op: ir.Enter, state: State) -> Outcome[State]:
        if op.manager in state.refs:
            return self._enter_connection(op, state)
        child = state.child_type(op.manager)
        if child in (CLOSING, BORROWING):
            return Outcome((state._replace(refs=state.refs | {op.target}),))
        if child is not None:
            entered = state._replace(children=state.children | {(op.target, child)})
            return Outcome((entered,)) if child.startswith(CARRIER) else self.may_raise(entered, state)
        if self.analyzer.enters_quietly(self.unit, op):
            return Outcome((state,))
        return self.may_raise(state, awaited=op.is_async)

    def _enter_connection(self, op: ir.Enter, state: State) -> Outcome[State]:
        entered = state._replace(refs=state.refs | {op.target})
        if state.phase is Phase.PENDING:
            if On.ENTER not in self.site.acquisition.on:
                return Outcome((self.pass_on(entered),))
            gone = self._raised(state._replace(phase=Phase.ABSENT, refs=frozenset()), handlers.UNKNOWN)
            return Outcome((entered._replace(phase=Phase.MANAGED),), (gone,))
        keeps = self.kind.with_ in (With.TRANSACTION, With.ERROR) and state.is_held()
        return Outcome((entered,), (), (WITH_KEEPS,) if keeps else ())

    def _exit(self, op: ir.Exit, state: State) -> Outcome[State]:
        if op.manager in state.refs:
            return self._exit_connection(op, state)
        child = state.child_type(op.manager)
        state = state.without(op.manager)
        if child is not None and child.startswith(CARRIER):
            from putback.ownership.calls import owner_exit

            return owner_exit(self, op, state, child)
        if child == CLOSING:
            after = self.closed(state)
            return Outcome((after,), (), (CLOSING_KEEPS,) if after.phase is Phase.CLOSED else ())
        if child is None or child.startswith("<"):
            return Outcome((state,))
        dunder = "__aexit__" if op.is_async else "__exit__"
        effect = self.analyzer.catalog.method(child, dunder) or self.analyzer.catalog.method(child, "__exit__")
        if effect is None or not effect.ends:
            return Outcome((state._replace(broke=False) if effect is not None and op.exceptional else state,))
        unmended = (UNMENDED_USED,) if state.unmended >= 0 and not op.exceptional else ()
        after = self.ended(state, effect.ends)
        if op.exceptional:
            return Outcome((after,))
        return Outcome((after,), (self._raised(after, handlers.UNKNOWN),), unmended)

    def _exit_connection(self, op: ir.Exit, state: State) -> Outcome[State]:
        if state.phase is Phase.MANAGED:
            return Outcome((self.released(state),))
        match self.kind.with_:
            case With.RELEASES:
                return Outcome((self.released(state),))
            case With.CLOSES:
                after = self.closed(state)
                return Outcome((after,), (), (CLOSING_KEEPS,) if after.phase is Phase.CLOSED else ())
            case With.TRANSACTION:
                defects = self.mending(state, UNMENDED_USED) if not op.exceptional else ()
                return Outcome((state._replace(opened=-1, unmended=-1),), (), defects)
            case _:
                return Outcome((state,))

    @staticmethod
    def mending(state: State, what: str) -> tuple[str, ...]:
        """The defect `what` when a handler has swallowed an error without a rollback."""
        return (f"{what}:{state.unmended}",) if state.unmended >= 0 else ()

    def _next(self, op: ir.Next, state: State) -> Outcome[State]:
        return self.may_raise(state, awaited=op.is_async)

    def _yield(self, op: ir.Yield, state: State) -> Outcome[State]:
        if op.delegate or state.phase is Phase.ABSENT:
            return self.may_raise(state)
        defects = (YIELDED,) if op.source in state.refs and state.phase is not Phase.PENDING else ()
        if defects and state.phase is Phase.IDLE:
            state = state._replace(phase=Phase.HELD)  # whoever gets the session runs statements on it
        raised = tuple(self._raised(state, e) for e in self.analyzer.thrown_at_yield(self.unit))
        return Outcome((state,), raised, defects)

    def _closure(self, op: ir.Closure, state: State) -> Outcome[State]:
        if any(name in state.refs for name in op.captured):
            return Outcome((state._replace(children=state.children | {(op.target, f"{CLOSURE}{op.qualname}")}),))
        return Outcome((state,))

    # -- exceptions

    def _catch(self, op: ir.Catch, state: State) -> Outcome[State]:
        if op.name:
            state = self._rebound(state.without(op.name), op.name)
        if state.broke and state.opened >= 0 and state.phase in _ACTIVE and state.unmended < 0:
            state = state._replace(unmended=op.at)
        return Outcome((state._replace(broke=False) if state.broke else state,))

    def _end_catch(self, op: ir.EndCatch, state: State) -> Outcome[State]:
        return Outcome((state._replace(exception=""),))


def _about(key: str, name: str) -> bool:
    """Whether a condition's key mentions `name`."""
    return (
        key.startswith("?") and name in key and any(name == w or w.startswith(f"{name}.") for w in key[1:].split(" "))
    )
