"""The one place where answers are worked out: in circles, along chains, and at its bounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

import pytest

from putback.ownership.index.footprint import Footprint
from putback.ownership.resolve.recursion import Answers, Beside
from putback.pipeline.check import at_full_speed

Found = frozenset[int]
NOTHING: Found = frozenset()


@pytest.fixture(autouse=True)
def as_in_a_run() -> Iterator[None]:
    """Questions may be as deep inside of each other as in a run."""
    with at_full_speed():
        yield


class Equations:
    """Questions by number: each has an own value, and what those that it asks come to, changed or not."""

    def __init__(self, asks: Mapping[int, tuple[int, ...]], own: Callable[[int], Found]) -> None:
        self.asks = asks
        self.own = own
        self.answers = Answers(Footprint(None))
        self.evaluated = 0

    def ask(self, number: int) -> Found:
        """The answer to a question."""
        return self.answers.ask(number, lambda: self._find(number), NOTHING)

    def _find(self, number: int) -> Found:
        self.evaluated += 1
        return self.step(number, [self.ask(other) for other in self.asks[number]])

    def step(self, number: int, others: list[Found]) -> Found:
        """What a question comes to: a value that is handed on may become another one, up to a limit."""
        given = NOTHING.union(*others)
        return self.own(number) | given | {each + 1 for each in given if number % 3 == 0 and each < number}

    def least(self) -> dict[int, Found]:
        """All answers, by going over all questions until nothing changes."""
        found = dict.fromkeys(self.asks, NOTHING)
        while True:
            after = {number: self.step(number, [found[each] for each in asks]) for number, asks in self.asks.items()}
            if after == found:
                return found
            found = after


@pytest.mark.parametrize("seed", range(60))
def test_circles_come_to_the_same_whoever_asks_first(seed: int) -> None:
    chance = random.Random(seed)
    count = chance.choice((3, 5, 8, 12, 20))
    asks = {n: tuple(chance.randrange(count) for _ in range(chance.randint(0, 3))) for n in range(count)}
    own = {n: frozenset({n % 5} if chance.random() < 0.3 else ()) for n in range(count)}
    expected = Equations(asks, own.__getitem__).least()
    for _ in range(3):
        equations = Equations(asks, own.__getitem__)
        order = chance.sample(range(count), count)
        assert {number: equations.ask(number) for number in order} == expected
        assert not equations.answers.bounds


def test_what_a_circle_came_to_is_worked_out_once() -> None:
    count = 30
    equations = Equations({n: tuple(range(count)) for n in range(count)}, lambda n: frozenset({n}))
    equations.ask(7)
    before = equations.evaluated
    assert {equations.ask(n) for n in range(count)} == {equations.ask(7)}
    assert equations.evaluated == before <= 4 * count


def test_a_chain_is_followed_to_its_end() -> None:
    length = 5_000
    asks = {n: (n + 1,) for n in range(length)} | {length: ()}
    equations = Equations(asks, lambda n: frozenset({n}) if n == length else NOTHING)
    assert equations.ask(2) == {length}
    assert equations.ask(0) == {length}
    assert not equations.answers.bounds
    assert equations.evaluated < 4 * length


@pytest.mark.parametrize(("first", "second"), [("yes", "no"), ("no", "yes")])
def test_of_what_never_comes_to_rest_nothing_is_known_and_that_is_said(first: str, second: str) -> None:
    answers = Answers(Footprint(None))
    asks: dict[str, Callable[[], bool]] = {
        "yes": lambda: answers.ask("no", asks["no"], False),
        "no": lambda: not answers.ask("yes", asks["yes"], False),
    }
    assert (answers.ask(first, asks[first], False), answers.ask(second, asks[second], False)) == (False, False)
    assert set(answers.bounds) == {"yes", "no"}
    assert answers.watched(lambda: answers.ask("yes", asks["yes"], False)).is_bounded


def test_a_circle_that_is_too_long_is_said_and_its_answer_is_kept_for_who_has_asked_alone() -> None:
    length = 1_000
    equations = Equations({n: ((n + 1) % length,) for n in range(length)}, lambda n: frozenset({n % 7}))
    watched = equations.answers.watched(lambda: equations.ask(0))
    assert watched.is_bounded
    assert equations.answers.bounds
    assert equations.answers.watched(lambda: equations.ask(500)).is_bounded


def test_what_stands_beside_an_unfinished_answer_is_not_kept() -> None:
    answers = Answers(Footprint(None))
    beside: Beside[str, Found] = Beside(answers, Footprint(None))
    seen: list[Found] = []

    def outer() -> Found:
        return inner() | {1}

    def inner() -> Found:
        return answers.ask("inner", lambda: beside.ask("beside", lambda: answers.ask("outer", outer, NOTHING)), NOTHING)

    assert answers.ask("outer", outer, NOTHING) == {1}
    seen.append(beside.ask("beside", lambda: answers.ask("outer", outer, NOTHING)))
    assert seen == [frozenset({1})]
