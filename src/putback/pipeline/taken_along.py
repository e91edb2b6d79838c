"""The functions of the project that the verifier runs themselves, because the connection is handed to them, or by them.

What `check` believes of them would only repeat its errors. They are followed from call to call until a driver's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from putback.flow import ir
from putback.flow.names import Member, dotted
from putback.ownership.analysis import guards
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef
from putback.verify.roles import Own

_PLAIN = ("staticmethod", "classmethod")
_MOST = 12
_LONGEST = 80
APART = 10_000_000
"""The rows of the first of them begin here, those of the next so many further: they are rows of other files."""


@dataclass(frozen=True, slots=True)
class Along:
    """One function that is taken along: its unit, how far its rows are moved, and what its calls lead to, by their
    text; `names` are the values in it that may be the connection."""

    unit: Unit
    moved: int
    calls: Mapping[str, Own]
    names: frozenset[str]


def taken_along(
    analyzer: Analyzer, units: Sequence[Unit], sites: Iterable[Site]
) -> tuple[Mapping[str, Own], Sequence[Along]]:
    """What the calls of a function, and of those in it, lead to, and all functions that are reached so."""
    return _Following(analyzer).all(units, list(sites))


class _Following:
    """Goes from function to function; each is taken along once."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._numbers: dict[FunctionRef, int] = {}
        self._names: dict[FunctionRef, set[str]] = {}

    def all(self, units: Sequence[Unit], sites: list[Site]) -> tuple[Mapping[str, Own], Sequence[Along]]:
        """See `taken_along`."""
        names = frozenset(n for u in units for s in sites for n in guards.aliases(u, s))
        calls = self._calls(units, sites, names)
        done: dict[FunctionRef, Along] = {}
        while len(done) < len(self._numbers):
            for ref in [r for r in self._numbers if r not in done]:
                unit = self._analyzer.unit(ref.path, ref.key)
                assert unit is not None  # what cannot be had is not taken
                known = [Site(None, s.acquisition.given(False), n) for s in sites for n in sorted(self._names[ref])]
                known += self._analyzer.sites(unit)
                own = frozenset(n for s in known for n in guards.aliases(unit, s))
                moved = (self._numbers[ref] + 1) * APART
                done[ref] = Along(unit, moved, self._calls([unit], known, own), own)
        return calls, [done[ref] for ref in self._numbers]

    def _calls(self, units: Sequence[Unit], sites: list[Site], names: frozenset[str]) -> Mapping[str, Own]:
        """The calls that hand the connection to a function which can be taken along, or that have it from one, by the
        text of what is called."""
        found: dict[str, set[Own]] = {}
        for unit in units if sites else ():
            handing = {s.at: s.acquisition for s in self._analyzer.sites(unit) if _is_handed_out(s)}
            for op in unit.ops():
                if isinstance(op, ir.Call) and (text := _callee_text(op)):
                    found.setdefault(text, set()).update(self._leads_to(unit, op, names, handing.get(op.at)))
        return {text: next(iter(every)) for text, every in found.items() if len(every) == 1}

    def _leads_to(self, unit: Unit, op: ir.Call, names: frozenset[str], made: Acquisition | None) -> Iterator[Own]:
        given = [(n, a) for n, a in enumerate(op.arguments) if a.value in names]
        called = self._analyzer.call_info(unit, op)
        if not (given or made) or len(called.functions) != 1 or called.classes or called.drivers or called.given:
            return
        ref = called.functions[0]
        info = self._analyzer.info(ref)
        is_bound = ref.bound and isinstance(op.expr.func, Member)
        if info is None or (ref.bound and not is_bound):
            return
        params = [self._analyzer.summaries.parameter_for(ref, a, n + called.given) for n, a in given]
        plain = FunctionRef(ref.path, ref.key)
        if not self._can_be_taken(info, ref, params):
            return
        if all(params) and (plain in self._numbers or len(self._numbers) < _MOST):
            number = self._numbers.setdefault(plain, len(self._numbers))
            self._names.setdefault(plain, set()).update(params)
            taken = Own(number, info.key, is_bound and self._takes_its_object(info, ref))
            yield taken if made is None else taken._replace(hands_out=made.kind.id, element=made.element)

    def _can_be_taken(self, info: FunctionInfo, ref: FunctionRef, params: Collection[str]) -> bool:
        """Whether it is a short function of its own: no generator, in no other function, nothing decorates it, and it
        gives what it has in `params` to no object of the project, whose methods are not run."""
        has = self._analyzer.resolver.has_decorator
        is_plain = len(info.decorators) == sum(has(info, ref.path, {name}) for name in _PLAIN)
        is_short = info.end_row - info.row <= _LONGEST
        is_alone = not info.outer and not info.is_generator and not info.is_placeholder
        unit = self._analyzer.unit(ref.path, ref.key)
        return is_plain and is_short and is_alone and unit is not None and not self._makes_objects(unit, params)

    def _makes_objects(self, unit: Unit, params: Collection[str]) -> bool:
        calls = (o for o in unit.ops() if isinstance(o, ir.Call) and any(a.value in params for a in o.arguments))
        return any(self._analyzer.call_info(unit, op).classes for op in calls)

    def _takes_its_object(self, info: FunctionInfo, ref: FunctionRef) -> bool:
        return bool(info.owner) and not self._analyzer.resolver.has_decorator(info, ref.path, {"staticmethod"})


def _is_handed_out(site: Site) -> bool:
    """Whether a function of the project hands the connection out, by itself or in a tuple: no object around it, whose
    methods are not run, and no context manager."""
    made = site.acquisition
    is_alone = made.owner is None and not (made.keeper or made.parks or made.itself or made.indirect or made.made_by)
    return bool(made.through) and is_alone and not made.generator


def _callee_text(op: ir.Call) -> str:
    """How a call spells what it calls, as far as that is a chain of names."""
    return dotted(op.expr.func) or ""
