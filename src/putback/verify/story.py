"""Counterexamples in words: what was decided, what happened, what is left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from putback.verify.choices import Choice, Sort
from putback.verify.events import Event, What
from putback.verify.run import Run

_LONGEST = 14
_CHECK_SUM = re.compile(r"…\d+:[0-9a-f]+")  # of a text that was cut: see fingerprint


def tell(run: Run) -> tuple[str, ...]:
    """A run as numbered sentences."""
    told = [*_decisions(run), *_events(run.trace), _end(run), *_left_behind(run)]
    return tuple(f"{number}. {_CHECK_SUM.sub('…', sentence)}" for number, sentence in enumerate(told, 1))


def rows(run: Run) -> tuple[int, ...]:
    """The row of each sentence of a run, 0 for those about no row."""
    decided = [0 for _ in _decisions(run)]
    *places, end = run.rows
    happened = [row for event, row in zip(run.trace, places, strict=True) if _is_told(event)]
    if len(happened) > _LONGEST:
        happened = [*happened[: _LONGEST // 2], 0, *happened[-_LONGEST // 2 :]]
    return (*decided, *happened, end, *(violation.row for violation in run.violations))


def tell_difference(why: str, before: Run, after: Run) -> tuple[str, ...]:
    """The run of the fixed version, and how it differs from the original's."""
    same = before.schedule == after.schedule
    extra = [] if same else [f"also decided: {_decision(c)}" for c in after.schedule if c not in before.schedule]
    return (*tell(after), *extra, why)


def _decisions(run: Run) -> Iterator[str]:
    for choice in run.schedule:
        if choice.sort is not Sort.FAULT:
            yield f"suppose {_decision(choice)}"


def _decision(choice: Choice) -> str:
    label = choice.label.rpartition("#")[0] if "#" in choice.label else choice.label
    match choice.sort, choice.option:
        case Sort.FAULT, cls:
            return f"{label} raises {cls}"
        case Sort.RESUME, how:
            return f"the generator is {how} at its yield" if how == "closed" else "an exception arrives at the yield"
        case _, "yes":
            return f"{label} is true" if label.startswith(("bool(", "while ")) else label
        case _, "no":
            return f"not {label}"
        case _, option:
            return f"{label} gives {option}"


def _events(trace: list[Event]) -> list[str]:
    shown = [_event(e) for e in trace if _is_told(e)]
    if len(shown) <= _LONGEST:
        return shown
    return [*shown[: _LONGEST // 2], f"… {len(shown) - _LONGEST} more …", *shown[-_LONGEST // 2 :]]


def _is_told(event: Event) -> bool:
    """Whether it belongs to the story: not what a function that is taken along asks of others in between."""
    return event.what is not What.INFO and not (event.is_own and event.what is What.EXTERNAL)


def _event(event: Event) -> str:
    match event.what:
        case What.ACQUIRE:
            return f"a connection is taken: {event.text}"
        case What.RELEASE:
            return f"{event.subject} is given back"
        case What.YIELD:
            return f"yields {event.text}"
        case What.LOG:
            return f"logs {event.text}"
        case _:
            return event.text


def _end(run: Run) -> str:
    how, what = run.outcome
    return f"the function ends: it {how} {what}" if how != "cut" else f"the run is cut: {what}"


def _left_behind(run: Run) -> Iterator[str]:
    for violation in run.violations:
        if violation.broken.is_leak:
            yield f"{violation.subject} is not given back: {violation.broken.value}"
        else:
            yield f"violated: {violation}"
