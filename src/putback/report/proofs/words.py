"""Sentences that the formats of proofs share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from putback.model.proven import Occupancy, Proven
from putback.report.counts import number

GOOD, BAD, OPEN = "good", "bad", "open"


def tone(each: Proven) -> str:
    """Whether an outcome is good news, bad news, or no news."""
    if each.accepted:
        return GOOD
    return BAD if each.rejected or each.verdict in ("leaks", "broken") else OPEN


def meaning(each: Proven) -> str:
    """The outcome in a sentence."""
    if each.rejected:
        return f"the fix is wrong: {each.reason}"
    if each.after:
        return each.reason
    return f"{each.reason}; {why_unfixed(each)}"


def why_unfixed(each: Proven) -> str:
    """Why there is no fixed version."""
    reasons = dict.fromkeys(f.no_fix_reason for f in each.findings if f.no_fix_reason)
    return f"no fix: {'; '.join(reasons)}" if reasons else "no fix"


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


def summary(proven: Sequence[Proven]) -> str:
    """All verdicts, counted."""
    if not proven:
        return "There is nothing to verify: no findings."
    kinds = Counter(each.verdict.partition("(")[0] for each in proven)
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    seconds = sum(each.seconds for each in proven)
    schedules = sum(each.schedules for each in proven)
    return f"{number(len(proven), 'function')}: {counted} ({schedules:,} schedules, {seconds:.2f} s)."
