"""Sentences that the formats of proofs share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from shlex import quote

from putback.model.occupancy import Occupancy
from putback.model.verified import ProofReport, Proven
from putback.report.counts import number

GOOD, BAD, OPEN = "good", "bad", "open"


def tone(each: Proven) -> str:
    """Whether an outcome is good news, bad news, or no news."""
    if each.accepted:
        return GOOD
    return BAD if each.rejected or each.verdict in ("leaks", "broken") else OPEN


def meaning(each: Proven, bounds: str) -> str:
    """The outcome in a sentence; `bounds` are said elsewhere."""
    reason = each.reason.replace(f"; within {bounds}", "")
    if each.rejected:
        return f"a run tells the two versions apart: {reason}"
    if each.after:
        return f"{reason}; given what is believed of {', '.join(each.given)}" if each.given else reason
    reasons = dict.fromkeys(f.no_fix_reason for f in each.findings if f.no_fix_reason)
    return f"{reason}; no fix: {'; '.join(reasons)}" if reasons else f"{reason}; no fix"


def replayed(each: Proven, schedule: Sequence[str]) -> str:
    """The command that makes a run of the original again."""
    choices = "".join(f" --choice {quoted(choice)}" for choice in schedule)
    return f"putback verify {quoted(each.path)} --replay {each.function}{choices}"


def quoted(text: str) -> str:
    """A text as one word for a shell, as readable as may be."""
    if set(text).isdisjoint('"$`\\!') and quote(text) != text:
        return f'"{text}"'
    return quote(text)


def is_picture_worth(each: Proven) -> bool:
    """Whether the pool of the original fills up, so that there is something to see."""
    return each.occupancy is not None and bool(each.after) and max(each.occupancy.before, default=0) > 0


def taken(counts: Sequence[int], refused: int, size: int) -> str:
    """What becomes of a pool."""
    if refused:
        return f"exhausted after request {len(counts) - refused}, {number(refused, 'request')} refused"
    if not counts or not max(counts):
        return "stays free"
    return f"{counts[-1]} of {size} connections lost"


def pool(picture: Occupancy) -> str:
    """The pool of the picture."""
    return f"a pool of {picture.size} connections, the same {len(picture.before)} requests"


LEVELS = {
    1: "what commonly fails: taking a connection, statements, commits, calls of unknown code",
    2: "also rollbacks, closing cursors, and being cancelled at an await",
    3: "also giving the connection back",
}


def glossary(report: ProofReport) -> Iterator[tuple[str, str]]:
    """What the page's own words mean."""
    yield (
        "schedule",
        "one run of the function, with one choice of what fails, which way branches go, how often loops run and what "
        "comes back; 10 schedules are ten such runs, of the original and of the fixed version under the same choices",
    )
    yield f"fault of level {report.level}", f"an operation that raises: {LEVELS.get(report.level, LEVELS[3])}"
    yield (
        "leaked before, after",
        "schedules in which a connection was not given back: as it is, as the fix leaves it",
    )
    yield "proved", "no schedule within the bounds tells the two versions apart, and none of the fixed version leaks"


def summary(proven: Collection[Proven]) -> str:
    """All verdicts, counted."""
    if not proven:
        return "There is nothing to verify: no findings."
    kinds = Counter(each.verdict.partition("(")[0] for each in proven)
    counted = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    functions = number(len({(each.path, each.row) for each in proven}), "function")
    seconds = sum(each.seconds for each in proven)
    schedules = sum(each.schedules for each in proven)
    return f"{functions}: {counted} ({schedules:,} schedules, {seconds:.2f} s)."


def not_accepted(proven: Collection[Proven]) -> Iterator[str]:
    """Which functions are behind each count that is no good news, one line a verdict."""
    named: dict[str, list[str]] = {}
    for each in proven:
        if not each.accepted:
            place = f"{each.place} {each.function}".rstrip()
            named.setdefault(each.verdict.partition("(")[0], []).append(place)
    for kind, places in sorted(named.items(), key=lambda item: -len(item[1])):
        yield f"{kind}: {', '.join(places)}"
