"""Questions that lead to each other, and so in circles: each is worked out once, however they hang together.

`a = b or c`, `b = c or a`, `c = a or b` in a hundred methods have more paths through them than anybody can walk. A
question that is asked again while it is being worked out is answered with what is known so far. What rests on such an
answer is kept as long as that question is open; it is asked a second time with the answer of the first round in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

A = TypeVar("A", bound=Hashable)

_CUT = -1
"""Where an answer hangs that is incomplete because of too many questions inside of each other."""


@dataclass(slots=True)
class _Open(Generic[A]):
    """A question that is being worked out: the `place` in the row of open ones, and what is known so far."""

    place: int
    guess: A


@dataclass(slots=True)
class _Early(Generic[A]):
    """An answer that rests on the question open at place `rests`."""

    rests: int
    answer: A


class Answers(Generic[A]):
    """The answers of one run. `nothing` is what an unfinished question is answered with.

    `deepest`: how many questions may be open at a time; `most`: how many answers are kept.
    """

    def __init__(self, nothing: A, deepest: int, most: int) -> None:
        self._nothing = nothing
        self._deepest = deepest
        self._most = most
        self._known: dict[Hashable, A] = {}
        self._open: dict[Hashable, _Open[A]] = {}
        self._early: dict[Hashable, _Early[A]] = {}
        self._rests = deepest + 1  # the lowest place that the question being worked out rests on, itself included

    @property
    def open(self) -> int:
        """How many questions are being worked out, one inside of the other."""
        return len(self._open)

    def known(self, key: Hashable) -> A | None:
        """The final answer to a question; None when there is none yet."""
        return self._known.get(key)

    def ask(self, key: Hashable, find: Callable[[], A]) -> A:
        """The answer to question `key`, which `find` works out, asking others."""
        known = self._known.get(key)
        if known is not None:
            return known
        if key in self._open:
            self._rest_on(self._open[key].place)
            return self._open[key].guess
        if key in self._early:
            self._rest_on(self._early[key].rests)
            return self._early[key].answer
        if len(self._open) > self._deepest:
            self._rest_on(_CUT)
            return self._nothing
        return self._work_out(key, find)

    def _rest_on(self, place: int) -> None:
        self._rests = min(self._rests, place)

    def _work_out(self, key: Hashable, find: Callable[[], A]) -> A:
        place, before, outside = len(self._open), len(self._early), self._rests
        mine = self._open[key] = _Open(place, self._nothing)
        rests = outside
        try:
            found, rests = self._round(find)
            if rests == place and found != mine.guess:
                mine.guess = found
                self._forget_early(before)
                found, rests = self._round(find)
        finally:
            del self._open[key]
            self._rests = outside
        if rests >= place or not place:
            self._forget_early(before)
            self._keep(key, found)
        else:
            self._rest_on(rests)
            self._early[key] = _Early(rests, found)
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

    def _keep(self, key: Hashable, answer: A) -> None:
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[key] = answer
