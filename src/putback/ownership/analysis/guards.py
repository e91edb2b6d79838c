"""Which names and conditions are worth remembering for one site: those that decide whether it is released.

Everything else would only multiply paths. A condition guards the connection when a call with the connection can be
reached from one of its branches and not from the other, a few blocks deep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from putback.flow import ir
from putback.flow.builder import successors
from putback.flow.names import Member, dotted
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.asked import IS_NONE
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit

_DEEP = 5


def aliases(unit: Unit, site: Site, deriving: frozenset[str] = frozenset()) -> frozenset[str]:
    """Every value that may be the connection, an object around it, or a child of it, whatever the order of statements.

    `deriving` are the methods whose results belong to the connection (`cursor`).
    """
    made = [o for o in unit.ops() if isinstance(o, ir.Call) and o.at == site.at]
    todo = [o.receiver if site.acquisition.itself else o.target for o in made]
    todo += [site.name] if site.at is None else []
    found: set[str] = set()
    while todo:
        value = todo.pop()
        if value not in found:
            found.add(value)
            todo += [target for target, method in _flows(unit).get(value, ()) if not method or method in deriving]
    return frozenset(found)


def own_names(unit: Unit, site: Site) -> frozenset[str]:
    """The values that are the connection itself in the function that acquires it, whatever the order of statements."""
    todo = [o.receiver if site.acquisition.itself else o.target for o in _calls(unit) if o.at == site.at]
    found: set[str] = set()
    while todo:
        value = todo.pop()
        if value not in found:
            found.add(value)
            todo += [o.target for o in unit.ops() if isinstance(o, (ir.Assign, ir.Await)) and o.source == value]
            todo += [o.target for o in unit.ops() if isinstance(o, ir.Enter) and o.manager == value]
    return frozenset(found)


def _flows(unit: Unit) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Where each value of a function can be found again, and as the result of which method of it ("": always)."""
    if unit.flows is None:
        unit.flows = {}
        for op in unit.ops():
            for value, target, method in _flow(op):
                unit.flows.setdefault(value, []).append((target, method))
    return unit.flows


def _flow(op: ir.Op) -> Iterator[tuple[str, str, str]]:
    match op:
        case ir.Assign(target=target, source=source) | ir.Await(target=target, source=source):
            yield source, target, ""
        case ir.Enter(target=target, manager=manager):
            yield manager, target, ""
        case ir.Unpack(targets=targets, source=source):
            yield from ((source, target, "") for target in targets)
        case ir.Item(target=target, base=base):
            yield base, target, ""
        case ir.Build(target=target, elements=elements, is_tuple=True):
            yield from ((element, target, "") for element in elements)
        case ir.Call(target=target, receiver=receiver, arguments=arguments, name=name):
            if name:
                yield receiver, target, name
            yield from ((argument.value, target, "") for argument in arguments)  # it may be an object around that


def guards(unit: Unit, names: frozenset[str], releasing: frozenset[str], deep: int = _DEEP) -> frozenset[str]:
    """The names, and conditions with a leading "?", that decide about the connection known as `names`.

    `releasing` are the methods of the connection that give it back. A branch decides if that happens up to `deep`
    blocks behind it, and a flag decides where a call is on one of its ways, which may raise.
    """
    blocks = unit.function.blocks
    touching = {b.id for b in blocks if any(_touches(o, names, releasing) for o in b.ops) or _returns(b, names)}
    calling = {b.id for b in blocks if any(isinstance(o, ir.Call) for o in b.ops)}
    set_by_hand = _set_by_hand(unit)
    found: set[str] = set()
    copies: list[tuple[str, str]] = []
    for block in blocks:
        if not isinstance(block.end, ir.Branch):
            pass
        elif _decides(blocks, block.end, touching, deep):
            found.update(_asked(block.end.test))
        elif block.end.test.subject in set_by_hand and _decides(blocks, block.end, calling, 0):
            found.add(block.end.test.subject)
        for op in block.ops:
            if isinstance(op, ir.Assign) and not op.source.startswith("="):
                copies.append((op.target, op.source))
    grown = True
    while grown:
        more = {*(s for t, s in copies if t in found), *_asked_for(blocks, found)} - found
        found |= more
        grown = bool(more)
    return frozenset(found | names)


def _set_by_hand(unit: Unit) -> set[str]:
    """The names of a function that are somewhere given True, False or None."""
    params = {p.name for p in unit.function.params}
    constants = (ir.TRUE, ir.FALSE, ir.NONE)
    given = (op for op in unit.ops() if isinstance(op, ir.Assign) and op.source in constants)
    return {op.target for op in given if ir.is_local(op.target)} - params


def _asked_for(blocks: list[ir.Block], flags: set[str]) -> Iterator[str]:
    """What the branches ask of which each way gives one of these flags its value: `own = conn is None`."""
    setting = {b.id for b in blocks if any(_sets(o, flags) for o in b.ops)}
    for block in blocks if setting else ():
        if isinstance(block.end, ir.Branch) and _decides(blocks, block.end, setting, 0):
            yield from _asked(block.end.test)


def _sets(op: ir.Op, flags: set[str]) -> bool:
    return isinstance(op, ir.Assign) and op.target in flags and op.source in (ir.TRUE, ir.FALSE, ir.NONE)


def _asked(test: ir.Test) -> Iterator[str]:
    """The names that a test asks of, and the test itself with a leading "?"."""
    yield from (value for value in (test.subject, test.other) if value and not value.startswith("="))
    if test.key:
        yield f"?{test.key.removesuffix(IS_NONE)}"


def is_taken_for_object(unit: Unit, site: Site) -> bool:
    """Whether an attribute of the object decides if a connection is taken: `self.conn or pool.getconn()`, also in
    another method of it.

    Whether it is to be given back is then for the object to know, by this attribute or by another one.
    """
    blocks = unit.function.blocks
    asking = (b.end for b in blocks if isinstance(b.end, ir.Branch) and unit.own_attribute(b.end.test.key))
    taking = {b.id for b in blocks if any(isinstance(o, ir.Call) and o.at == site.at for o in b.ops)}
    asked = {o.receiver for o in _calls(unit) if o.at == site.at}
    if site.acquisition.known_before and unit.own and unit.own in asked:
        return True
    return any(not taking.isdisjoint((branch.then, branch.orelse)) for branch in asking)


def _calls(unit: Unit) -> Iterator[ir.Call]:
    return (op for op in unit.ops() if isinstance(op, ir.Call))


def takes_what_is_there(unit: Unit, op: ir.Call) -> bool:
    """Whether a call takes out of a collection what the branch around it has found there: `if x in c: c.remove(x)`."""
    if op.name not in idioms().containers.removing or not op.expr.args:
        return False
    base = dotted(op.expr.func.base) if isinstance(op.expr.func, Member) else None
    wanted = dotted(op.expr.args[0])
    blocks = unit.function.blocks
    here = next(b.id for b in blocks if op in b.ops)
    found = (b.end for b in blocks if isinstance(b.end, ir.Branch) and b.end.then == here)
    return bool(base and wanted) and any(branch.test.key == f"{wanted} {base} In" for branch in found)


def copies(unit: Unit, names: frozenset[str]) -> Mapping[str, str]:
    """Names that are the connection or else what a parameter is: `s = db`, and `s = connect()` if that is None."""
    params = {p.name for p in unit.function.params}
    sources: dict[str, set[str]] = {}
    for op in unit.ops():
        if isinstance(op, ir.Assign):
            sources.setdefault(op.target, set()).add(op.source)
    given = {target: found - names for target, found in sources.items() if target in names}
    only = {target: next(iter(found)) for target, found in given.items() if len(found) == 1}
    return {target: param for target, param in only.items() if param in params and param not in sources}


def flags(unit: Unit) -> frozenset[str]:
    """The names by which a handler tells the code behind it that something has failed: `ok = False`, `error = e`."""
    blocks = unit.function.blocks
    tested = {b.end.test.subject for b in blocks if isinstance(b.end, ir.Branch)}
    return frozenset(name for block in blocks for name in _set_in_handler(block, tested))


def _set_in_handler(block: ir.Block, tested: set[ir.Val]) -> Iterator[str]:
    caught = ""
    for op in block.ops:
        if isinstance(op, ir.Catch):
            caught = op.name or ir.TRUE
        elif isinstance(op, ir.Assign) and op.target in tested and caught:
            if op.source == caught:
                yield from (op.target, caught)
            elif op.source in (ir.TRUE, ir.FALSE, ir.NONE):
                yield op.target


def _decides(blocks: list[ir.Block], branch: ir.Branch, touching: set[int], deep: int) -> bool:
    then, orelse = _near(blocks, branch.then, deep), _near(blocks, branch.orelse, deep)
    return bool((then ^ orelse) & touching)


def _near(blocks: list[ir.Block], start: int, deep: int) -> set[int]:
    found = {start}
    front = [start]
    for _ in range(deep):
        front = [s for b in front for s in successors(blocks[b]) if s != blocks[b].handler and s not in found]
        found.update(front)
    return found


def _touches(op: ir.Op, names: frozenset[str], releasing: frozenset[str]) -> bool:
    match op:
        case ir.Call():
            own = op.receiver in names
            return (own and op.name in releasing) or (not own and any(a.value in names for a in op.arguments))
        case ir.StoreAttr(source=value) | ir.StoreItem(source=value):
            return value in names
        case _:
            return False


def _returns(block: ir.Block, names: frozenset[str]) -> bool:
    return isinstance(block.end, ir.Return) and block.end.value in names
