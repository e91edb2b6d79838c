"""What a state need not say any more where a block begins, because nobody asks about it from there on."""

from __future__ import annotations

from msgspec.structs import replace

from putback.flow.ir import Val, is_temporary
from putback.ownership.analysis.asked import Asked
from putback.ownership.analysis.domain import NOTHING, UNBOUND, Fact, State
from putback.ownership.analysis.parts import Part
from putback.ownership.analysis.unit import Unit

_Facts = frozenset[tuple[str, Fact]]
_Parts = frozenset[tuple[Val, Part]]


class Forgetting:
    """Makes states of one function say less. `names` are those that the connection goes by."""

    def __init__(self, unit: Unit, names: frozenset[str]) -> None:
        self._unit = unit
        self._names = names
        self._kept: dict[tuple[int, _Facts, _Parts], tuple[_Facts, _Parts]] = {}

    def without_the_rest(self, block: int, state: State) -> State:
        """The state with what `block`, or one behind it, can ask about."""
        if not state.facts and not state.parts:
            return state
        key = (block, state.facts, state.parts)
        if key not in self._kept:
            self._kept[key] = (
                frozenset(f for f in state.facts if self._matters(block, *f)),
                frozenset(p for p in state.parts if not is_temporary(p[0]) or self._asks(block, p[0])),
            )
        facts, parts = self._kept[key]
        is_less = len(facts) < len(state.facts) or len(parts) < len(state.parts)
        return replace(state, facts=facts, parts=parts) if is_less else state

    def _matters(self, block: int, about: str, fact: Fact) -> bool:
        """Whether anything depends on what is known of a name or a condition.

        Where a name of the connection stands for nothing is asked by who writes fixes, too.
        """
        if about in self._names and fact in NOTHING:
            return True
        return self._asks(block, about if fact not in UNBOUND else f"!{about}")

    def _asks(self, block: int, key: str) -> bool:
        if self._unit.asked is None:
            self._unit.asked = Asked(self._unit.function.blocks)
        return self._unit.asked.asks(block, key)
