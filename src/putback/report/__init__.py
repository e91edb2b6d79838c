"""Findings to text: one file a format, each with `render(report)` and `statistics(report)`.

Knows only `model`. Deliberately absent: reading files, deciding what to show, exit codes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from putback.model.report import Report

FORMATS = ("full", "concise", "json", "github", "sarif")
FOR_PEOPLE = frozenset(("full", "concise"))
"""The formats that begin with what matters most; the others are in the order of path and place."""
COMPLETE = frozenset(("json",))
"""The formats that always hold the hints as well: whoever reads them chooses by the severity."""


class Format(Protocol):
    """The two functions of a format; both give the whole text, with a final line end unless it is empty."""

    def render(self, report: Report) -> str:
        """The findings."""

    def statistics(self, report: Report) -> str:
        """How many findings of which rule."""


def format_named(name: str) -> Format:
    """The format called `name`, one of `FORMATS`; its module is loaded only now."""
    return cast(Format, import_module(f"putback.report.{name}"))
