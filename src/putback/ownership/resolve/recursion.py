"""Questions that lead to each other, and so in circles: the one place where answers are worked out and remembered.

Whoever asks first, the answer is the same:

- *Circles.* A question that is asked again while it is being worked out is answered with what it came to in the round
  before; in the first round with its `nothing`. What rests on such an answer is early. When the outermost question of
  the circle is done it goes round again, until no answer that was given early has turned out to be another one. Then
  all answers of the circle fit each other, and all of them are remembered.
- *Chains.* Python cannot call itself for ever. Where `_DEEPEST` questions are inside of each other, the innermost is
  put in front of all others and worked out by itself; then it is known, and the outermost begins again. So a chain of
  any length is followed to its end.
- *Bounds.* Of what comes back to where it was, or does not come to rest in `_ROUNDS`, nothing is known: it is answered
  with its `nothing`. Where a circle is longer than `_LONGEST`, so is the question that is one too many, and of the
  answers that rest on this one none but the outermost is remembered. Both are said (`bounds`, `watched`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

from msgspec import Struct

from putback.ownership.index.footprint import Footprint

A = TypeVar("A")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_DEEPEST = 60
_LONGEST = 4 * _DEEPEST
_ROUNDS = 100
_PERIOD = 4
"""In how many rounds at most a circle is noticed to come back to where it was."""
_NOWHERE = 1 << 30
"""Where an answer hangs that rests on no open question."""


class _Open(Struct):
    """A question that is being worked out: its `place` in the row of open ones, what it is answered with meanwhile
    (at first with `nothing`), and whether anybody was given that."""

    place: int
    nothing: Any
    guess: Any
    is_used: bool = False


class _Known(Struct):
    """An answer with its footprint; `is_bounded`: a bound was reached on the way to it."""

    answer: Any
    seen: int
    is_bounded: bool = False


class _Early(Struct):
    """An answer that rests on the question open at place `rests`, and what it was `seen` in so far; `of` has what the
    question was answered with meanwhile."""

    rests: int
    answer: Any
    seen: int
    of: _Open


class _TooDeepError(BaseException):
    """So many questions are open that this one has to be worked out first."""

    def __init__(self, key: Hashable, find: Callable[[], Any], nothing: object) -> None:
        super().__init__(key)
        self.question = key, find, nothing


class Watched(Struct, Generic[V], frozen=True):
    """What something came to: `is_final` unless it rests on an unfinished answer, `is_bounded` if a bound was reached
    on the way to it."""

    found: V
    is_final: bool
    is_bounded: bool


class Answers:
    """The answers of one run, whatever they are; `most`: how many are remembered. `bounds` are the questions at which
    a bound was reached.

    What rests on an answer has its footprint: what an early one rests on is asked inside of the question it waits for.
    """

    def __init__(self, footprint: Footprint, most: int | None = None) -> None:
        self.bounds: list[Hashable] = []
        self._footprint = footprint
        self._most = most
        self._known: dict[Hashable, _Known] = {}
        self._open: dict[Hashable, _Open] = {}
        self._early: dict[Hashable, _Early] = {}
        self._guesses: dict[Hashable, Any] = {}
        self._rests = _NOWHERE  # the lowest place that the question being worked out rests on
        self._is_bounded = False
        self._deepest = _DEEPEST

    def known(self, key: Hashable) -> Any:
        """The final answer to a question; None when there is none yet."""
        known = self._known.get(key)
        if known is None:
            return None
        self._footprint.seen |= known.seen
        self._is_bounded = self._is_bounded or known.is_bounded
        return known.answer

    def ask(self, key: Hashable, find: Callable[[], A], nothing: A) -> A:
        """The answer to question `key`, which `find` works out, asking others. `nothing` is what it is taken for as
        long as nothing is known of it."""
        answer: A
        known = self._known.get(key)
        if known is not None:
            self._footprint.seen |= known.seen
            self._is_bounded = self._is_bounded or known.is_bounded
            answer = known.answer
            return answer
        opened = self._open.get(key)
        if opened is not None:
            opened.is_used = True
            self._rest_on(opened.place)
            answer = opened.guess
            return answer
        early = self._early.get(key)
        if early is not None:
            self._rest_on(early.rests)
            self._footprint.seen |= early.seen
            answer = early.answer
            return answer
        if not self._open:
            return self._from_the_bottom(key, find, nothing)
        if len(self._open) < self._deepest:
            return self._work_out(key, find, nothing)
        if self._deepest < _LONGEST:
            raise _TooDeepError(key, find, nothing)
        self._reach_bound(key)
        return nothing

    def watched(self, find: Callable[[], V]) -> Watched[V]:
        """What `find` comes to, and what that rests on."""
        rests, is_bounded = self._rests, self._is_bounded
        self._rests, self._is_bounded = _NOWHERE, False
        try:
            found = find()
            return Watched(found, self._rests == _NOWHERE, self._is_bounded)
        finally:
            self._rests = min(rests, self._rests)
            self._is_bounded = is_bounded or self._is_bounded

    def note_bounded(self, is_bounded: bool) -> None:
        """What is being worked out rests on an answer beside these, which a bound was reached on the way to or not."""
        self._is_bounded = self._is_bounded or is_bounded

    def _rest_on(self, place: int) -> None:
        self._rests = min(self._rests, place)

    def _reach_bound(self, key: Hashable) -> None:
        self.bounds.append(key)
        self._is_bounded = True

    def _from_the_bottom(self, key: Hashable, find: Callable[[], A], nothing: A) -> A:
        """The answer to the outermost question; those that have to be worked out before it come first."""
        todo: list[tuple[Hashable, Callable[[], Any], Any]] = [(key, find, nothing)]
        rests, is_bounded, seen = self._rests, self._is_bounded, self._footprint.seen
        try:
            while True:
                self._rests, self._is_bounded, self._footprint.seen = rests, is_bounded, seen
                try:
                    found: A = self._work_out(*todo[-1])
                except _TooDeepError as deep:
                    if any(deep.question[0] == each[0] for each in todo):
                        self._deepest *= 2  # in a circle nothing comes first
                    else:
                        todo.append(deep.question)
                    continue
                if len(todo) == 1:
                    return found
                todo.pop()
        finally:
            self._deepest = _DEEPEST
            self._early.clear()
            self._guesses.clear()

    def _work_out(self, key: Hashable, find: Callable[[], A], nothing: A) -> A:
        place, early, guesses = len(self._open), len(self._early), len(self._guesses)
        outside, was_bounded = self._rests, self._is_bounded
        before = self._footprint.begin()
        mine = self._open[key] = _Open(place, nothing, self._guesses.get(key, nothing))
        self._is_bounded = False
        try:
            found = self._round(find)
            rounds: list[dict[Hashable, Any]] = []
            while self._rests == place and not self._is_stable(mine, found, early):
                here = {each: waiting.answer for each, waiting in self._since(early)} | {key: found}
                if here in rounds[-_PERIOD:] or len(rounds) == _ROUNDS:
                    rounds.clear()
                    if self._give_up(key, mine, found, early):
                        found = nothing
                        break
                rounds.append(here)
                self._forget_early(early)
                mine.guess, mine.is_used = found, False
                found = self._round(find)
        except BaseException:
            self._forget_early(early)
            raise
        finally:
            del self._open[key]
            rests, self._rests = self._rests, outside
            is_bounded, self._is_bounded = self._is_bounded, was_bounded or self._is_bounded
            seen = self._footprint.end(before)
        if is_bounded and place:
            rests = 0  # no answer by itself: it goes with the outermost
        if rests >= place:
            self._settle(_Known(found, seen, is_bounded), key, early, guesses)
        else:
            self._rest_on(rests)
            self._guesses[key] = found
            self._early[key] = _Early(rests, found, seen, mine)
            for _, each in self._since(early):
                each.rests = min(each.rests, rests)
        return found

    def _round(self, find: Callable[[], A]) -> A:
        self._rests = _NOWHERE
        return find()

    def _is_stable(self, mine: _Open, found: object, early: int) -> bool:
        """Whether all who were answered early, since there were `early` of such answers, were answered rightly."""
        if mine.is_used and mine.guess != found:
            return False
        return not any(each.of.is_used and each.of.guess != each.answer for _, each in self._since(early))

    def _since(self, early: int) -> Iterator[tuple[Hashable, _Early]]:
        """The early answers behind the first `early`, the last one first."""
        return islice(reversed(self._early.items()), len(self._early) - early)

    def _give_up(self, key: Hashable, mine: _Open, found: object, early: int) -> bool:
        """Nothing is known of those that were something else again in this round; whether `key` is one of them."""
        waiting = self._since(early)
        restless = [(each, last.of.nothing) for each, last in waiting if last.of.guess != last.answer]
        is_restless = bool(mine.guess != found)
        if is_restless:
            restless.append((key, mine.nothing))
        for each, nothing in restless:
            self._reach_bound(each)
            self._keep(each, _Known(nothing, self._footprint.seen, True))
        self._forget_early(early)
        return is_restless

    def _settle(self, known: _Known, key: Hashable, early: int, guesses: int) -> None:
        """Remember the answer to `key`, and those that have waited for it: the ones behind the first `early`."""
        self._keep(key, known)
        while len(self._early) > early:
            each, waiting = self._early.popitem()
            if not known.is_bounded:
                self._keep(each, _Known(waiting.answer, known.seen))
        while len(self._guesses) > guesses:
            self._guesses.popitem()

    def _forget_early(self, count: int) -> None:
        """Keep the first `count` early answers only."""
        while len(self._early) > count:
            self._early.popitem()

    def _keep(self, key: Hashable, known: _Known) -> None:
        if self._most is not None and len(self._known) >= self._most:
            self._known.clear()
        self._known[key] = known


class Beside(Generic[K, V]):
    """Answers beside those of `Answers`, which they rest on: remembered unless these were unfinished."""

    def __init__(self, answers: Answers, footprint: Footprint) -> None:
        self._answers = answers
        self._footprint = footprint
        self._known: dict[K, tuple[V, int, bool]] = {}

    def ask(self, key: K, find: Callable[[], V]) -> V:
        """The answer to `key`, which `find` works out."""
        known = self._known.get(key)
        if known is not None:
            self._footprint.seen |= known[1]
            self._answers.note_bounded(known[2])
            return known[0]
        before = self._footprint.begin()
        try:
            watched = self._answers.watched(find)
        finally:
            seen = self._footprint.end(before)
        if watched.is_final:
            self._known[key] = watched.found, seen, watched.is_bounded
        return watched.found

    def clear(self) -> None:
        """Forget them: they can be had again."""
        self._known.clear()
