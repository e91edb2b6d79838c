"""What must hold between a function before and after its fix, told from runs alone."""

from __future__ import annotations

from collections.abc import Iterator

from stage import Program, Record, Schedule, schedules

UNBOUND = ("raised", "UnboundLocalError")


def differences(before: str, after: str, function: str, mended: bool, safe: bool) -> Iterator[str]:
    """What a fix broke in `function`.

    `mended`: nothing is reported there any more, so nothing may leak. `safe`: no connection may be held longer than
    before on a normal path.
    """
    old, new = Program(before), Program(after)
    for schedule, then in schedules(old, function):
        now = new.run(function, schedule)
        for fault in _faults(schedule, then, now, mended, safe):
            yield f"{function}, {schedule}: {fault}\n  before: {then}\n  after:  {now}"


def leaks(text: str, function: str) -> bool:
    """Whether `function` leaks under some schedule."""
    return any(record.leaked for _, record in schedules(Program(text), function))


def _faults(schedule: Schedule, then: Record, now: Record, mended: bool, safe: bool) -> Iterator[str]:
    if set(now.leaked) - set(() if mended else then.leaked):
        yield "leaks"
    if then.wrong:
        return
    if now.wrong:
        yield "does wrong"
    if then.leaked or (then.outcome == UNBOUND and now.outcome != UNBOUND):  # no name hides the error any more
        return
    if then.outcome != now.outcome:
        yield "ends differently"
    if _told(then) != _told(now):
        yield "calls something else"
    is_normal = not schedule.faults and not then.raised
    if safe and is_normal and any(len(now.behind.get(n, ())) < _work(c) for n, c in then.behind.items()):
        yield "holds longer"


def _told(record: Record) -> list[str]:
    """The calls that a fix must leave as they are: it may add a rollback, and put a release in place of a close."""
    return [call for call in record.calls if call not in ("rollback", "close")]


def _work(calls: tuple[str, ...]) -> int:
    """How many calls take time."""
    return sum(call not in ("here", "unlock", "cursor.close", "close") for call in calls)
