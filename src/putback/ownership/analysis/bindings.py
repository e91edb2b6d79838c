"""The transfer functions of names and containers: aliases, attributes, tuples, closures."""

from __future__ import annotations

from putback.flow import ir
from putback.flow.names import dotted
from putback.flow.solve import Outcome
from putback.ownership.analysis import lending
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import ACTIVE, UNBOUND, Fact, Mark, Phase, State
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.handlers import DRIVERS
from putback.ownership.analysis.parts import LAZY, Carrier, Closure, Element, Tie, Typed


def assign(domain: Following, op: ir.Assign, state: State) -> Outcome[State]:
    """One more name for the connection, or one less."""
    target, source = op.target, op.source
    if target == source:
        return Outcome((state,))
    is_ref, part = source in state.refs, state.part(source)
    fact = state.fact(source)
    after = state.without(target)
    if ir.is_temporary(source):
        after = after.without(source)
    if is_ref:
        after = after.with_ref(target)
    elif part is not None:
        after = after.with_part(target, part)
    after = after.rebound(target)
    if target in domain.guards and fact not in (None, *UNBOUND):
        after = after.with_fact(target, fact)
    defects = (Wrong.LOST,) if state.is_held() and state.refs and not after.refs else ()
    return Outcome((domain.pass_on(after) if defects else after,), (), defects)


def store_global(domain: Following, op: ir.StoreGlobal, state: State) -> Outcome[State]:
    """A global keeps it, or is another one from now on."""
    if op.name == domain.site.name and domain.is_ambient:
        return Outcome((domain.replaced(state),))
    if domain.is_owner(state, op.source):
        return Outcome((domain.pass_on(state),))
    return Outcome((state,), (), lending.kept(state, op.source))


def attr(domain: Following, op: ir.Attr, state: State) -> Outcome[State]:
    """An attribute of the object that keeps it, or of the connection itself."""
    path = f"{op.base}.{op.name}"
    if path in state.refs or (domain.deep_path in state.refs and dotted(op.expr) == domain.deep_path):
        return Outcome((state.with_ref(op.target),))
    if domain.is_ambient and (part := state.part(path)) is not None:
        return Outcome((state.with_part(op.target, part),))
    base = state.part(op.base)
    owner = base.owner if isinstance(base, Carrier) else None
    is_its = op.base in state.refs or (owner is not None and domain.program.passes_on(owner, op.name))
    attribute = domain.program.catalog.attribute(domain.kind.type if is_its else state.part_type(op.base), op.name)
    if attribute is not None and attribute.type == domain.kind.type:  # `cursor.connection` is the connection
        return Outcome((state.with_ref(op.target),))
    if isinstance(base, Typed) and domain.effect(state, op.base, op.name) is not None:
        return Outcome((state.with_part(op.target, Tie.BOUND),))
    if not is_its:
        return Outcome((state,))
    effect = domain.effect(state, op.base, op.name)
    if effect is not None and (effect.closes or effect.releases_self):
        bound = Tie.CLOSER if effect.closes else Tie.RELEASER
        return Outcome((state.with_part(op.target, bound),))
    if effect is not None:
        return Outcome((state.with_part(op.target, Tie.BOUND),))
    if attribute is not None and op.base in state.refs and domain.program.catalog.kind_of(attribute.type) is not None:
        return Outcome((state.with_part(op.target, Typed(attribute.type)),))
    if attribute is not None and attribute.while_held is not None and state.phase in (*ACTIVE, Phase.PENDING):
        return Outcome((state.with_fact(op.target, Fact.TRUE if attribute.while_held else Fact.FALSE),))
    return Outcome((state,))


def store_attr(domain: Following, op: ir.StoreAttr, state: State) -> Outcome[State]:
    """An attribute keeps it, or a switch of the connection is set."""
    if op.base in state.refs and op.name in domain.kind.autocommit:
        off = op.source != ir.FALSE and (op.source != ir.NONE or "None" in domain.kind.autocommit[op.name])
        return Outcome((state.with_mark(Mark.AUTOCOMMIT) if off else state.without_mark(Mark.AUTOCOMMIT),))
    doubtful = lending.kept(state, op.source)
    kept = domain.is_owner(state, op.source) or (state.part(op.source) is not None and not doubtful)
    path = f"{op.base}.{op.name}"
    if path == domain.site.name and domain.is_ambient:
        return Outcome((domain.replaced(state),))
    state = state.without(path).rebound(path)
    if not kept:
        return Outcome((state,), (), doubtful)
    if domain.site.acquisition.parked and domain.unit.own_attribute(path):
        return Outcome((state.with_ref(path) if op.source in state.refs else state,))
    after = domain.pass_on(state).with_ref(path)
    around = None if op.source in state.refs else state.part(op.source)
    return Outcome((after if around is None else after.with_part(path, around),))


def item(domain: Following, op: ir.Item, state: State) -> Outcome[State]:
    """The connection out of a tuple, or a row of a query that runs for it."""
    effect = domain.effect(state, op.base, "__getitem__")
    if effect is not None and effect.executes:
        return domain.may_raise(domain.executed(state, op.at), broke=op.at, exception=DRIVERS)
    part = state.part(op.base)
    if isinstance(part, Element) and part.index == op.index:
        return Outcome((state.with_ref(op.target),))
    if isinstance(part, Element) and (constant := part.constant(op.index)) is not None:
        return Outcome((_told(domain, state, op.target, constant),))
    if state.exception:  # a second fault is not counted
        return Outcome((state,))
    return domain.may_raise(state, exception=domain.raised_by_reading(op.base))


def store_item(domain: Following, op: ir.StoreItem, state: State) -> Outcome[State]:
    """A container keeps it, unless that dies with the function."""
    if domain.is_owner(state, op.source) and op.base in domain.lent:
        return Outcome((state,), (), (Wrong.LATER,))
    if domain.is_owner(state, op.source) and op.base not in domain.hoards:
        return Outcome((domain.pass_on(state),))
    return Outcome((state,), (), lending.kept(state, op.source))


def unpack(domain: Following, op: ir.Unpack, state: State) -> Outcome[State]:
    """The connection out of a tuple, by its place."""
    part = state.part(op.source)
    if not isinstance(part, Element):
        raised = domain.raised_by_reading(op.source)
        return domain.may_raise(state, exception=raised) if op.source not in state.refs else Outcome((state,))
    if part.index >= len(op.targets):
        return Outcome((domain.pass_on(state),))
    after = state.without(op.source) if ir.is_temporary(op.source) else state
    for place, constant in part.beside:
        after = _told(domain, after, op.targets[place], constant)
    return Outcome((after.with_ref(op.targets[part.index]),))


def _told(domain: Following, state: State, target: ir.Val, constant: ir.Val) -> State:
    """The state in which a name is known to be a constant, if somebody asks of it."""
    return state.with_fact(target, state.fact(constant)) if target in domain.guards else state


def build(domain: Following, op: ir.Build, state: State) -> Outcome[State]:
    """A tuple around it is followed; any other container keeps it, unless that dies with the function."""
    if op.target in domain.hoards:
        return Outcome((state,))
    held = [i for i, e in enumerate(op.elements) if domain.is_owner(state, e)]
    if not held:
        needing = next((p for e in op.elements if (p := state.part(e)) in LAZY), None)
        return Outcome((state if needing is None else state.with_part(op.target, needing),))
    if op.target in domain.lent:
        return Outcome((state,), (), (Wrong.LATER,))
    if op.is_tuple:
        constants = ((i, constant) for i, e in enumerate(op.elements) if (constant := state.constant(e)) is not None)
        return Outcome((state.with_part(op.target, Element(held[0], tuple(constants))),))
    return Outcome((domain.pass_on(state),))


def delete(domain: Following, op: ir.Delete, state: State) -> Outcome[State]:
    """`del name`."""
    after = state.without(op.name).rebound(op.name)
    if op.name in domain.guards:
        after = after.with_fact(op.name, Fact.UNBOUND)
    lost = state.is_held() and bool(state.refs) and not after.refs
    return Outcome((domain.pass_on(after) if lost else after,), (), (Wrong.LOST,) if lost else ())


def closure(domain: Following, op: ir.Closure, state: State) -> Outcome[State]:
    """A nested function that captures it, or that may bind what is unbound here."""
    for name in op.captured:
        if state.fact(name) in UNBOUND:
            state = state.with_fact(name, None)
    if any(name in state.refs for name in op.captured):
        return Outcome((state.with_part(op.target, Closure(op.qualname)),))
    if any(isinstance(state.part(name), Typed) for name in op.captured):
        return Outcome((state.with_part(op.target, Tie.BOUND),))
    return Outcome((state,))


def decorate(domain: Following, op: ir.Decorate, state: State) -> Outcome[State]:
    """A nested function with decorators: they may register it, to be called when this function has ended."""
    part = state.part(op.source)
    if part is None:
        return Outcome((state,))
    state = state.with_part(op.target, part)
    if domain.program.decorates_only(domain.unit, op):
        return Outcome((state,))
    if isinstance(part, Closure) and domain.closure_releases(part.key, state):
        return Outcome((domain.pass_on(state),))
    return Outcome((state,), (), (Wrong.LATER,))


def nested_class(domain: Following, op: ir.NestedClass, state: State) -> Outcome[State]:
    """A class whose methods capture it: its objects own it if one of them gives it back."""
    parts = [p for m in op.methods if (p := state.part(m)) is not None]
    if any(domain.closure_releases(p.key, state) for p in parts if isinstance(p, Closure)):
        return Outcome((domain.pass_on(state),))
    return Outcome((state.with_part(op.target, Tie.NEEDING) if parts else state,))
