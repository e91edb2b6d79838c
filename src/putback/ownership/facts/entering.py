"""Whether `with` binds what it enters, or something else: `with connect() as conn` is `conn = connect()` or is not."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.ownership.analysis.events import argument_of
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.stand_ins import StandIns, names_read
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.resolve.types import FunctionRef, Object

_ENTERING = "__enter__"


def may_give_another(facts: Surroundings, site: Site) -> bool:
    """Whether entering what the call of a site hands out may give another object.

    A class of the project may say so, also one that the driver is given to make it of, and a test that puts a mock in
    the place of something on the way.
    """
    way = [*_way(facts, site)]
    return any(_is_of_a_class(facts, unit, op) for unit, op in way) or _is_mocked(facts, site, way)


def _way(facts: Surroundings, site: Site) -> Iterator[tuple[Unit, ir.Call]]:
    """The call of a site, and those of the functions of the project between it and the driver."""
    yield from ((facts.unit, op) for op in facts.unit.ops() if isinstance(op, ir.Call) and op.at == site.acquired_at)
    for ref in site.acquisition.through:
        unit = facts.analyzer.unit(ref.path, ref.key)
        yield from ((unit, op) for op in unit.ops() if isinstance(op, ir.Call)) if unit is not None else ()


def _is_of_a_class(facts: Surroundings, unit: Unit, op: ir.Call) -> bool:
    """Whether what a call hands out is of a class that a project gives, which says itself what entering it gives."""
    analyzer = facts.analyzer
    drivers = analyzer.call_info(unit, op).drivers
    if any(d.effect.makes is not None and argument_of(op, d.effect.makes) is not None for d in drivers):
        return True
    resolver = analyzer.resolver
    made = [each for each in resolver.types(op.expr, unit.scope) if isinstance(each, Object)]
    entering = ((each, function) for each in made for function in resolver.member(each, _ENTERING))
    return any(isinstance(f, FunctionRef) and resolver.returned(f) != {each} for each, f in entering)


def _is_mocked(facts: Surroundings, site: Site, way: list[tuple[Unit, ir.Call]]) -> bool:
    """Whether a test says what entering something answers (`mock.__enter__.return_value`), and may mean this.

    It imports the file, or puts something in the place of a function on the way.
    """
    if facts.is_entered_by_mocks:
        return True
    stand_ins = facts.analyzer.known(StandIns)
    read = {name for name, _ in names_read(facts, site.acquired_at, site.acquisition.through)}
    called = {op.name for unit, op in way if _acquires(facts, unit, op)}
    return any(facts.analyzer.says(path, _ENTERING) for name in sorted(read | called) for path in stand_ins.tests(name))


def _acquires(facts: Surroundings, unit: Unit, op: ir.Call) -> bool:
    return any(driver.effect.acquires for driver in facts.analyzer.call_info(unit, op).drivers)
