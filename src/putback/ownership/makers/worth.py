"""What an expression can be worth, and how several answers are put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

HIDDEN = "\u2026"
"""Stands in a text for a part that cannot be seen."""


class Unseen:
    """What is not known."""


UNSEEN = Unseen()
Plain = str | int | float | bool | None


class Options(Struct, frozen=True):
    """A dictionary with texts as keys; `whole`: it has no others."""

    items: Mapping[str, Value]
    whole: bool = True


class Value(Struct, frozen=True):
    """What an expression is worth; `variables` are the environment variables that may say otherwise."""

    it: Plain | Options | Unseen = UNSEEN
    variables: tuple[str, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether it is known."""
        return not isinstance(self.it, Unseen)

    @property
    def number(self) -> int | None:
        """The whole number that it is."""
        match self.it:
            case bool():
                return None
            case int():
                return self.it
            case str() if self.it.strip().lstrip("-").isdigit():
                return int(self.it)
            case _:
                return None

    @property
    def text(self) -> str:
        """The text that it is; "" for everything else."""
        return self.it if isinstance(self.it, str) else ""


NOT_SEEN = Value()


def agreed(found: Sequence[Value]) -> Value:
    """The one value of several that are the same; what is seen of texts that begin alike."""
    seen = [each for each in found if each.is_seen]
    variables = tuple(dict.fromkeys(v for each in found for v in each.variables))
    if seen and all(each.it == seen[0].it for each in seen) and (len(seen) == len(found) or variables):
        return Value(seen[0].it, variables)
    schemes = {each.text.partition(":")[0] for each in found}
    return Value(seen[0].it, variables) if len(schemes) == 1 and "" not in schemes else Value(UNSEEN, variables)


def merged(parts: Sequence[Value]) -> Value:
    """Several dictionaries, one after the other."""
    items: dict[str, Value] = {}
    whole = True
    for part in parts:
        if isinstance(part.it, Options):
            items.update(part.it.items)
            whole = whole and part.it.whole
        else:
            whole = False
    return Value(Options(items, whole))
