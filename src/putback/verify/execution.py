"""What happens in one run: its decisions and its trace, and what the stand-ins ask of it."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from putback.model.running import ABOUT_HANDLERS, Broken
from putback.verify.choices import LOST, Decider, Sort
from putback.verify.events import Event, Overlooked, Violation, What
from putback.verify.faults import Cancelled, Cut, Faults
from putback.verify.fingerprint import fingerprint, unmarked
from putback.verify.roles import Bounds, Does, Roles
from putback.verify.slot import Slot

NO_ITEMS = "0 items"
"""The option of something iterated that it is empty."""
_LONGEST_LABEL = 1_500
"""Longer ones come of a recursion into stand-ins, which have no end."""
_CHANCES = (What.ACQUIRE, What.DATABASE, What.EXTERNAL, What.YIELD)
_BOOKKEEPING = (What.LOG, What.STORE)
_NESTED = 12
_NO_YES = ("no", "yes")
_YES_NO = ("yes", "no")


class Premises(NamedTuple):
    """What a run starts from; `faults` are the classes that handlers tell apart."""

    roles: Roles
    bounds: Bounds
    faults: Faults
    is_async: bool
    overlooked: Overlooked = Overlooked()


class Execution(ABC):
    """One run, without the model of the database.

    `kept` is what others have got and may keep connections by, `given` the containers among what they have got.

    `custom` are the exception classes of the code itself, once resolved, `reading` those that reading an attribute or
    an item raises too, `slots` the connections that there are. `moment` says how often others had a chance to change
    what they can reach, `chances` how often time has passed, and `decided_by` what it depends on that was read after
    such. `inside` are the functions taken along that are under way, `handling` those in which something was acquired or
    given back, `failed_inside` those in which something has failed, and `calling` the place of the call that led to
    them; `taken_by` is the call, with its row, that hands out what is acquired now.
    """

    def __init__(self, premises: Premises, decider: Decider) -> None:
        self.roles, self.bounds, self.faults, self.is_async, self.overlooked = premises
        self.has_overlooked = bool(self.overlooked.names)
        self.decider = decider
        self.custom: tuple[type[BaseException], ...] = ()
        self.reading: tuple[type[BaseException], ...] = ()
        self.trace: list[Event] = []
        self.violations: list[Violation] = []
        self.kept: list[Any] = []
        self.given: list[Any] = []
        self.points: set[int] = set()
        self.point = 0
        self.places: list[int] = []
        self.rounds: dict[object, int] = {}
        self.unexplained: list[str] = []
        self.asked: set[str] = set()
        self.moment = 0
        self.chances = 0
        self.decided_by: set[str] = set()
        self.cut_off: str | None = None
        self.faults_left = self.bounds.faults
        self.no_new_faults = False
        self.inside: list[tuple[str, Mapping[str, str]]] = []
        self.calling = 0
        self.taken_by: tuple[str, int] | None = None
        self.handling: set[str] = set()
        self.failed_inside: set[str] = set()
        self._answers: dict[tuple[str, str], int] = {}
        self._failed: set[str] = set()
        self._steps: dict[str, int] = {}
        self.slots: list[Slot] = []
        self.giving = {p.callee.rpartition(".")[2] for p in self.roles.passes if p.does is Does.RELEASES}
        self.giving.update(*(p.given_back_by for p in self.roles.profiles.values()), ("close",))
        self.has_sessions = any(p.lazy for p in self.roles.profiles.values())

    # -- what the model answers

    @abstractmethod
    def raised(self, cls: type[BaseException], text: str) -> BaseException:
        """An exception of the model, able to answer for attributes that the code asks of it."""

    @abstractmethod
    def named(self, path: str) -> Any:
        """What a name of the module means, or an attribute: a scoped session, or a new value of unknown kind."""

    @abstractmethod
    def stored(self, path: str, value: Any) -> None:
        """The code keeps a value on something that it did not make: that becomes an owner."""

    @abstractmethod
    def loads(self, path: str) -> None:
        """An attribute is read, which may be one that a session has to load; asked only if there are sessions."""

    @abstractmethod
    def called(self, callee: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """A call of a stand-in."""

    @abstractmethod
    def entered(self, value: Any) -> Any:
        """`with` on a stand-in."""

    # -- what happened

    def note(
        self,
        what: What,
        text: str,
        subject: str = "",
        way: str = "",
        *,
        is_aside: bool = False,
        is_quick: bool = False,
    ) -> None:
        """Add to the trace.

        `is_aside`: where a function that is taken along does it, it is a part of what that does and no effect of its
        own: it asks a function of the project that is not run itself, enters a lock, closes what a connection made.
        """
        if self.cut_off is None:
            if self.inside and what in (What.ACQUIRE, What.RELEASE, What.FAULT):
                names = (name for name, _ in self.inside)
                (self.failed_inside if what is What.FAULT else self.handling).update(names)
            is_own = bool(self.inside) and (is_aside or what in _BOOKKEEPING)
            self.trace.append(Event(what, text, subject, unmarked(way) if way else way, is_own, is_quick))
            if what in _CHANCES and not (is_own or is_aside):
                self.chances += 1
                self.moment += what is What.EXTERNAL and not is_quick
            self.places.append(self.calling if self.inside else self.point)

    @contextmanager
    def within(self, name: str, given: Mapping[str, str]) -> Iterator[None]:
        """A function that is taken along is under way: the run is abandoned where it calls itself too often.

        `given` are its parameters, by the provenance of the values that it has in them.
        """
        if sum(name == other for other, _ in self.inside) > _NESTED:
            self.cut("depth")
        point = self.point
        if not self.inside:
            self.calling = point
        self.inside.append((name, given))
        try:
            yield
        except Exception:
            self.failed_inside.add(name)
            raise
        finally:
            self.inside.pop()
            self.point = point

    @contextmanager
    def taking(self, callee: str, row: int) -> Iterator[None]:
        """A function that hands a connection out is under way: the call of the verified function acquires, whatever
        that calls."""
        around, self.taken_by = self.taken_by, self.taken_by or (callee, row)
        try:
            yield
        finally:
            self.taken_by = around

    def as_written(self, path: str) -> str:
        """How the function that is under way writes a provenance: by its parameter, where the value came in by one."""
        given = self.inside[-1][1] if self.inside else {}
        whole = next((p for p in given if path == p or path.startswith(f"{p}.")), None)
        return path if whole is None else given[whole] + path[len(whole) :]

    def violated(self, broken: Broken, subject: str, callee: str = "", handler: int = 0) -> None:
        """An invariant is violated here."""
        if self.cut_off is None:
            row = next((slot.row for slot in self.slots if slot.name == subject), 0)
            self.violations.append(Violation(broken, subject, len(self.trace), callee, handler, row))

    def overlooks(self, broken: Broken, handler: int = 0) -> bool:
        """Whether what would be violated here is passed over."""
        found = broken in self.overlooked.kinds and (
            broken not in ABOUT_HANDLERS or handler in self.overlooked.handlers
        )
        self.has_overlooked = self.has_overlooked or found
        return found

    def cut(self, why: str) -> None:
        """Abandon the run."""
        self.cut_off = self.cut_off or why
        raise Cut(why)

    def changed(self, text: str) -> None:
        """The code changes something that it did not make, in another way than by an assignment."""
        self.note(What.STORE, text)

    def asks(self, text: str) -> None:
        """The code does with its data what not every value allows: takes an item, goes through it, computes."""
        if self.cut_off is None:
            self.asked.add(unmarked(text))

    def depends(self, text: str) -> None:
        """The run depends on something that was read at some moment."""
        if self.cut_off is None:
            self.decided_by.add(text)

    # -- decisions

    @property
    def has_failed(self) -> bool:
        """Whether an operation of this run has failed."""
        return any(event.what is What.FAULT for event in self.trace)

    def _pick(self, sort: Sort, label: str, options: Sequence[str]) -> int:
        if self.cut_off is not None:
            return 0
        label = unmarked(label)
        if len(self.decider.trail) >= self.bounds.choices:
            self.cut("choices")
        if len(label) > _LONGEST_LABEL:
            self.cut("depth")
        return self.decider.pick(sort, label, options)

    def branch(self, label: str, *, usually: bool = True, once: bool = False) -> bool:
        """A condition: `usually` is its default; asked `once`, the answer holds for every run with this label."""
        if not once:
            self.depends(label)
            label = self.decider.numbered(Sort.BRANCH, unmarked(label))
        picked = self._pick(Sort.BRANCH, label, _YES_NO if usually else _NO_YES)
        return (picked == 0) == usually

    def loses(self, name: str) -> bool:
        """Whether the statement that has failed has cost the connection, so that a rollback of the fix fails as well.

        That is one fault with two effects, not two faults.
        """
        if self.cut_off is not None:
            return False
        return bool(self.decider.pick_for_fix(Sort.BRANCH, f"{name}{LOST}", _NO_YES))

    def fault(
        self, label: str, classes: Sequence[type[BaseException]], level: int = 1, *, awaited: bool = False
    ) -> None:
        """An operation that can fail: raises one of `classes` when so decided.

        An operation that has just failed may fail again although all faults are used up: retry loops give up only then.
        """
        if self.cut_off is not None or level > self.bounds.level or not (classes or awaited):
            return
        label = unmarked(label)
        again = label in self._failed
        number = self.decider.numbered(Sort.FAULT, label)
        if (self.faults_left <= 0 and not again) or self.no_new_faults:
            return
        if awaited and (self.faults.cancels or self.bounds.level >= 2):
            classes = (*classes, Cancelled)
        picked = self._pick(Sort.FAULT, number, ("no", *(c.__name__ for c in classes)))
        self._failed.discard(label)
        if picked:
            if not again:
                self.faults_left -= 1
            self._failed.add(label)
            self.note(What.FAULT, f"{label} raises {classes[picked - 1].__name__}")
            raise self.raised(classes[picked - 1], f"fault at {label}")

    def cancelled(self, path: str) -> None:
        """The code awaits a stand-in."""
        self.fault(f"await {path}", (), 1 if self.faults.cancels else 2, awaited=True)
        self.note(What.EXTERNAL, f"await {path}", is_aside=True, is_quick=True)

    def step_of(self, path: str, *, awaited: bool) -> None:
        """A loop asks a stand-in for its next item."""
        self.fault(f"next of {path}", (*self.faults.other, *self.custom), 2, awaited=awaited)

    def item_of(self, path: str, key: Any) -> None:
        """The code asks a stand-in for an item, and no exception is being handled."""
        label = f"{path}[{fingerprint(key)}]"
        self.fault(label, self.reading)
        self.fault(label, (*self.faults.other, *self.custom), 2)

    def read(self, path: str, name: str) -> None:
        """The code asks a stand-in for an attribute: what gives back is there, whatever else may fail."""
        if name not in self.giving and sys.exc_info()[0] is None:
            self.fault(f"{path}.{name}", self.reading)

    def resumed(self) -> int:
        """How a generator goes on after a `yield`: 0 resumed, 1 by an exception thrown in, 2 closed."""
        options = ("resumed", "exception", "closed") if self.faults_left > 0 else ("resumed",)
        picked = self._pick(Sort.RESUME, self.decider.numbered(Sort.RESUME, "yield"), options)
        if picked:
            self.faults_left -= 1
        return picked

    # -- questions about stand-ins, by where these come from

    def truth(self, path: str, seen: str = "") -> bool:
        """Whether a stand-in is true: the same answer each time, and in agreement with None and emptiness.

        `seen` says when it was read.
        """
        self.depends(f"bool({seen})")
        if self._answers.get(("none", path), 0) == 1:
            return False
        if ("count", path) in self._answers:
            return self._answers["count", path] > 0
        return bool(self._answer("truth", path, lambda: int(self.branch(f"bool({path})", once=True))))

    def is_none(self, path: str, seen: str = "") -> bool:
        """Whether a stand-in is None."""
        self.depends(f"{seen} is None")
        if self._answers.get(("truth", path)) == 1 or ("count", path) in self._answers:
            return False
        return bool(self._answer("none", path, lambda: int(self.branch(f"{path} is None", usually=False, once=True))))

    def exists(self, path: str) -> None:
        """What has just handed out a connection is not None, whatever it was found to be before its set-up."""
        self._answers["none", path] = 0
        self._answers["truth", path] = 1

    def count(self, path: str) -> int:
        """How many items a stand-in has: 1 or 0, or the bound."""
        self.asks(f"the items of {path}")
        return self._answer("count", path, lambda: self._counted(path))

    def _counted(self, path: str) -> int:
        many = [f"{n} items" for n in range(2, self.bounds.items + 1)][-1:]
        known = self._answers.get(("truth", path))
        if known == 0 or self._answers.get(("none", path), 0) == 1:
            return 0
        options = ["1 item", *([] if known == 1 else [NO_ITEMS]), *many]
        picked = self._pick(Sort.BRANCH, f"len({path})", options) if len(options) > 1 else 0
        return int(options[picked].partition(" ")[0])

    def _answer(self, question: str, path: str, decide: Any) -> int:
        key = (question, unmarked(path))
        if key not in self._answers:
            self._answers[key] = decide()
        return self._answers[key]

    def step(self, label: str) -> int:
        """How often this was asked for, from 1."""
        label = unmarked(label)
        self._steps[label] = self._steps.get(label, 0) + 1
        return self._steps[label]
