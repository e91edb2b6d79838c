"""Reading a name that an error has kept from being bound: `UnboundLocalError`, whatever stands behind it is skipped."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.ownership.analysis import guards
from putback.ownership.analysis.asked import names_read
from putback.ownership.analysis.defects import Found, ReadUnbound, UnboundBeside, Wrong
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.following import Following

ERROR = "UnboundLocalError"


def read(domain: Following, op: ir.Op, state: State) -> Outcome[State] | None:
    """What becomes of an operation that reads such a name; None for every other one.

    Only names that decide about the connection are remembered as unbound.
    """
    if not state.facts:
        return None
    missing = [name for name in names_read(op) if state.is_missing(name)]
    if not missing:
        return None
    if state.is_held():
        return Outcome((), (domain.raised(state, ERROR),), tuple(map(ReadUnbound, missing)))
    return Outcome((), (domain.raised(state, ERROR),), tuple(_hiding(domain, op, state, missing)))


def _hiding(domain: Following, op: ir.Op, state: State, missing: Collection[str]) -> Iterator[Found]:
    """The defects of a read that fails because the acquire has failed: of the connection's name, or of another one."""
    if state.phase is Phase.ABSENT and (state.exception or _is_copied(domain, op)):
        own = guards.aliases(domain.unit, domain.site)
        if own.intersection(missing) and _releases(domain, op, missing):
            yield Wrong.UNBOUND
        yield from (UnboundBeside(name) for name in missing if name not in own)


def _is_copied(domain: Following, op: ir.Op) -> bool:
    """Whether the operation stands in a `finally`, which is there once for each way out."""
    return sum(each.at == op.at and type(each) is type(op) for each in domain.unit.ops()) > 1


def _releases(domain: Following, op: ir.Op, missing: Collection[str]) -> bool:
    """Whether the operation is a release of its operand, or decides about one."""
    if isinstance(op, ir.Call):
        info = domain.program.call_info(domain.unit, op)
        given = [position for position, argument in enumerate(op.arguments) if argument.value in missing]
        effects = [e for position in given for e in domain.effects_of(op, info, position, Phase.HELD)]
        return info.releases() is not None or any(e.normal is Phase.RELEASED for e in effects)
    if isinstance(op, ir.Attr):
        effect = domain.program.catalog.method(domain.kind.type, op.name)
        return effect is not None and (effect.closes or effect.releases_self)
    return isinstance(op, ir.Read)
