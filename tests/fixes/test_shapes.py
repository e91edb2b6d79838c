"""What `putback fix` makes of the shapes in `fixtures/fixes/`, and what it says of those that it leaves alone.

A block ```` ```fixed ```` shows what becomes of the `python` block above it. A row that ends in `# no fix: why` has a
finding that is declined for that reason, one that ends in `# unsafe: why` has a fix that is not safe.
PUTBACK_UPDATE=1 writes the `fixed` blocks anew.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.model.finding import Finding
from putback.model.fixing import FixRun
from putback.model.report import StdinFile
from putback.pipeline.fix import fix

ABOUT_SETTINGS = ("PB403", "PB407")
"""Rules with fixes for how nearly every shape sets up its engine."""
FIXTURES = Path(__file__).parents[2] / "fixtures" / "fixes"
UPDATE = os.environ.get("PUTBACK_UPDATE") == "1"
_PAIR = re.compile(
    r"^## (?P<title>.+?)\n\n```python\n(?P<before>.*?)```\n(?:\n```fixed\n(?P<after>.*?)```\n)?", re.M | re.S
)
_REASON = re.compile(r"# (?P<kind>no fix|unsafe): (?P<why>.+)")
_DOUBT = re.compile(r"\((?P<why>[^()]+)\)$")


@dataclass(frozen=True, slots=True)
class Shape:
    """Code before and after; `after` is None where nothing is to be changed."""

    document: Path
    title: str
    before: str
    after: str | None


def shapes() -> list[Shape]:
    """Every shape of every document."""
    return [
        Shape(document, m["title"], m["before"], m["after"])
        for document in sorted(FIXTURES.glob("*.md"))
        for m in _PAIR.finditer(document.read_text(encoding="utf-8"))
    ]


SHAPES = shapes()


def mended(text: str, root: Path) -> FixRun:
    """The safe fixes of a text that stands alone in its project."""
    path = root / "example.py"
    return fix([], Config(root=str(root), ignore=ABOUT_SETTINGS), stdin=StdinFile(str(path), text.encode()))


def text_after(run: FixRun, before: str) -> str:
    """The text that a run leaves."""
    return run.changes[0].after.decode() if run.changes else before


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s.document.stem}: {s.title}")
def test_what_becomes_of_a_shape(shape: Shape, tmp_path: Path) -> None:
    run = mended(shape.before, tmp_path)
    after = text_after(run, shape.before)
    if UPDATE:
        _write(shape, after)
    else:
        assert after == (shape.after or shape.before)
    assert [a.finding.code for a in mended(after, tmp_path).applied] == [], "a second run finds something to fix"


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s.document.stem}: {s.title}")
def test_what_is_left_is_what_the_shape_says(shape: Shape, tmp_path: Path) -> None:
    run = mended(shape.before, tmp_path)
    rows = text_after(run, shape.before).split("\n")
    said = {(i, m["kind"], m["why"]) for i, row in enumerate(rows, 1) if (m := _REASON.search(row))}
    assert {(f.span.start.row, *_left(f)) for f in run.findings} == said


def _left(finding: Finding) -> tuple[str, str]:
    """Why a finding is left alone."""
    if finding.fix is None:
        return "no fix", finding.no_fix_reason or ""
    doubt = _DOUBT.search(finding.fix.message)
    return "unsafe", doubt["why"] if doubt else finding.fix.message


def _write(shape: Shape, after: str) -> None:
    text = shape.document.read_text(encoding="utf-8")
    found = next(m for m in _PAIR.finditer(text) if m["title"] == shape.title)
    block = f"## {shape.title}\n\n```python\n{shape.before}```\n"
    if after != shape.before:
        block += f"\n```fixed\n{after}```\n"
    shape.document.write_text(text[: found.start()] + block + text[found.end() :], encoding="utf-8")
