"""The wrong fixes of the files in fixtures/verify, each as a module before and after."""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from putback.model.config import Config
from putback.ownership.facts.facts import FunctionFacts
from putback.pipeline.cases import case_of, version_of
from putback.pipeline.check import at_full_speed, scanned
from putback.pipeline.verify import about_rule
from putback.source.discover import shown
from putback.verify.roles import Case

GOOD = "good"
RIGHT = "the right fix itself"
FUNCTION = "f"
_FOLDER = Path(__file__).parents[2] / "fixtures" / "verify"
_SECTION = re.compile(
    r"## (?P<name>\w+): (?P<code>\w+)\n\n```python before\n(?P<before>.+?)```\n\n```python right\n(?P<right>.+?)```\n\n"
    r"(?P<changes>.+?)\n(?=\n## |\Z)",
    re.DOTALL,
)
_CHANGE = re.compile(r"(?P<how>after|before|replace|drop|from) (?P<row>.+?)(?: @(?P<nth>\d))?(?: \| (?P<text>.+))?")


@dataclass(frozen=True, slots=True)
class Section:
    """A function with its right fix, and the changes of that by kind."""

    name: str
    code: str
    before: str
    right: str
    changes: tuple[tuple[str, str], ...]

    def fixes(self) -> Iterator[tuple[str, str, str]]:
        """The kind, the change and the whole text of every fix."""
        yield GOOD, RIGHT, self.right
        for kind, change in self.changes:
            yield kind, change, changed(self.right, change)


def sections(name: str = "wrong.md") -> Iterator[Section]:
    """All of a file."""
    for match in _SECTION.finditer((_FOLDER / name).read_text(encoding="utf-8")):
        kind, changes = "", []
        for row in match["changes"].splitlines():
            if row.startswith("- **"):
                kind = row[4:-2]
            elif row.startswith("  - "):
                changes.append((kind, row[4:]))
        yield Section(match["name"], match["code"], match["before"], match["right"], tuple(changes))


def changed(text: str, change: str) -> str:
    """A text with rows put in, replaced or dropped, one change after the other."""
    return functools.reduce(_changed, change.split(" ⇒ "), text)


def _changed(text: str, change: str) -> str:
    found = _CHANGE.fullmatch(change)
    assert found is not None, change
    rows = text.splitlines()
    places = [n for n, row in enumerate(rows) if row.strip() == found["row"]]
    assert places, f"there is no row for: {change}"
    at = places[int(found["nth"]) - 1] if found["nth"] else places[-1]
    indent = rows[at][: len(rows[at]) - len(rows[at].lstrip())]
    new = textwrap.indent((found["text"] or "").replace("⏎", "\n").replace("»", "    "), indent).splitlines()
    match found["how"]:
        case "after":
            rows[at + 1 : at + 1] = new
        case "before":
            rows[at:at] = new
        case "replace":
            rows[at : at + 1] = new
        case "from":
            rows[at:] = new
        case _:
            rows[at : at + 1] = [] if _is_needless(rows, at) else [f"{indent}pass"]
    return "\n".join(rows) + "\n"


def _is_needless(rows: list[str], at: int) -> bool:
    """Whether the block of a row has another one in front of it, or the row is a decorator."""
    depth = len(rows[at]) - len(rows[at].lstrip())
    return rows[at].lstrip().startswith("@") or len(rows[at - 1]) - len(rows[at - 1].lstrip()) == depth


def cases(folder: Path, name: str = "wrong.md") -> Iterator[tuple[Section, str, str, Case]]:
    """The case of every fix; `folder` is empty and there to be used. All are analysed together."""
    wanted: list[tuple[Section, str, str, Path]] = []
    for section in sections(name):
        _written(folder, f"{section.name}_before.py", section.before)
        for number, (kind, change, text) in enumerate(section.fixes()):
            wanted.append((section, kind, change, _written(folder, f"{section.name}_{number}.py", text)))
    with at_full_speed():
        project = scanned([str(folder)], Config(root=str(folder)))
        analyzer = project.analysis.analyzer
        units = {
            path: analyzer.unit(path, next(k for k in module.functions if k.rpartition(".")[2] == FUNCTION))
            for path in {str(folder / f"{s.name}_before.py") for s, _, _, _ in wanted} | {str(p) for *_, p in wanted}
            if (module := analyzer.project.module(path)) is not None
        }
        for section, kind, change, path in wanted:
            before, after = units.get(str(folder / f"{section.name}_before.py")), units.get(str(path))
            assert before is not None and after is not None, change
            facts = FunctionFacts(analyzer, before, shown)
            made = case_of(facts, facts.sites[0].site, version_of(analyzer, after), about_rule(section.code))
            assert made is not None
            yield section, kind, change, made


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
