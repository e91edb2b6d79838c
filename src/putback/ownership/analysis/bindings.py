"""The transfer functions of names and containers: aliases, attributes, tuples, closures."""

from __future__ import annotations

from putback.flow import ir
from putback.flow.names import dotted
from putback.flow.solve import Outcome
from putback.ownership.analysis import lending
from putback.ownership.analysis.domain import ACTIVE, UNBOUND, Fact, Phase, State
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.guards import OWN
from putback.ownership.analysis.handlers import DRIVERS
from putback.ownership.analysis.marks import (
    AUTOCOMMIT,
    BOUND,
    BOUND_CLOSE,
    CARRIER,
    CLOSURE,
    LATER,
    LOST,
    NEEDING,
    RELEASER,
    STREAM,
    TUPLE,
)


def assign(domain: Following, op: ir.Assign, state: State) -> Outcome[State]:
    """One more name for the connection, or one less."""
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
    after = after.rebound(target)
    if target in domain.guards and fact not in (None, *UNBOUND):
        after = after.with_fact(target, fact)
    defects = (LOST,) if state.is_held() and state.refs and not after.refs else ()
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
        return Outcome((state._replace(refs=state.refs | {op.target}),))
    if domain.is_ambient and (part := state.child_type(path)) is not None:
        return Outcome((state._replace(children=state.children | {(op.target, part)}),))
    child = state.child_type(op.base) or ""
    is_passed_on = child.startswith(CARRIER) and domain.program.delegates_text(child.removeprefix(CARRIER), op.name)
    is_its = op.base in state.refs or is_passed_on
    attribute = domain.program.catalog.attribute(domain.kind.type if is_its else child, op.name)
    if attribute is not None and attribute.type == domain.kind.type:  # `cursor.connection` is the connection
        return Outcome((state._replace(refs=state.refs | {op.target}),))
    if child and not child.startswith("<") and domain.effect(state, op.base, op.name) is not None:
        return Outcome((state._replace(children=state.children | {(op.target, BOUND)}),))
    if not is_its:
        return Outcome((state,))
    effect = domain.effect(state, op.base, op.name)
    if effect is not None and (effect.closes or effect.releases_self):
        bound = BOUND_CLOSE if effect.closes else RELEASER
        return Outcome((state._replace(children=state.children | {(op.target, bound)}),))
    if effect is not None:
        return Outcome((state._replace(children=state.children | {(op.target, BOUND)}),))
    if attribute is not None and op.base in state.refs and domain.program.catalog.kind_of(attribute.type) is not None:
        return Outcome((state._replace(children=state.children | {(op.target, attribute.type)}),))
    if attribute is not None and attribute.while_held is not None and state.phase in (*ACTIVE, Phase.PENDING):
        return Outcome((state.with_fact(op.target, Fact.TRUE if attribute.while_held else Fact.FALSE),))
    return Outcome((state,))


def store_attr(domain: Following, op: ir.StoreAttr, state: State) -> Outcome[State]:
    """An attribute keeps it, or a switch of the connection is set."""
    if op.base in state.refs and op.name in domain.kind.autocommit:
        off = op.source != ir.FALSE and (op.source != ir.NONE or "None" in domain.kind.autocommit[op.name])
        return Outcome((state.with_fact(AUTOCOMMIT, Fact.TRUE if off else Fact.FALSE),))
    child = state.child_type(op.source)
    doubtful = lending.kept(state, op.source)
    kept = domain.is_owner(state, op.source) or (child is not None and not doubtful)
    path = f"{op.base}.{op.name}"
    if path == domain.site.name and domain.is_ambient:
        return Outcome((domain.replaced(state),))
    state = state.without(path).rebound(path)
    if not kept:
        return Outcome((state,), (), doubtful)
    if domain.site.acquisition.parked and path.startswith(OWN):
        return Outcome((state._replace(refs=state.refs | {path}) if op.source in state.refs else state,))
    return Outcome((domain.pass_on(state)._replace(refs=state.refs | {path}),))


def item(domain: Following, op: ir.Item, state: State) -> Outcome[State]:
    """The connection out of a tuple, or a row of a query that runs for it."""
    child = state.child_type(op.base)
    effect = domain.effect(state, op.base, "__getitem__")
    if effect is not None and effect.executes:
        return domain.may_raise(domain.executed(state, op.at), broke=op.at, exception=DRIVERS)
    if child is not None and child == f"{TUPLE}{op.index}":
        return Outcome((state._replace(refs=state.refs | {op.target}),))
    return Outcome((state,)) if state.exception else domain.may_raise(state)  # a second fault is not counted


def store_item(domain: Following, op: ir.StoreItem, state: State) -> Outcome[State]:
    """A container keeps it, unless that dies with the function."""
    if domain.is_owner(state, op.source) and op.base not in domain.hoards:
        return Outcome((domain.pass_on(state),))
    return Outcome((state,), (), lending.kept(state, op.source))


def unpack(domain: Following, op: ir.Unpack, state: State) -> Outcome[State]:
    """The connection out of a tuple, by its place."""
    child = state.child_type(op.source)
    if child is None or not child.startswith(TUPLE):
        return domain.may_raise(state) if op.source not in state.refs else Outcome((state,))
    index = int(child.removeprefix(TUPLE) or 0)
    if index >= len(op.targets):
        return Outcome((domain.pass_on(state),))
    after = state.without(op.source) if ir.is_temporary(op.source) else state
    return Outcome((after._replace(refs=after.refs | {op.targets[index]}),))


def build(domain: Following, op: ir.Build, state: State) -> Outcome[State]:
    """A tuple around it is followed; any other container keeps it, unless that dies with the function."""
    if op.target in domain.hoards:
        return Outcome((state,))
    held = [i for i, e in enumerate(op.elements) if domain.is_owner(state, e)]
    if not held:
        needing = next((c for e in op.elements if (c := state.child_type(e)) in (NEEDING, STREAM)), None)
        return Outcome((state if needing is None else lending.with_child(state, op.target, needing),))
    if op.is_tuple:
        return Outcome((state._replace(children=state.children | {(op.target, f"{TUPLE}{held[0]}")}),))
    return Outcome((domain.pass_on(state),))


def delete(domain: Following, op: ir.Delete, state: State) -> Outcome[State]:
    """`del name`."""
    after = state.without(op.name).rebound(op.name)
    if op.name in domain.guards:
        after = after.with_fact(op.name, Fact.UNBOUND)
    lost = state.is_held() and bool(state.refs) and not after.refs
    return Outcome((domain.pass_on(after) if lost else after,), (), (LOST,) if lost else ())


def closure(domain: Following, op: ir.Closure, state: State) -> Outcome[State]:
    """A nested function that captures it, or that may bind what is unbound here."""
    for name in op.captured:
        if state.fact(name) in UNBOUND:
            state = state.with_fact(name, None)
    if any(name in state.refs for name in op.captured):
        return Outcome((state._replace(children=state.children | {(op.target, f"{CLOSURE}{op.qualname}")}),))
    if any(_belongs(state, name) for name in op.captured):
        return Outcome((state._replace(children=state.children | {(op.target, BOUND)}),))
    return Outcome((state,))


def _belongs(state: State, name: str) -> bool:
    """Whether a name is a cursor or the like."""
    child = state.child_type(name)
    return child is not None and not child.startswith("<")


def decorate(domain: Following, op: ir.Decorate, state: State) -> Outcome[State]:
    """A nested function with decorators: they may register it, to be called when this function has ended."""
    child = state.child_type(op.source)
    if child is None:
        return Outcome((state,))
    state = state._replace(children=state.children | {(op.target, child)})
    if domain.program.decorates_only(domain.unit, op):
        return Outcome((state,))
    if child.startswith(CLOSURE) and domain.summaries.closure_releases(
        domain.unit, child.removeprefix(CLOSURE), domain.bare, state
    ):
        return Outcome((domain.pass_on(state),))
    return Outcome((state,), (), (LATER,))


def nested_class(domain: Following, op: ir.NestedClass, state: State) -> Outcome[State]:
    """A class whose methods capture it: its objects own it if one of them gives it back."""
    children = [c for m in op.methods if (c := state.child_type(m)) is not None]
    closures = [c.removeprefix(CLOSURE) for c in children if c.startswith(CLOSURE)]
    if any(domain.closure_releases(key, state) for key in closures):
        return Outcome((domain.pass_on(state),))
    return Outcome((state._replace(children=state.children | {(op.target, NEEDING)}) if children else state,))
