"""Reads specifications: Markdown whose code blocks carry the findings that are expected on their rows.

A row that ends in `# error: PB102, PB201` expects exactly these findings; `PB104[warning]` also expects the severity.
`# FN: PB102 why` marks a finding that should be there and is not, `# FP: PB102 why` one that is there and should not.
A block ```` ```python file=shop/db.py ```` is a file of its section's case, and so is a ```` ```text file=uv.lock ````;
a block without `file=` is a case of its own; a ```` ```toml ```` block is the configuration of its section. Blocks in
other languages are prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_HEADING = re.compile(r"#{1,6} +(?P<title>.+)")
_FENCE = re.compile(r"```(?P<language>\w*) *(?:file=(?P<file>\S+))?")
_MARK = re.compile(r"# (?P<mark>error|FN|FP): (?P<codes>PB\d{3}(?:\[\w+\])?(?:, PB\d{3}(?:\[\w+\])?)*)(?P<reason>.*)")
_CODE = re.compile(r"(?P<code>PB\d{3})(?:\[(?P<severity>\w+)\])?")


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """One finding by its place and code; `severity` is empty where the specification leaves it open."""

    file: str
    row: int
    code: str
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `row` is the row of its opening fence in the document."""

    language: str
    file: str
    row: int
    text: str


@dataclass(slots=True)
class Section:
    """A heading and the blocks below it."""

    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Case:
    """Files to check together, with what has to be found in them. `gaps` are the rows marked FN."""

    name: str
    files: dict[str, str]
    config: str
    found: frozenset[Expected]
    gaps: frozenset[Expected]


def cases(document: Path) -> Iterator[Case]:
    """The cases of a document, in its order."""
    for section in sections(document.read_text(encoding="utf-8")):
        yield from _cases(document.stem, section)


def sections(text: str) -> list[Section]:
    """The headings of a Markdown text with their blocks."""
    found = [Section("")]
    rows = enumerate(text.splitlines(), 1)
    for row, line in rows:
        if fence := _FENCE.fullmatch(line.rstrip()):
            found[-1].blocks.append(Block(fence["language"], fence["file"] or "", row, _body(rows)))
        elif heading := _HEADING.fullmatch(line):
            found.append(Section(heading["title"]))
    return found


def _body(rows: Iterator[tuple[int, str]]) -> str:
    """The lines up to the closing fence."""
    body = []
    for _, line in rows:
        if line == "```":
            break
        body.append(f"{line}\n")
    return "".join(body)


def _cases(document: str, section: Section) -> Iterator[Case]:
    config = "".join(block.text for block in section.blocks if block.language == "toml")
    code = [
        block for block in section.blocks if block.language == "python" or (block.language == "text" and block.file)
    ]
    together = [block for block in code if block.file]
    for blocks in [[block] for block in code if not block.file] + ([together] if together else []):
        yield _case(f"{document}:{blocks[0].row} {section.title}", blocks, config)


def _case(name: str, blocks: Iterable[Block], config: str) -> Case:
    files = {block.file or "example.py": block.text for block in blocks}
    marks = [mark for file, text in files.items() for mark in _marks(file, text)]
    return Case(
        name,
        files,
        config,
        frozenset(expected for mark, expected in marks if mark != "FN"),
        frozenset(expected for mark, expected in marks if mark == "FN"),
    )


def _marks(file: str, text: str) -> Iterator[tuple[str, Expected]]:
    for row, line in enumerate(text.splitlines(), 1):
        for mark in _MARK.finditer(line):
            if mark["mark"] != "error" and not mark["reason"].strip():
                raise ValueError(f"{file}:{row}: a known gap needs its reason: {line.strip()}")
            for code in _CODE.finditer(mark["codes"]):
                yield mark["mark"], Expected(file, row, code["code"], code["severity"] or "")
