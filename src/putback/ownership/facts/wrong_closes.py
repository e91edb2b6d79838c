"""Where a connection is closed that should be given back."""

from __future__ import annotations

from putback.flow import ir
from putback.flow.solve import Exploration, Node
from putback.ownership.analysis import guards
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit


def wrong_closes(analyzer: Analyzer, unit: Unit, site: Site, exploration: Exploration[State]) -> list[int]:
    """The operations that close the connection of a site on a path that ends so."""
    ends = [e.node for e in exploration.endings if e.state.phase is Phase.CLOSED]
    found = (at for end in ends for at in _on_the_way(analyzer, unit, site, exploration, end) or [site.acquired_at])
    return sorted(set(found))


def _on_the_way(
    analyzer: Analyzer, unit: Unit, site: Site, exploration: Exploration[State], end: Node[State]
) -> list[int]:
    """The close on each path to a node: in the last block that was entered with the connection open."""
    with_closes = any(defect.what is Wrong.CLOSING_KEEPS for defect in exploration.defects)
    entered: list[int] = []
    stack, seen = [end], {end}
    while stack:
        node = stack.pop()
        if node.state.phase is not Phase.CLOSED:
            entered.append(node.block)
            continue
        fresh = [source for source in exploration.sources(node) if source not in seen]
        stack += fresh
        seen.update(fresh)
    closes = [_last_close(analyzer, unit, site, block, with_closes) for block in entered]
    return [at for at in closes if at is not None]


def _last_close(analyzer: Analyzer, unit: Unit, site: Site, block: int, with_closes: bool) -> int | None:
    for op in reversed(unit.function.blocks[block].ops):
        if isinstance(op, ir.Exit) and with_closes:
            return op.at
        if isinstance(op, ir.Call) and _closes(analyzer, unit, site, op):
            return op.at
    return None


def _closes(analyzer: Analyzer, unit: Unit, site: Site, op: ir.Call) -> bool:
    names = guards.aliases(unit, site)
    effect = analyzer.catalog.method(site.kind.type, op.name) if op.receiver in names else None
    return (effect is not None and effect.closes) or any(a.value in names for a in op.arguments)
