"""Questions that lead to each other, and so in circles: each is worked out once, however they hang together.

`a = b or c`, `b = c or a`, `c = a or b` in a hundred methods have more paths through them than anybody can walk. A
question that is asked again while it is being worked out is answered with what is known so far. What rests on such an
answer is kept as long as that question is open; it is asked a second time with the answer of the first round in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import islice
from typing import Generic, TypeVar

from msgspec import Struct

from putback.ownership.index.footprint import Footprint

A = TypeVar("A", bound=Hashable)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_CUT = -1
"""Where an answer hangs that is incomplete because of too many questions inside of each other."""


class _Open(Struct, Generic[A]):
    """A question that is being worked out: the `place` in the row of open ones, and what is known so far."""

    place: int
    guess: A


class _Early(Struct, Generic[A]):
    """An answer that rests on the question open at place `rests`, and what it was `seen` in so far."""

    rests: int
    answer: A
    seen: int


class Answers(Generic[A]):
    """The answers of one run. `nothing` is what an unfinished question is answered with.

    `deepest`: how many questions may be open at a time; `most`: how many answers are kept. What rests on an answer has
    its footprint: what an early one rests on is asked inside of the question that it waits for.
    """

    def __init__(self, nothing: A, deepest: int, most: int, footprint: Footprint) -> None:
        self._footprint = footprint
        self._nothing = nothing
        self._deepest = deepest
        self._most = most
        self._known: dict[Hashable, tuple[A, int]] = {}
        self._open: dict[Hashable, _Open[A]] = {}
        self._early: dict[Hashable, _Early[A]] = {}
        self._rests = deepest + 1  # the lowest place that the question being worked out rests on, itself included

    def known(self, key: Hashable) -> A | None:
        """The final answer to a question; None when there is none yet."""
        known = self._known.get(key)
        if known is None:
            return None
        self._footprint.seen |= known[1]
        return known[0]

    def ask(self, key: Hashable, find: Callable[[], A]) -> A:
        """The answer to question `key`, which `find` works out, asking others."""
        known = self.known(key)
        if known is not None:
            return known
        if key in self._open:
            self._rest_on(self._open[key].place)
            return self._open[key].guess
        if key in self._early:
            self._rest_on(self._early[key].rests)
            self._footprint.seen |= self._early[key].seen
            return self._early[key].answer
        if len(self._open) > self._deepest:
            self._rest_on(_CUT)
            return self._nothing
        return self._work_out(key, find)

    def final(self, find: Callable[[], V]) -> tuple[V, bool]:
        """What `find` comes to, and whether it rests on no unfinished question."""
        outside, self._rests = self._rests, self._deepest + 1
        try:
            found = find()
        finally:
            rests, self._rests = self._rests, min(outside, self._rests)
        return found, rests > self._deepest

    def _rest_on(self, place: int) -> None:
        self._rests = min(self._rests, place)

    def _work_out(self, key: Hashable, find: Callable[[], A]) -> A:
        place, before, outside = len(self._open), len(self._early), self._rests
        mine = self._open[key] = _Open(place, self._nothing)
        rests = outside
        seen = self._footprint.begin()
        try:
            found, rests = self._round(find)
            if rests == place and found != mine.guess:
                mine.guess = found
                self._forget_early(before)
                found, rests = self._round(find)
        finally:
            del self._open[key]
            self._rests = outside
            seen = self._footprint.end(seen)
        if rests >= place or not place:
            self._forget_early(before)
            self._keep(key, found, seen)
        else:
            self._rest_on(rests)
            self._early[key] = _Early(rests, found, seen)
            for early in islice(reversed(self._early.values()), len(self._early) - before):
                early.rests = min(early.rests, rests)
        return found

    def _round(self, find: Callable[[], A]) -> tuple[A, int]:
        """What `find` says now, and the lowest place that it rests on."""
        self._rests = self._deepest + 1
        return find(), self._rests

    def _forget_early(self, count: int) -> None:
        """Keep the first `count` early answers only."""
        while len(self._early) > count:
            self._early.popitem()

    def _keep(self, key: Hashable, answer: A, seen: int) -> None:
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[key] = answer, seen


class Beside(Generic[K, V]):
    """Answers beside those of `Answers`, which they rest on: remembered unless these were unfinished."""

    def __init__(self, answers: Answers[A], footprint: Footprint) -> None:
        self._final = answers.final
        self._footprint = footprint
        self._known: dict[K, tuple[V, int]] = {}

    def ask(self, key: K, find: Callable[[], V]) -> V:
        """The answer to `key`, which `find` works out."""
        known = self._known.get(key)
        if known is not None:
            self._footprint.seen |= known[1]
            return known[0]
        before = self._footprint.begin()
        try:
            found, is_final = self._final(find)
        finally:
            seen = self._footprint.end(before)
        if is_final:
            self._known[key] = found, seen
        return found
