"""Findings to text: one file of `formats/` a format, each with `render(report)`, `statistics(report)` and `TRAITS`.

Knows only `model`. Deliberately absent: reading files, deciding what to show, exit codes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from putback.model.report import Report

FORMATS = tuple(
    sorted(
        name.removesuffix(".py").replace("_", "-")
        for name in os.listdir(os.path.join(os.path.dirname(__file__), "formats"))
        if name.endswith(".py") and not name.startswith("_")
    )
)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is to be known of a format before it is written.

    `for_people` begins with what matters most, others are in the order of path and place. `complete` holds the hints
    as well: whoever reads it chooses by the severity. `from_root` spells files as seen from the root of the project,
    the others as seen from the working directory. `document`: its text is one whole, and no other may stand beside it.
    `with_rules` describes the rules. `names` are the endings of file names by which it is known.
    """

    for_people: bool = False
    complete: bool = False
    from_root: bool = True
    document: bool = True
    with_rules: bool = False
    names: tuple[str, ...] = ()


class Format(Protocol):
    """The two functions of a format; both give the whole text, with a final line end unless it is empty."""

    TRAITS: Traits

    def render(self, report: Report) -> str:
        """The findings."""

    def statistics(self, report: Report) -> str:
        """How many findings of which rule."""


def format_named(name: str) -> Format:
    """The format called `name`, one of `FORMATS`; its module is loaded only now."""
    return cast(Format, import_module(f"putback.report.formats.{name.replace('-', '_')}"))


def format_for(file: str) -> str | None:
    """The format that a file is known to hold by its name; the longest ending counts."""
    endings = {ending: name for name in FORMATS for ending in format_named(name).TRAITS.names}
    known = [ending for ending in endings if os.path.basename(file).lower().endswith(ending)]
    return endings[max(known, key=len)] if known else None
