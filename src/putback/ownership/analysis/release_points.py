"""What single operations did to a site on its paths: where it was released, and which names belong to it."""

from __future__ import annotations

from msgspec import Struct

from putback.flow import ir
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import ACTIVE, Phase
from putback.ownership.analysis.parts import Tie, borrows
from putback.ownership.analysis.retrace import Retraced
from putback.ownership.analysis.unit import Unit

_HELD = (Phase.HELD, Phase.MANAGED, Phase.IDLE, Phase.CLOSED)


class ReleasePoints(Struct, frozen=True):
    """What happens to one connection inside its function.

    `releases` are the operations after which it is released, `closes` those that close it where it should be given
    back, `hands_on` those after which somebody else owns it, `yields` those that lend it to who resumes the function;
    `names` the local names that hold it, `parts` the local names of cursors and the like that belong to it; `streams`
    are the calls whose results read from it later: cursors, and generators of the project.
    `calm` are the calls of known methods that cannot raise, `failing` the releases that can, `makes` those that give a
    cursor or the like and execute nothing.
    """

    releases: tuple[int, ...]
    closes: tuple[int, ...]
    hands_on: tuple[int, ...]
    yields: tuple[int, ...]
    names: frozenset[str]
    parts: frozenset[str]
    streams: tuple[int, ...]
    calm: tuple[int, ...]
    failing: tuple[int, ...]
    makes: tuple[int, ...]

    @property
    def values(self) -> frozenset[str]:
        """The local names that hold it, or what belongs to it."""
        return self.names | self.parts


def release_points(analyzer: Analyzer, way: Retraced) -> ReleasePoints:
    """What happens on the way of an exploration."""
    unit, domain = way.unit, way.domain
    reached: dict[Phase, dict[int, None]] = {p: {} for p in Phase}
    yields: dict[int, None] = {}
    streams: dict[int, None] = {}
    names: set[str] = set()
    parts: set[str] = set()
    calm: dict[int, bool] = {}
    failing: dict[int, None] = {}
    makes: dict[int, None] = {}
    for op, before, outcome in way.operations:
        if isinstance(op, ir.Call) and before.phase in _HELD:
            effect = domain.effect(before, op.receiver, op.name)
            calm[op.at] = calm.get(op.at, True) and effect is not None and not outcome.raised
            if effect is not None and effect.derives and not effect.executes:
                makes[op.at] = None
            if outcome.raised and any(after.phase is Phase.RELEASED for after in outcome.after):
                failing[op.at] = None
        if isinstance(op, ir.Yield) and op.source in before.refs and outcome.after:
            yields[op.at] = None
        for after in outcome.after:
            if before.phase in _HELD and after.phase is not before.phase:
                reached[after.phase][op.at] = None
            part = after.part(op.target) if isinstance(op, ir.Call) else None
            is_part = part is not None and (part is Tie.STREAM or not borrows(part))
            if isinstance(op, ir.Call) and (is_part or _is_generator(analyzer, unit, op)):
                streams[op.at] = None
            names.update(r for r in after.refs if ir.is_local(r) and r.isidentifier())
            mine = (v for v, part in after.parts if not borrows(part))
            parts.update(v for v in mine if ir.is_local(v) and v.isidentifier())
    handed = set(reached[Phase.PASSED])
    for end, state in way.ends:
        if isinstance(end, ir.Return) and state.phase in ACTIVE and domain.returning(end, state).phase is Phase.PASSED:
            handed.add(end.at)
    return ReleasePoints(
        releases=tuple(reached[Phase.RELEASED]),
        closes=tuple(reached[Phase.CLOSED]),
        hands_on=tuple(sorted(handed)),
        yields=tuple(yields),
        names=frozenset(names),
        parts=frozenset(parts - names),
        streams=tuple(streams),
        calm=tuple(at for at, is_calm in calm.items() if is_calm),
        failing=tuple(failing),
        makes=tuple(makes),
    )


def _is_generator(analyzer: Analyzer, unit: Unit, op: ir.Call) -> bool:
    """Whether a call makes a generator of the project, which runs when it is read."""
    infos = (analyzer.info(f) for f in analyzer.call_info(unit, op).functions)
    return any(info is not None and info.is_generator for info in infos)
