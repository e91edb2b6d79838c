"""One check-out: which slot, since when, by whom, and from where in the code."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

_HERE = os.path.dirname(__file__) + os.sep
_CONTEXTLIB = f"{os.sep}contextlib.py"

_inside: dict[str, bool] = {}
"""By file, whether it belongs to the pool, or is contextlib, which stands between the pool and a `with`."""

Place = tuple[CodeType, int]
"""One caller: its code and the offset in that."""
Stack = list[Place]
"""Callers, innermost first."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One caller."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


class Lease:
    """A check-out that has not ended, or how it was.

    The stack is kept as code objects and offsets, which costs a microsecond; lines are looked up when it is shown.
    """

    task: str | None = None
    """The name of the asyncio task that took it."""
    reported = False
    """Whether it was reported as held too long."""
    collected = False
    """Whether the borrower's object is gone, garbage-collected."""
    ended = False
    inherited = False
    """Whether it began before the process forked."""

    def __init__(self, slot: int, raw: Any, since: float, stack: Stack, key: Hashable | None = None) -> None:
        self.slot = slot
        self.raw = raw
        self.since = since
        """When it began, in the clock's seconds."""
        self.key = key
        """The key that `getconn(key)` was called with."""
        self.thread = threading.current_thread()
        self.places = stack
        """The callers, innermost first, without their lines."""

    @property
    def stack(self) -> list[Frame]:
        """The callers, innermost first: where the connection was taken."""
        return [frame_of(place) for place in self.places]

    @property
    def place(self) -> Place | None:
        """The place that took it; None without stacks."""
        return self.places[0] if self.places else None

    @property
    def site(self) -> str:
        """The place that took it in words, "unknown" without stacks."""
        return site_of(self.places[0]) if self.places else "unknown"

    @property
    def holder(self) -> str:
        """Who took it, in words."""
        if self.task is not None:
            return f"task {self.task}"
        ended = "" if self.thread.is_alive() else ", which has ended"
        return f"thread {self.thread.name}{ended}"


def callers(depth: int) -> Stack:
    """At most `depth` callers outside of this package, innermost first.

    The first three frames are known to be the pool's own; not looking at them saves making objects of them.
    """
    if not depth:
        return []
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        file = frame.f_code.co_filename
        is_inside = _inside.get(file)
        if is_inside is None:
            is_inside = _inside[file] = file.startswith(_HERE) or file.endswith(_CONTEXTLIB)
        if not is_inside:
            break
        frame = frame.f_back
    found: Stack = []
    for _ in range(depth):
        if frame is None:
            break
        found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return found


def frame_of(place: Place) -> Frame:
    """A place with its line, which is looked up only now."""
    code, offset = place
    return Frame(code.co_filename, _line(code, offset), code.co_qualname)


def site_of(place: Place) -> str:
    """A place in words."""
    return str(frame_of(place))


def _line(code: CodeType, offset: int) -> int:
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno
