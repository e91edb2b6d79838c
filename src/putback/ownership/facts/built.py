"""Which function of a library has begun a statement that is an object: `select(User).where(...)`."""

from __future__ import annotations

from collections.abc import Container

from putback.flow import ir
from putback.flow.names import Expr, Invoke, Member, Name
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.analysis.unit import Unit


def built_by(analyzer: Analyzer, unit: Unit, call: ir.Call, functions: Container[str]) -> frozenset[str]:
    """Those of some functions that begin what a call is given first, also in a variable; none where one is another."""
    given = call.expr.args[0] if call.expr.args else None
    match given:
        case Name(id=name):
            made = map(unit.call_of, unit.assigned(name))
            found = [_begun(analyzer, unit, each.expr, functions, name) if each is not None else "" for each in made]
        case None:
            found = []
        case _:
            found = [_begun(analyzer, unit, given, functions, "")]
    return frozenset(found) - {_ITSELF} if all(found) else frozenset()


def builds(analyzer: Analyzer, unit: Unit, call: ir.Call, functions: Container[str]) -> bool:
    """Whether a call begins a statement with one of some functions, or adds to one that they have begun."""
    return bool(_begun(analyzer, unit, call.expr, functions, ""))


def _begun(analyzer: Analyzer, unit: Unit, statement: Expr, functions: Container[str], itself: str) -> str:
    """The function that the chain begins with; what goes on with the variable `itself` is begun where that is."""
    following = statement
    for _ in range(_LINKS):
        match following:
            case Invoke(func=func):
                names = map(name_of, analyzer.resolver.types(func, unit.scope))
                known = next((name for name in names if name in functions), "")
                if known:
                    return known
                following = func
            case Member(base=base):
                following = base
            case Name(id=name) if name == itself:
                return _ITSELF
            case _:
                break
    return ""


_ITSELF = "itself"
_LINKS = 60  # calls and attributes of a chain that are followed; each call of a longer one would ask for all again
