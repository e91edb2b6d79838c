"""The lowering, by example: `fixtures/flow/*.txt` hold sources and the blocks they become.

A case is a line `[case NAME]`, source code, a line `[out]` and the printed blocks. PUTBACK_UPDATE=1 rewrites what is
printed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from putback.flow.dump import dump
from putback.flow.lower import Lowered, lower, lower_module

FOLDER = Path(__file__).parents[2] / "fixtures" / "flow"
HEADER = re.compile(r"^\[case (.+)\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One example of a fixture file."""

    name: str
    source: str
    expected: str


def cases(text: str) -> list[Case]:
    """The examples of a file, in order."""
    parts = HEADER.split(text)
    found = []
    for name, content in zip(parts[1::2], parts[2::2], strict=True):
        source, _, expected = content.partition("\n[out]\n")
        found.append(Case(name, source.strip("\n") + "\n", expected.strip("\n")))
    return found


def printed(source: str) -> str:
    """The blocks of the one function in `source`, those nested in it included, or of its top level."""
    is_function = re.match(r"(@|async def |def )", source) is not None
    lowered = lower(source, 0, source_name(source)) if is_function else lower_module(source)
    return "\n\n".join(one(lowered, name) for name in sorted(lowered.functions))


def one(lowered: Lowered, name: str) -> str:
    """The blocks of one function."""
    return dump(lowered.functions[name], lambda at: lowered.span(name, at).start.row)


def source_name(source: str) -> str:
    """The name of the first function."""
    found = re.search(r"def (\w+)", source)
    assert found is not None
    return found[1]


def written(preamble: str, found: list[Case]) -> str:
    """The content of a fixture file."""
    return preamble + "\n".join(f"[case {c.name}]\n{c.source}\n[out]\n{printed(c.source)}\n" for c in found)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_blocks(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = cases(text)
    assert found, "no [case NAME] in the file"
    assert len({c.name for c in found}) == len(found), "two cases have the same name"
    if os.environ.get("PUTBACK_UPDATE"):
        path.write_text(written(text.partition("[case ")[0], found), encoding="utf-8")
        return
    for case in found:
        assert printed(case.source) == case.expected, f"{case.name}: PUTBACK_UPDATE=1 rewrites {path.name}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_the_fixtures_are_python(path: Path) -> None:
    for case in cases(path.read_text(encoding="utf-8")):
        compile(case.source, case.name, "exec")
