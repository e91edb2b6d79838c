"""Examples in text files: a line `[case NAME]`, source code, a line `[out]`, and what is printed of it.

PUTBACK_UPDATE=1 rewrites what is printed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_HEADER = re.compile(r"^\[case (.+)\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One example of a fixture file."""

    name: str
    source: str
    expected: str


def cases(text: str) -> list[Case]:
    """The examples of a file, in order."""
    parts = _HEADER.split(text)
    found = []
    for name, content in zip(parts[1::2], parts[2::2], strict=True):
        source, _, expected = content.partition("\n[out]\n")
        found.append(Case(name, source.strip("\n") + "\n", expected.strip("\n")))
    return found


def hold(path: Path, printed: Callable[[str], str]) -> None:
    """Compare every example of a file with what is printed of it now, or rewrite the file."""
    text = path.read_text(encoding="utf-8")
    found = cases(text)
    assert found, "no [case NAME] in the file"
    assert len({c.name for c in found}) == len(found), "two cases have the same name"
    if os.environ.get("PUTBACK_UPDATE"):
        examples = (f"[case {c.name}]\n{c.source}\n[out]\n{printed(c.source)}\n" for c in found)
        path.write_text(text.partition("[case ")[0] + "\n".join(examples), encoding="utf-8")
        return
    for case in found:
        compile(case.source, case.name, "exec")
        assert printed(case.source) == case.expected, f"{case.name}: PUTBACK_UPDATE=1 rewrites {path.name}"
