"""What the terminal can show, and the progress line on it."""

from __future__ import annotations

import os
import sys
from shutil import get_terminal_size
from time import monotonic

SHOW_AFTER = 0.5  # seconds: a quick run shows no progress
REDRAW_AFTER = 0.1


def colour_wanted(option: str) -> bool:
    """Whether standard output gets colours: `option`, else NO_COLOR, else FORCE_COLOR, else if it is a terminal."""
    if option != "auto":
        return option == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """The columns of the terminal on standard output, 0 when it is none."""
    return get_terminal_size().columns if sys.stdout.isatty() else 0


class Progress:
    """A line on a stderr terminal that says how far the run is; nothing elsewhere, nothing for quick runs."""

    def __init__(self, what: str = "files") -> None:
        self.what = what
        self.active = sys.stderr.isatty()
        self.next = monotonic() + SHOW_AFTER
        self.drawn = False

    def __call__(self, done: int, total: int) -> None:
        """Take note that `done` of `total` are done."""
        if self.active and monotonic() >= self.next:
            self.next = monotonic() + REDRAW_AFTER
            self.drawn = True
            print(f"\r\x1b[K{bar(done, total)} {self.what}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave no trace on the terminal."""
        if self.drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self.drawn = False


def bar(done: int, total: int, width: int = 24) -> str:
    """ "[######------] 12/24"."""
    full = width * done // total if total else width
    return f"[{'#' * full}{'-' * (width - full)}] {done}/{total}"
