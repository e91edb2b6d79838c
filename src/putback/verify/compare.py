"""When two runs are the same: the comparison of a run of the original with one of the fixed version under one fate."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from putback.model.running import Broken
from putback.verify.choices import LOST, Choice, Sort
from putback.verify.events import Event, Foreign, What, releases, visible
from putback.verify.faults import InterfaceError, OperationalError
from putback.verify.fingerprint import unmarked
from putback.verify.run import FINISHED, THROWN_IN, Run
from putback.verify.ways import DESTROYED, PLAIN

_FINISHED_BY = {"exception": ("raises", THROWN_IN), "closed": ("returns", repr("closed"))}


class Comparer:
    """Says what differs in two runs, in words, or None.

    `injects`: what the function acquired is injected now, so that nobody sees when. `outcomes` and `ways` are all
    that the original ends in, and all ways in which it gives back; `asked` all that it does with its data, also in the
    runs `besides`. `replaces`: the error of a rollback may take the place of the answer of a handler, `holds_longer`:
    a connection may go back later than before; in some run it `has_held_longer` then.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        injects: bool,
        besides: Sequence[Run] = (),
        *,
        replaces: bool = False,
        holds_longer: bool = False,
    ) -> None:
        self.injects = injects
        self.replaces = replaces
        self.holds_longer = holds_longer
        self.has_held_longer = False
        self.outcomes = {_unmarked(run.outcome) for run in runs}
        self.asked = frozenset[str]().union(*(run.asked for run in (*runs, *besides)))
        self.ways = {way for run in runs for found in releases(run.trace).values() for way in found.ways}

    def difference(self, before: Run, after: Run) -> str | None:
        """What differs in all that somebody outside can see, and in what is given back."""
        why = self.course(before, after) or self._given_back(before, after) or self.asks_more(after)
        return why or _reads_elsewhere(before, after)

    def course(self, before: Run, after: Run) -> str | None:
        """What differs in result, trace and effects."""
        if before.outcome != after.outcome:
            return f"before, the function {_outcome(before)}; after, it {_outcome(after)}"
        was, now = self._visible(before.trace, before.leaks), self._visible(after.trace, before.leaks)
        if was != now:
            return _first_difference(was, now)
        if before.durable != after.durable:
            return f"committed {_changed(before.durable, after.durable)}"
        if before.left != after.left:
            return f"left for the caller to commit {_changed(before.left, after.left)}"
        if before.outer != after.outer:
            return f"names outside of the function, before: {_names(before)}; after: {_names(after)}"
        if before.shape != after.shape:
            return f"what others have got is in the end, before: {before.shape}; after: {after.shape}"
        return None

    def asks_more(self, after: Run) -> str | None:
        """What the fixed version does with its data that the original does under no fate: for some data it fails."""
        new = sorted(after.asked - self.asked)
        return f"only the fixed version asks for {new[0]}, which not every value allows" if new else None

    def until(self, before: Run, after: Run, position: int) -> str | None:
        """The original goes wrong at `position`; up to there both must do the same."""
        was, now = self._visible(before.trace[:position], True), self._visible(after.trace, True)
        return None if was == now[: len(was)] else _first_difference(was, now)

    def cut(self, before: Run, after: Run) -> str | None:
        """Both were abandoned; what both did before that must be the same."""
        was, now = self._visible(before.trace, before.leaks), self._visible(after.trace, before.leaks)
        least = min(len(was), len(now))
        return None if was[:least] == now[:least] else _first_difference(was, now)

    def after_fault(self, before: Run, after: Run) -> str | None:
        """Something that only the fix does has failed: it may lose something by that, but do nothing else."""
        was = iter([_timeless(e) for e in self._visible(before.trace, True)])
        for event in map(_timeless, self._visible(after.trace, True)):
            if event.what not in (What.FAULT, What.LOG) and event not in was:
                return f"only the fixed version does this, after a failure: {event.text}"
        known = set(map(unmarked, before.durable))
        added = [effect for effect in after.durable if unmarked(effect) not in known]
        if added:
            return f"only the fixed version commits this, after a failure: {', '.join(added)}"
        if after.outcome[0] == "returns" and _unmarked(after.outcome) not in self.outcomes:
            return f"after a failure the fixed version {_outcome(after)}, which the original never does"
        return None

    def after_loss(self, before: Run, after: Run) -> str | None:
        """The statement has cost the connection, so that the fix's rollback fails: nobody may see that.

        Except where the error of the statement leaves the function in any case: then it may be the rollback's. Or where
        that is known to take the place of the handler's answer.
        """
        if before.outcome == after.outcome:
            was, now = self._without_logs(before.trace), self._without_logs(after.trace)
            return None if was == now and before.durable == after.durable else _first_difference(was, now)
        if after.outcome[0] == "raises" and (_passes_on(before) or (self.replaces and is_replaced(before, after))):
            return self.after_fault(before, after)
        return f"when the connection is lost, before, the function {_outcome(before)}; after, it {_outcome(after)}"

    def _without_logs(self, trace: Sequence[Event]) -> list[Event]:
        return [e for e in self._visible(trace, True) if e.what is not What.LOG]

    def lends(self, before: Run, after: Run) -> str | None:
        """A provider that returned now yields: it must lend what it returned, once, and only give that back."""
        lent = [event.text for event in after.trace if event.what is What.YIELD]
        if before.outcome[0] != "returns":
            return self.course(before, after)
        if not (before.handed_on or any(v.broken is Broken.HANDED_OUT_CLOSED for v in before.violations)):
            return "it returned something else than a connection, and is a generator now"
        if lent != [before.outcome[1]]:
            return f"returned before: {before.outcome[1]}; yielded after: {', '.join(lent) or 'nothing'}"
        was, now = self._visible(before.trace), [e for e in self._visible(after.trace) if e.what is not What.YIELD]
        if was != now:
            return _first_difference(was, now)
        if before.durable != after.durable:
            return f"committed {_changed(before.durable, after.durable)}"
        return self._ends(after)

    def _ends(self, after: Run) -> str | None:
        """How a generator that lends has to end: with the exception that arrives at its yield, if one does."""
        how = next((choice.option for choice in after.schedule if choice.sort is Sort.RESUME), "")
        expected = _FINISHED_BY.get(how, ("returns", repr(FINISHED)))
        return None if after.outcome == expected else f"{how or 'resumed'} at its yield, it {_outcome(after)}"

    def _visible(self, trace: Sequence[Event], gives_back: bool = False) -> list[Event]:
        """What somebody outside can see. `gives_back`: more is given back than before, and what the functions that do
        so log and book is a part of that."""
        seen = (e for e in visible(trace) if not (self.injects and e.what is What.ACQUIRE))
        return [e for e in seen if not (gives_back and e.is_own)]

    def _given_back(self, before: Run, after: Run) -> str | None:
        was, now = releases(before.trace), releases(after.trace)
        leaked = {v.subject for v in before.violations if v.broken.is_leak}
        mended = leaked | {v.subject for v in before.violations if v.broken is Broken.DESTROYED}
        for subject, found in now.items():
            known = was.get(subject)
            if known is not None and subject not in mended and set(known.ways) != set(found.ways):
                return f"{subject} is given back in another way: {_ways(known.ways)} before, {_ways(found.ways)} after"
            new = [way for way in found.ways if way != PLAIN and way not in self.ways]
            if new and (self.ways - {DESTROYED} or not all(isinstance(way, Foreign) for way in new)):
                return f"{subject} is given back in a way that the original does not know: {_ways(new)}"
            if known is not None and subject not in leaked and _is_earlier(found.positions, known.positions):
                return f"{subject} is released earlier than before"
            if known is not None and subject not in leaked and _is_earlier(known.waits, found.waits):
                self.has_held_longer = True
                if not self.holds_longer:
                    return f"{subject} is released later than before, behind what others do"
            if before.handed_on and subject not in leaked and len(found.ways) > len(known.ways if known else ()):
                return "a connection is released although it was handed on"
        if after.handed_on and not before.handed_on:
            return "a connection is handed on that was not before"
        return None


def is_replaced(before: Run, after: Run) -> bool:
    """Whether the error of a rollback has taken the place of what the function answered."""
    return before.outcome[0] == "returns" and after.outcome[1].startswith(f"{InterfaceError.__name__}(")


def loses(decisions: Collection[Choice]) -> bool:
    """Whether decisions make a connection lose its server."""
    return any(c.label.endswith(LOST) for c in decisions)


def fails(decisions: Collection[Choice]) -> bool:
    """Whether decisions make something fail."""
    return any(c.sort is Sort.FAULT or c.label.endswith("closed by the server") for c in decisions)


def _passes_on(run: Run) -> bool:
    """Whether the error of a failed statement leaves the function."""
    return run.outcome[0] == "raises" and run.outcome[1].startswith(f"{OperationalError.__name__}(")


def _unmarked(outcome: tuple[str, str]) -> tuple[str, str]:
    return outcome[0], unmarked(outcome[1])


def _timeless(event: Event) -> Event:
    return event._replace(text=unmarked(event.text))


def _reads_elsewhere(before: Run, after: Run) -> str | None:
    """What both versions decide by, and the fixed one has read at another place.

    Where the original leaks, the fix comes to places that the original does not.
    """
    if before.violations or after.decided_by <= before.decided_by:
        return None
    both = set(map(unmarked, before.decided_by))
    new = sorted(unmarked(text) for text in after.decided_by - before.decided_by if unmarked(text) in both)
    return f"it depends on {new[0]}, read on the other side of a call" if new else None


def _is_earlier(now: list[int], was: list[int]) -> bool:
    return any(b < a for a, b in zip(was, now, strict=False))


def _ways(ways: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(way or "plainly" for way in ways))


def _outcome(run: Run) -> str:
    return " ".join(run.outcome)


def _names(run: Run) -> str:
    return ", ".join(f"{name} = {value}" for name, value in run.outer.items()) or "as they were"


def _changed(before: list[str], after: list[str]) -> str:
    """The effects that only one of two versions has; all of them when they differ in order alone."""
    lost, added = [e for e in before if e not in after], [e for e in after if e not in before]
    if not (lost or added):
        lost, added = before, after
    return f"before: {', '.join(lost) or 'nothing else'}; after: {', '.join(added) or 'nothing else'}"


def _first_difference(was: list[Event], now: list[Event]) -> str:
    at = next((n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    return f"before: {_event(was, at)}; after: {_event(now, at)}"


def _event(trace: list[Event], at: int) -> str:
    return trace[at].text if at < len(trace) else "nothing more"
