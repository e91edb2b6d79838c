"""Every order of events of small pools, one after the other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest

from putback.pool.state import Action, Close, Give, Open, Order, Phase, PoolState, Refuse, Reset, StepError


class World:
    """A pool with what is going on around it: who asked, who holds what, and the I/O under way."""

    def __init__(self, limit: int, keep: int, askers: int) -> None:
        self.state = PoolState(limit, keep)
        self.to_ask = askers
        self.asked = 0
        self.waiting: list[int] = []
        self.held: dict[int, int] = {}
        self.opening: dict[int, int] = {}
        self.resetting: set[int] = set()
        self.closing: set[int] = set()

    def take(self, *actions: Action) -> None:
        """Believe what the state says, and check that it may say so."""
        for action in actions:
            match action:
                case Give(slot, ticket):
                    self._answer(ticket)
                    assert slot not in self.held, "one connection for two"
                    self.held[slot] = ticket
                case Open(slot, ticket):
                    assert ticket is not None
                    self._answer(ticket)
                    self.opening[slot] = ticket
                case Refuse(ticket, _):
                    if ticket in self.waiting:
                        self.waiting.remove(ticket)
                case Reset(slot):
                    self.resetting.add(slot)
                case Close(slot):
                    self.held.pop(slot, None)
                    self.closing.add(slot)

    def _answer(self, ticket: int) -> None:
        """Requests are answered once, in the order in which they came."""
        if self.waiting and ticket in self.waiting:
            assert ticket == self.waiting.pop(0)

    def ask(self, patient: bool) -> None:
        self.to_ask -= 1
        self.asked += 1
        answer = self.state.ask(self.asked, patient)
        if answer is None:
            self.waiting.append(self.asked)
        else:
            self.take(answer)

    def leave(self, ticket: int) -> None:
        assert self.state.leave(ticket)
        self.waiting.remove(ticket)

    def opened(self, slot: int) -> None:
        self.held[slot] = self.opening.pop(slot)
        self.take(*self.state.opened(slot))

    def failed(self, slot: int) -> None:
        del self.opening[slot]
        self.take(*self.state.failed(slot))

    def renew(self, slot: int) -> None:
        self.opening[slot] = self.held.pop(slot)
        self.state.renew(slot)

    def give_back(self, slot: int, clean: bool) -> None:
        del self.held[slot]
        self.take(*self.state.give_back(slot, clean))

    def discard(self, slot: int) -> None:
        del self.held[slot]
        self.take(*self.state.discard(slot))

    def settled(self, slot: int, fit: bool) -> None:
        self.resetting.remove(slot)
        self.take(*self.state.settled(slot, fit))

    def keep_lent(self, slot: int) -> None:
        self.resetting.remove(slot)
        self.held[slot] = 0
        self.take(*self.state.keep_lent(slot))

    def closed_one(self, slot: int) -> None:
        self.closing.remove(slot)
        self.take(*self.state.closed_one(slot))

    def shut(self, with_lent: bool) -> None:
        self.take(*self.state.shut(with_lent))

    def steps(self) -> Iterator[Callable[[World], None]]:
        """Everything that can happen next."""
        if self.to_ask:
            yield lambda world: world.ask(True)
            yield lambda world: world.ask(False)
        for ticket in self.waiting:
            yield lambda world, ticket=ticket: world.leave(ticket)  # type: ignore[misc]
        for slot in self.opening:
            yield lambda world, slot=slot: world.opened(slot)  # type: ignore[misc]
            yield lambda world, slot=slot: world.failed(slot)  # type: ignore[misc]
        for slot in self.held:
            yield lambda world, slot=slot: world.give_back(slot, True)  # type: ignore[misc]
            yield lambda world, slot=slot: world.give_back(slot, False)  # type: ignore[misc]
            yield lambda world, slot=slot: world.discard(slot)  # type: ignore[misc]
            yield lambda world, slot=slot: world.renew(slot)  # type: ignore[misc]
        for slot in self.resetting:
            yield lambda world, slot=slot: world.settled(slot, True)  # type: ignore[misc]
            yield lambda world, slot=slot: world.settled(slot, False)  # type: ignore[misc]
            yield lambda world, slot=slot: world.keep_lent(slot)  # type: ignore[misc]
        for slot in self.closing:
            yield lambda world, slot=slot: world.closed_one(slot)  # type: ignore[misc]
        if not self.state.closed:
            yield lambda world: world.shut(True)
            yield lambda world: world.shut(False)

    def check(self) -> None:
        """What must be true between any two events."""
        state = self.state
        phases = state.phases
        assert state.limit is not None and len(phases) <= state.limit, "more connections than allowed"
        assert list(state.shelf) == [slot for slot in state.shelf if phases[slot] is Phase.IDLE]
        assert len(state.shelf) == state.count(Phase.IDLE) <= state.keep
        assert list(state.line) == self.waiting, "somebody is forgotten, or answered twice"
        if self.waiting:
            assert not state.shelf and not state.closed, "somebody waits for what is there"
            assert len(phases) == state.limit, "somebody waits though there is room"
            if not self.resetting and not self.closing:
                assert all(state.line.values()), "an impatient request waits for nothing that is on its way"
        ours = {
            Phase.OPENING: set(self.opening),
            Phase.LEASED: set(self.held),
            Phase.RETURNING: self.resetting,
            Phase.CLOSING: self.closing,
            Phase.IDLE: set(state.shelf),
        }
        for phase, slots in ours.items():
            assert {slot for slot, found in phases.items() if found is phase} == slots
        if state.closed:
            assert not state.shelf and not state.line

    def key(self) -> object:
        """The same for worlds that differ in numbers only."""
        slots = {slot: place for place, slot in enumerate(sorted(self.state.phases))}
        tickets = {ticket: place for place, ticket in enumerate(self.waiting)}
        return (
            tuple((slots[slot], phase) for slot, phase in sorted(self.state.phases.items())),
            tuple(slots[slot] for slot in self.state.shelf),
            tuple((tickets[ticket], patient) for ticket, patient in self.state.line.items()),
            self.state.closed,
            self.to_ask,
        )


@pytest.mark.parametrize(("limit", "keep", "askers"), [(1, 0, 4), (1, 1, 4), (2, 1, 5), (2, 2, 5), (3, 2, 4)])
def test_nobody_is_lost_and_nothing_is_lent_twice_in_any_order_of_events(limit: int, keep: int, askers: int) -> None:
    first = World(limit, keep, askers)
    first.check()
    seen = {first.key()}
    waiting = [first]
    while waiting:
        world = waiting.pop()
        for step in list(world.steps()):
            after = copy.deepcopy(world)
            step(after)
            after.check()
            if after.key() not in seen:
                seen.add(after.key())
                waiting.append(after)
    assert len(seen) > 50, "the walk got somewhere"


def test_a_step_that_does_not_fit_is_refused() -> None:
    state = PoolState(1, 1)
    with pytest.raises(StepError, match="slot 1 is gone, not leased"):
        state.give_back(1, clean=True)
    state.ask(1, patient=True)
    with pytest.raises(StepError, match="slot 1 is opening, not leased"):
        state.give_back(1, clean=True)


@pytest.mark.parametrize(("order", "lent"), [(Order.NEWEST, 2), (Order.OLDEST, 1)])
def test_the_order_says_which_idle_connection_is_lent(order: Order, lent: int) -> None:
    state = PoolState(2, 2, order)
    for opening in state.fill(2):
        state.opened(opening.slot, for_shelf=True)
    assert repr(state.ask(1, patient=True)) == repr(Give(lent, 1))


def test_no_limit_opens_one_more_each_time() -> None:
    state = PoolState(None, 5)
    answers = [state.ask(ticket, patient=False) for ticket in (1, 2, 3)]
    assert repr(answers) == repr([Open(1, 1), Open(2, 2), Open(3, 3)])


def test_only_so_many_may_wait() -> None:
    state = PoolState(1, 1, max_waiting=1)
    state.ask(1, patient=True)
    assert state.ask(2, patient=True) is None
    assert isinstance(state.ask(3, patient=True), Refuse)


def test_the_state_prints_itself() -> None:
    state = PoolState(1, 1)
    state.ask(1, patient=True)
    state.opened(1)
    state.ask(2, patient=True)
    assert state.dump() == "[1:leased] waiting [2]"
