"""The state of one site on one path: a property state paired with the few facts that guard it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, auto

from msgspec import Struct
from msgspec.structs import replace

from putback.flow.ir import CONSTANT, FALSE, NONE, TRUE, Val, is_temporary
from putback.ownership.analysis.parts import Part, Typed, borrows


class Phase(IntEnum):
    """What has become of the connection.

    ABSENT: not acquired; PENDING: a context manager or awaitable that has not acquired yet; IDLE: a session that holds
    no connection; HELD; MANAGED: held by a `with` that gives it back; CLOSED: closed where it should have been given
    back; RELEASED; PASSED: a new owner has it.
    """

    ABSENT = auto()
    PENDING = auto()
    IDLE = auto()
    HELD = auto()
    MANAGED = auto()
    CLOSED = auto()
    RELEASED = auto()
    PASSED = auto()


ACTIVE = (Phase.HELD, Phase.MANAGED, Phase.IDLE)
"""The phases in which somebody has to give the connection back."""


class Mark(IntEnum):
    """What is noted of the connection itself.

    AUTOCOMMIT: statements open no transaction; UNWRITTEN: a session has been given something that its next commit
    writes.
    """

    AUTOCOMMIT = auto()
    UNWRITTEN = auto()


class Since(Struct, frozen=True, gc=False, cache_hash=True):
    """A transaction is open, or the connection held, since operation `at`; None: the caller has handed it in so."""

    at: int | None


class Made(Struct, frozen=True, gc=False, cache_hash=True):
    """A call has left the process since; `note` is the number under which that is noted."""

    note: int


class Stacked(Struct, frozen=True, gc=False, cache_hash=True):
    """The exit stack `stack` gives the connection back, unless that is taken out of it."""

    stack: Val


class Callers(Struct, frozen=True, gc=False, cache_hash=True):
    """Stands for a handler of whoever called the function: there may be something to roll back, until that is done."""


CALLERS = Callers()


class Harm(IntEnum):
    """What a failed statement has left behind, the worse the higher.

    NOTHING: the statement alone was undone; SOME: of what can be done again, some is done; PERHAPS: a broken
    transaction, if the server is one that breaks them; BROKEN: a broken transaction; HALF: a write in the same `try`
    that may be committed without the failed one.
    """

    NOTHING = auto()
    SOME = auto()
    PERHAPS = auto()
    BROKEN = auto()
    HALF = auto()


class Fact(IntEnum):
    """What is known of a variable or a condition. SKIPPED: unbound because an error, handled since, came first."""

    UNBOUND = auto()
    SKIPPED = auto()
    NONE = auto()
    TRUE = auto()
    FALSE = auto()
    TRUTHY = auto()
    FALSY = auto()
    PRESENT = auto()


UNBOUND = (Fact.UNBOUND, Fact.SKIPPED)
"""What is known of a variable that is not bound."""

NOTHING = (*UNBOUND, Fact.NONE)
"""What is known of a variable that stands for no object."""

_IS_TRUE = {
    Fact.TRUE: True,
    Fact.TRUTHY: True,
    Fact.NONE: False,
    Fact.FALSE: False,
    Fact.FALSY: False,
    Fact.PRESENT: True,
}
_IS_NONE = {
    Fact.NONE: True,
    Fact.FALSY: True,
    Fact.TRUE: False,
    Fact.FALSE: False,
    Fact.TRUTHY: False,
    Fact.PRESENT: False,
}
_OF_CONSTANT = {NONE: Fact.NONE, TRUE: Fact.TRUE, FALSE: Fact.FALSE}


class State(Struct, frozen=True, gc=False, cache_hash=True):
    """One site on one path. Millions of them are made, compared and hashed.

    `refs` are the values that are the connection; `parts` pairs values that belong to it (a cursor, a transaction, a
    bound method) with what they are; `facts` what is known of tested names and conditions; `marks` what is noted of the
    connection itself. `exception` is the class of the exception in flight or being handled ("?" unknown, "!" a
    cancellation); `opened` the operation that opened the transaction; `unmended` the `except` clause that has not
    rolled back yet, `harm` what the error has done; `broke` the statement on the connection that the exception comes
    from; `wrote` the last write of the transaction, where a failed one leaves it to be committed, elsewhere the first.
    """

    phase: Phase
    refs: frozenset[Val] = frozenset()
    parts: frozenset[tuple[Val, Part]] = frozenset()
    facts: frozenset[tuple[str, Fact]] = frozenset()
    marks: frozenset[Mark | Since | Made | Stacked] = frozenset()
    exception: str | None = None
    opened: int | None = None
    unmended: int | Callers | None = None
    harm: Harm = Harm.NOTHING
    broke: int | None = None
    wrote: int | None = None

    @property
    def lapse(self) -> int | None:
        """The `except` clause of the function itself that has not rolled back yet."""
        return self.unmended if isinstance(self.unmended, int) else None

    def fact(self, name: str) -> Fact | None:
        """What is known of `name`, constants included."""
        if name in _OF_CONSTANT:
            return _OF_CONSTANT[name]
        for known, fact in self.facts:
            if known == name:
                return fact
        return None

    def constant(self, name: str) -> Val | None:
        """The constant that a value is known to be."""
        fact = self.fact(name)
        return next((constant for constant, known in _OF_CONSTANT.items() if known is fact), None)

    def with_fact(self, name: str, fact: Fact | None) -> State:
        """The same with one fact replaced (None: forgotten)."""
        facts = frozenset(p for p in self.facts if p[0] != name)
        return replace(self, facts=facts if fact is None else facts | {(name, fact)})

    def with_mark(self, mark: Mark | Since | Made | Stacked) -> State:
        """The same with one more thing noted of the connection."""
        return self if mark in self.marks else replace(self, marks=self.marks | {mark})

    def without_mark(self, mark: Mark | Since | Made | Stacked) -> State:
        """The same with that noted no more."""
        return replace(self, marks=self.marks - {mark}) if mark in self.marks else self

    def part(self, value: Val) -> Part | None:
        """What a value is that belongs to the connection, or None."""
        for known, part in self.parts:
            if known == value:
                return part
        return None

    def part_type(self, value: Val) -> str:
        """The driver's class of a value that belongs to the connection, as a cursor does; "" for every other one."""
        part = self.part(value)
        return part.type if isinstance(part, Typed) else ""

    def with_part(self, value: Val, part: Part) -> State:
        """The same with one more value that has to do with the connection."""
        return replace(self, parts=self.parts | {(value, part)})

    def with_ref(self, value: Val) -> State:
        """The same with one more value that is the connection."""
        return replace(self, refs=self.refs | {value})

    def without(self, value: Val) -> State:
        """The same after `value` stopped meaning the connection or a part of it."""
        if value not in self.refs and self.part(value) is None:
            return self
        return replace(self, refs=self.refs - {value}, parts=frozenset(p for p in self.parts if p[0] != value))

    def without_temporaries(self) -> State:
        """The same after the expression being evaluated was abandoned."""
        if not any(map(is_temporary, self.values())):
            return self
        return replace(
            self,
            refs=frozenset(r for r in self.refs if not is_temporary(r)),
            parts=frozenset(p for p in self.parts if not is_temporary(p[0])),
            facts=frozenset(f for f in self.facts if not is_temporary(f[0])),
        )

    def values(self) -> Iterator[Val]:
        """Every value that something is known of."""
        yield from self.refs
        for value, _ in self.parts:
            yield value
        for value, _ in self.facts:
            yield value

    def rebound(self, name: str) -> State:
        """The same after something unknown was assigned to `name`: what was known of it is forgotten."""
        if not self.facts:
            return self
        kept = frozenset(f for f in self.facts if f[0] != name and not _about(f[0], name))
        return self if len(kept) == len(self.facts) else replace(self, facts=kept)

    def is_missing(self, name: str) -> bool:
        """Whether an error on the way here has kept `name` from being bound."""
        fact = self.fact(name)
        return fact is Fact.SKIPPED or (fact is Fact.UNBOUND and bool(self.exception))

    def handled(self) -> State:
        """The same after a handler: what is unbound by now is so because of the error."""
        facts = frozenset((n, Fact.SKIPPED if f is Fact.UNBOUND else f) for n, f in self.facts)
        return replace(self, exception=None, broke=None, facts=facts)

    def is_held(self) -> bool:
        """Whether leaving the function now would lose the connection."""
        return self.phase is Phase.HELD

    def _is_there(self, value: Val) -> bool:
        """Whether `value` is the connection or an object that belongs to it, and no result of who knows what."""
        return value in self.refs or self.has_part(value)

    def has_part(self, value: Val) -> bool:
        """Whether `value` belongs to the connection, as a cursor does: more than that it may need it."""
        part = self.part(value)
        return part is not None and not borrows(part)

    def truth(self, value: Val) -> bool | None:
        """Whether `value` is truthy, as far as known."""
        if self._is_there(value):
            return True
        fact = self.fact(value)
        return None if fact is None else _IS_TRUE.get(fact)

    def is_none(self, value: Val) -> bool | None:
        """Whether `value` is None, as far as known."""
        if self._is_there(value):
            return False
        if value == CONSTANT:
            return False
        fact = self.fact(value)
        return None if fact is None else _IS_NONE.get(fact)


def _about(key: str, name: str) -> bool:
    """Whether a condition's key mentions `name`."""
    return (
        key.startswith("?") and name in key and any(name == w or w.startswith(f"{name}.") for w in key[1:].split(" "))
    )
