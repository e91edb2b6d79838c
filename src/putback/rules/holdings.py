"""From the facts of the analysis to what the fixes need to know of a held connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from putback.fixes.code import Code
from putback.fixes.declined import Declined
from putback.fixes.holding import Holding, Release
from putback.fixes.imports import Needed
from putback.ownership.facts import SiteFacts
from putback.ownership.pairing import paired_release


def holding(site: SiteFacts, otherwise: Sequence[str] = ()) -> Holding:
    """What the fixes need to know of a site. Raises Declined where no fix can be right.

    `otherwise` are the names to choose from where it has none.
    """
    facts = site.function
    unit = facts.unit
    code = Code(unit.lowered, unit.key, facts.rows)
    if site.acquisition.owner is not None:
        raise Declined("the connection comes inside another object")
    if site.acquisition.element is not None:
        raise Declined("the connection comes inside a tuple")
    trail = site.trail
    name = facts.name_of(site.site) or (code.free_name(otherwise) if otherwise else "")
    made = Holding(
        code,
        code.node(site.site.at),
        name,
        trail.names | trail.parts,
        Release(),
        _nodes(code, (*trail.releases, *trail.closes)),
        _nodes(code, trail.closes),
        _nodes(code, trail.hands_on),
        site.kind.lazy,
        site.acquisition.maybe_none,
        bool(trail.yields),
        facts.quick_calls,
    )
    return replace(made, release=_release(site, made))


def _nodes(code: Code, ats: Sequence[int]) -> tuple[cst.CSTNode, ...]:
    return tuple(code.node(at) for at in dict.fromkeys(ats))


def _release(site: SiteFacts, made: Holding) -> Release:
    """The paired release: the project's own beside a wrapper, else what the driver table says."""
    name = made.name or "conn"
    if site.acquisition.through:
        return _through_wrapper(site, made, name)
    template = site.kind.release
    if "{pool}" not in template:
        return Release(template.replace("{conn}", name))
    pool = _receiver(made.acquire)
    if pool is None:
        return Release(reason="the pool has no name here")
    return Release(template.replace("{conn}", name).replace("{pool}", made.code.text(pool)))


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
    """`release_db_connection(conn)` for what `get_db_connection()` has acquired, called the way the wrapper is."""
    analyzer = site.function.analyzer
    pair = paired_release(analyzer, site.acquisition)
    wrapper = site.acquisition.through[0]
    info = analyzer.info(wrapper)
    if pair is None or info is None:
        template = site.kind.release
        if "{pool}" not in template:
            return Release(template.replace("{conn}", name))
        return Release(reason="the project has no function that gives it back")
    released = analyzer.info(pair)
    assert released is not None
    awaited = "await " if released.is_async else ""
    func = made.acquire.func if isinstance(made.acquire, cst.Call) else None
    if isinstance(func, cst.Attribute):
        return Release(f"{awaited}{made.code.text(func.value)}.{released.name}({name})")
    if not isinstance(func, cst.Name):
        return Release(reason="how its wrapper is reached is not clear")
    statement = f"{awaited}{released.name}({name})"
    if pair.path == site.function.unit.path:
        return Release(statement)
    return Release(statement, (Needed(released.name, beside=func.value),))
