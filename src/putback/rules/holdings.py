"""From the facts of the analysis to what the fixes need to know of a held connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from putback.drivers.schema import Kind
from putback.fixes.code import Code
from putback.fixes.declined import Declined
from putback.fixes.holding import ANONYMOUS, Holding, Release
from putback.fixes.region import bindings
from putback.model.config import FixStyle
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.derived import Needs
from putback.ownership.analysis.pairing import paired_method, paired_release, pool_here, why_unpaired
from putback.ownership.facts.besides import done_besides
from putback.ownership.facts.memory import may_share_memory
from putback.ownership.facts.module_globals import may_be_imported
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.stand_ins import is_replaced
from putback.ownership.facts.surroundings import Surroundings
from putback.rules.reaching import beside_wrapper
from putback.rules.rebinding import foreign_mentions, unneeded_mentions

_NO_PAIR = "the project has no function that gives it back"
_TOO_LARGE = "the functions that it calls call each other in too large a circle to be followed"
_NONE_ALONE = "the project has no function that only gives it back"


def code_of(site: SiteFacts) -> Code:
    """The function that acquires, as fixes see it. Raises Declined where nobody knows what its calls do."""
    if site.exploration.bounded:
        raise Declined(_TOO_LARGE)
    return code_for(site.function)


def code_for(facts: Surroundings) -> Code:
    """A function as fixes see it; made once for all its findings."""
    if facts.code is None:
        facts.code = Code(facts.unit.lowered, facts.unit.key, facts.rows, facts.unit.path)
    assert isinstance(facts.code, Code)
    return facts.code


def asks_truth(facts: Surroundings, type_name: str) -> bool:
    """Whether fixes ask for what is held by its truth: where the project wants it so, and what is held is true."""
    return facts.style is FixStyle.EXPLICIT and not facts.analyzer.catalog.is_falsy(type_name)


def borrowed_or_own(site: SiteFacts, handler: int) -> Holding:
    """The same as `holding`, also for a connection that the function knows without having acquired it.

    That goes by the name which the function has given it, if there is one where the handler begins.
    """
    if site.site.at is not None:
        return holding(site)
    code = code_of(site)
    name = site.held_as(handler) or site.site.name
    taken: cst.CSTNode = code.function
    if name != site.site.name:
        bound = bindings(code, name)
        if len(bound) != 1:
            raise Declined(f"`{name}` is bound more than once")
        taken = code.place(bound[0]).statement
    asks = asks_truth(site.function, site.kind.type)
    return Holding(code, taken, name, frozenset({name}), Release(), style=site.function.style, asks_truth=asks)


def holding(
    site: SiteFacts, otherwise: Sequence[str] = (), code: Code | None = None, may_unpack: bool = False
) -> Holding:
    """What the fixes need to know of a site. Raises Declined where no fix can be right.

    `otherwise` are the names to choose from where it has none; `code` is the function where some of its rows are split;
    `may_unpack`: the connection may come inside a tuple that is unpacked at once.
    """
    facts = site.function
    code = code or code_of(site)
    if site.acquisition.element is not None and not may_unpack:
        raise Declined("the connection comes inside a tuple")
    if site.unstacked_at is not None:
        raise Declined("an exit stack gives it back on other paths, which would be twice")
    unpacked = _unpacked(site, code) if site.acquisition.element is not None else ()
    if site.leaving.is_bounded:
        raise Declined(_TOO_LARGE)
    if site.has(Wrong.UNAWAITED):
        raise Declined("first its release has to be awaited")
    release_points = site.release_points
    name = _receiver_text(code, site) if site.acquisition.itself else facts.name_of(site.site)
    name = next(iter(unpacked), name) or (code.free_name(otherwise) if otherwise else "")
    reached = (*release_points.releases, *release_points.closes)
    foreign = foreign_mentions(site, code, name)
    unreached = [at for at in site.releasing_calls(name) if at not in (*reached, *foreign.operations)]
    closing = tuple(dict.fromkeys((*reached, *unreached)))
    lost = {defect.at for defect in site.defects(Wrong.LOST)}
    besides = done_besides(site, closing, name)
    needing = site.leaving.names - release_points.values - {name}
    made = Holding(
        code,
        code.node(site.site.acquired_at),
        name,
        release_points.values.union(unpacked),
        Release(),
        unpacked=bool(unpacked),
        beside=frozenset(unpacked) - release_points.values - {name},
        closers=_nodes(code, closing),
        wrong=_nodes(code, (*release_points.closes, *unreached)),
        handed_on=_nodes(code, [at for at in release_points.hands_on if at not in lost]),
        lost_at=_nodes(code, [leak.left_at for leak in site.leaks if not leak.by_exception]),
        lazy=site.kind.lazy,
        maybe_none=site.acquisition.maybe_none,
        lent=bool(release_points.yields),
        itself=site.acquisition.itself,
        style=facts.style,
        asks_truth=asks_truth(facts, site.kind.type),
        manages=site.opens_with,
        needing=site.leaving.names,
        returned=_nodes(code, site.leaving.returned),
        stored=_nodes(code, site.leaving.stored),
        yielded=() if facts.is_provider else _nodes(code, site.leaving.yielded),
        calm=frozenset(_nodes(code, release_points.calm)),
        failing=frozenset(_nodes(code, release_points.failing)),
        makes=frozenset(_nodes(code, release_points.makes)),
        foreign=foreign.mentions.union(unneeded_mentions(site.leaving, code, needing)),
        unbound=site.unbound_reads - {name},
        quick=_nodes(code, facts.cheap_calls.quick),
        logging=_nodes(code, facts.cheap_calls.logging),
        value_methods=facts.cheap_calls.value_methods,
        fetching=facts.analyzer.catalog.fetching,
        doubts=site.borrowers,
        besides={code.node(at): more.words for at, more in besides.items()},
    )
    release = _release(site, made)
    is_awaited = release.statement.startswith("await ") or site.kind.release.startswith("await ")
    mocked = ("a mock may stand in its place, which cannot be awaited",) if is_awaited and facts.may_be_mocked else ()
    closes_known = (
        site.acquisition.known_before and not release_points.releases and release.statement == f"{name}.close()"
    )
    known = ("what it is given may be one that was there before",) if closes_known else ()
    memory = ("a database in memory may go with it",) if may_share_memory(site) else ()
    lobs = ("a large object in a row of it can no longer be read",) if site.leaving.rows else ()
    halves = ("the object may have been made without its connection",) if site.acquisition.half_made else ()
    closes = release.statement == f"{name or ANONYMOUS}.close()" and not site.acquisition.itself
    is_counted = bool(site.acquisition.through) and not release.is_pair and any(b.counts for b in besides.values())
    shared = ("others may have the same session",) if site.acquisition.may_be_shared else ()
    stands_in = is_replaced(facts, site.site.acquired_at, site.acquisition.through)
    replaced = ("a test puts in its place what may not be closed",) if stands_in else ()
    is_kept = site.is_held_at_the_end and may_be_imported(facts.analyzer, facts.unit, site.site)
    kept = ("another file may import it",) if is_kept else ()
    counted = ("the project is not told that it is back",) if is_counted else ()
    forked = ("each of the processes that it forks gives it back",) if facts.forks else ()
    others = (*shared, *memory, *lobs, *counted, *halves, *kept, *forked, *replaced)
    doubts = (*made.doubts, *mocked, *known, *others)
    return replace(made, release=release, closes=closes, doubts=doubts)


def entered(site: SiteFacts) -> Holding:
    """The same for a manager that has to be entered first, and is used as if it were the connection."""
    return _needing(holding(site), site.function, site.site.acquired_at, site.kind)


def taken(facts: Surroundings, at: int, kind: Kind) -> Holding:
    """The same for a connection that operation `at` takes from somebody who gives it back too early."""
    code = code_for(facts)
    return _needing(Holding(code, code.node(at), "", frozenset(), Release(), lazy=kind.lazy), facts, at, kind)


def _needing(made: Holding, facts: Surroundings, at: int, kind: Kind) -> Holding:
    """The holding with what needs the connection, which is there as long as the fix will have it."""
    leaving = facts.analyzer.known(Needs).made(facts.unit, at, kind.type)
    if leaving.is_bounded:
        raise Declined(_TOO_LARGE)
    return replace(
        made,
        needing=leaving.names,
        returned=_nodes(made.code, (*leaving.returned, *leaving.rows)),
        stored=_nodes(made.code, leaving.stored),
        yielded=_nodes(made.code, leaving.yielded),
    )


def _unpacked(site: SiteFacts, code: Code) -> Sequence[str]:
    """The names that a tuple with the connection is unpacked into, that of the connection first.

    Raises Declined for another form, and where one of the others may be kept or handed out.
    """
    match code.place(code.node(site.site.acquired_at)).statement:
        case cst.SimpleStatementLine(body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Tuple() as target)])]):
            bound = [e.value.value for e in target.elements if isinstance(e.value, cst.Name)]
        case _:
            raise Declined("the connection comes inside a tuple")
    element = site.acquisition.element
    if element is None or element >= len(bound) or len(set(bound)) != len(target.elements):
        raise Declined("the connection comes inside a tuple")
    unknown = {*bound} - {bound[element]} - site.release_points.values
    if site.release_points.hands_on:
        unknown.clear()  # it is given back on errors only
    for node in code.names:
        if node.value in unknown and not code.is_inside(node, target) and _may_leave(code, node):
            raise Declined(f"`{node.value}`, which comes with it, may need it longer")
    return (bound[element], *bound[:element], *bound[element + 1 :])


def _may_leave(code: Code, node: cst.Name) -> bool:
    """Whether a value is kept or handed out here, and not only used or lent to a call."""
    if isinstance(code.parent(node), cst.Attribute | cst.Arg):
        return False
    return any(isinstance(a, cst.Return | cst.Yield | cst.Assign | cst.AnnAssign) for a in code.ancestors(node))


def _receiver_text(code: Code, site: SiteFacts) -> str:
    """The object that a call makes hold a connection: `db` of `db.connect()`."""
    node = code.node(site.site.acquired_at)
    base = node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
    if not isinstance(base, cst.Name):
        raise Declined("what holds the connection has no plain name")
    return base.value


def _nodes(code: Code, ats: Sequence[int]) -> tuple[cst.CSTNode, ...]:
    return tuple(code.node(at) for at in dict.fromkeys(ats))


def _release(site: SiteFacts, made: Holding) -> Release:
    """The paired release: the project's own beside a wrapper, else what the driver table says."""
    name = made.name or ANONYMOUS
    if site.acquisition.owner is not None and made.besides:
        return _of_object(site, name)
    if site.acquisition.owner is not None:
        return Release(reason="the connection comes inside another object")
    if site.acquisition.indirect:
        return Release(reason="it is somebody else who calls the function that acquires it")
    if site.acquisition.through:
        return _through_wrapper(site, made, name)
    template = site.function.release_of(site.kind)
    if "{pool}" not in template:
        return Release(template.replace("{conn}", name))
    pool = _receiver(made.acquire)
    if pool is None:
        return Release(reason="the pool has no name here")
    return Release(template.replace("{conn}", name).replace("{pool}", made.code.text(pool)))


def _of_object(site: SiteFacts, name: str) -> Release:
    """`database.shut()`, where `database.finish()` does more."""
    analyzer = site.function.analyzer
    method = paired_method(analyzer, site.acquisition)
    info = analyzer.info(method) if method is not None else None
    if info is None:
        return Release(reason="the connection comes inside another object")
    return Release(f"{'await ' if info.is_async else ''}{name}.{info.name}()", is_pair=True)


def _receiver(acquire: cst.CSTNode) -> cst.BaseExpression | None:
    """The pool of `pool.getconn()`, when it is a plain chain of names."""
    if not isinstance(acquire, cst.Call) or not isinstance(acquire.func, cst.Attribute):
        return None
    base: cst.BaseExpression = acquire.func.value
    inner = base
    while isinstance(inner, cst.Attribute):
        inner = inner.value
    return base if isinstance(inner, cst.Name) else None


def _through_wrapper(site: SiteFacts, made: Holding, name: str) -> Release:
    """`release_db_connection(conn)` for what `get_db_connection()` has acquired, reached as this file can reach it."""
    analyzer, unit = site.function.analyzer, site.function.unit
    template = site.function.release_of(site.kind).replace("{conn}", name)
    if "{pool}" not in template:
        return Release(template)
    pair = paired_release(analyzer, site.acquisition)
    if pair is None:
        pool = pool_here(analyzer, unit, site.acquisition)
        if pool:
            return Release(template.replace("{pool}", pool))
        more = why_unpaired(analyzer, site.acquisition)
        return Release(reason=f"{more}, and {_NONE_ALONE}" if more else _NO_PAIR)
    released = analyzer.info(pair)
    awaited = "await " if released is not None and released.is_async else ""
    reached = beside_wrapper(site, made.code, made.acquire, pair)
    if reached is None:
        return Release(reason=f"how `{pair.key.rpartition('.')[2]}` is reached from here is not clear")
    return Release(f"{awaited}{reached[0]}({name})", reached[1], is_pair=True)
