"""Code before and after its fixes, from the `fixed` blocks of the specifications, and the fixes of one rule applied.

A block ```` ```fixed ```` shows what becomes of the `python` block above it, or of the one with the same `file=`; a
file without such a block stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from specification import Block, sections

from putback.model.config import Config
from putback.model.finding import Finding
from putback.model.fix import Edit
from putback.pipeline.check import check

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
ALONE = "example.py"
_MARK = re.compile(r" *# error: .*")
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """Files before the fixes and after them."""

    name: str
    before: dict[str, str]
    after: dict[str, str]


def pairs(rule: str) -> Iterator[Pair]:
    """The pairs in the specification of a rule."""
    for section in sections((FIXTURES / f"{rule}.md").read_text(encoding="utf-8")):
        project = {b.file: _code(b) for b in section.blocks if b.language == "python" and b.file}
        mended = {b.file: b.text for b in section.blocks if b.language == "fixed" and b.file}
        if mended:
            yield Pair(section.title, project, {**project, **mended})
        for before, after in zip(section.blocks, section.blocks[1:], strict=False):
            if after.language == "fixed" and not after.file:
                yield Pair(f"{section.title} {before.row}", {ALONE: _code(before)}, {ALONE: after.text})


def _code(block: Block) -> str:
    return "\n".join(_MARK.sub("", row) for row in block.text.split("\n"))


class Project:
    """A directory of files whose findings, those of the rule `asked` for included, are mended in place."""

    def __init__(self, root: Path, files: dict[str, str], asked: str = "") -> None:
        self.root = root
        self.config = Config(root=str(root), extend_select=(asked,) if asked else ())
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def findings(self) -> tuple[Finding, ...]:
        """What there is to find now."""
        return check([str(self.root)], self.config).findings

    def files(self) -> dict[str, str]:
        """Every file as it is now."""
        found = (p for p in self.root.rglob("*.py"))
        return {p.relative_to(self.root).as_posix(): p.read_text(encoding="utf-8") for p in found}

    def mend(self, code: str) -> None:
        """Apply the fixes of one rule, each file's first one in every round, until none is left."""
        for _ in range(_ROUNDS * 10):
            fixes = {f.filename: f.fix for f in reversed(self.findings()) if f.code == code and f.fix is not None}
            if not fixes:
                return
            for path, fix in fixes.items():
                text = Path(path).read_text(encoding="utf-8")
                Path(path).write_text(spliced(text, fix.edits), encoding="utf-8")
        raise AssertionError("the fixes never end")


def spliced(text: str, edits: tuple[Edit, ...]) -> str:
    """A text with edits."""
    starts = [0]
    for row in text.split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    for edit in sorted(edits, key=lambda e: e.span, reverse=True):
        start, end = (starts[p.row - 1] + p.column - 1 for p in (edit.span.start, edit.span.end))
        text = text[:start] + edit.content + text[end:]
    return text


def ensure_mended(pair: Pair, code: str, root: Path) -> None:
    """The fixes of a rule make what the pair says: it parses, and nothing else is found than before."""
    project = Project(root, pair.before, code)
    before = Counter(f.code for f in project.findings())
    project.mend(code)
    assert project.files() == pair.after
    for text in pair.after.values():
        compile(text, "", "exec")
    after = Counter(f.code for f in project.findings())
    assert after <= before
    assert after[code] < before[code]


def reasons(code: str, files: dict[str, str], root: Path) -> list[str]:
    """Why the findings of a rule have no fix, in the order of the files' rows; "" for those that have one."""
    found = (f for f in Project(root, files).findings() if f.code == code)
    return [f.no_fix_reason for f in sorted(found, key=lambda f: (f.path, f.span))]
