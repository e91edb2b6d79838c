"""What `putback.pool.watch` saw leaking in a running program, beside what is found in its code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from putback.model.errors import UsageError
from putback.model.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Seen:
    """A place that took connections which did not come back."""

    file: str
    line: int
    function: str
    times: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function} ({_times(self.times)})"


def read(path: str) -> tuple[Seen, ...]:
    """The places in a file that `Watch.dump` wrote."""
    try:
        holders = json.loads(Path(path).read_text(encoding="utf-8"))["holders"]
        return tuple(
            Seen(str(each["file"]), int(each["line"]), str(each["function"]), int(each["times"])) for each in holders
        )
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is no dump of putback.pool.watch: watching.dump({path!r}) writes one") from None


def no_hints(findings: Iterable[Finding], seen: Iterable[Seen]) -> tuple[Finding, ...]:
    """The findings; what was seen leaking is no hint, whatever makes it one."""
    places = tuple(seen)
    return tuple(
        replace(finding, severity=Severity.WARNING)
        if finding.severity is Severity.INFO and any(_is_at(finding, place) for place in places)
        else finding
        for finding in findings
    )


def seen_first(findings: Iterable[Finding], seen: Iterable[Seen]) -> tuple[Finding, ...]:
    """The findings, those at places that were seen leaking first, and marked."""
    places = tuple(seen)
    marked = [(sum(place.times for place in places if _is_at(finding, place)), finding) for finding in findings]
    there = [(times, finding) for times, finding in marked if times]
    there.sort(key=lambda each: -each[0])
    first = [replace(each, message=f"(seen at run time, {_times(times)}) {each.message}") for times, each in there]
    return (*first, *(finding for times, finding in marked if not times))


def without_finding(findings: Iterable[Finding], seen: Iterable[Seen]) -> tuple[Seen, ...]:
    """The places that were seen leaking and about which nothing is found."""
    found = tuple(findings)
    return tuple(place for place in seen if not any(_is_at(finding, place) for finding in found))


def _is_at(finding: Finding, place: Seen) -> bool:
    """Whether a finding is about a place; the program may have run below another directory."""
    file = place.file.replace("\\", "/")
    same = file == finding.filename.replace("\\", "/") or file.endswith(f"/{finding.path}")
    return same and finding.span.start.row <= place.line <= finding.span.end.row


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
