"""Jupyter notebooks as Python: the code cells in their order, one text, and the way back from its rows to the cells.

What only IPython understands (`%timeit`, `!ls`, `name?`) becomes a row that does nothing, so that no row moves.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from putback.source.text import split_lines

ENDING = ".ipynb"
_WITH_PYTHON = frozenset(("capture", "prun", "time", "timeit"))
"""The magics of whole cells whose cells are Python all the same."""
_ASSIGNED = re.compile(r"^(\s*[\w.,\s\[\]'\"]+=\s*)[%!]")
_MAGIC = re.compile(r"^\s*(?:[%!?]|[\w.%]+\?{1,2}\s*$)")


class NotebookError(OSError):
    """A file that is no notebook, or none that can be read."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """The code of a notebook; `begins` are the rows, from 1, at which the cells with the numbers `cells` begin.

    Cells are counted from 1, those without code included: as one counts them on the screen. `indents` is what each row
    of the text has lost: a cell may be indented as a whole, and IPython takes the indentation of its first row away.
    """

    text: str
    cells: tuple[int, ...]
    begins: tuple[int, ...]
    indents: tuple[str, ...] = ()

    def place(self, row: int) -> tuple[int, int]:
        """The cell of a row of the text, and the row in that cell."""
        at = max(bisect_right(self.begins, row) - 1, 0)
        return (self.cells[at], row - self.begins[at] + 1) if self.cells else (1, row)

    def indent(self, row: int) -> str:
        """What stands before a row of the text in its cell."""
        return self.indents[row - 1] if row <= len(self.indents) else ""

    def rows(self, cell: int) -> tuple[str, ...]:
        """The rows of a cell."""
        if cell not in self.cells:
            return ()
        at = self.cells.index(cell)
        rows = split_lines(self.text)
        end = self.begins[at + 1] - 1 if at + 1 < len(self.begins) else len(rows)
        return tuple(self.indent(row) + rows[row - 1] for row in range(self.begins[at], end + 1))


@lru_cache(maxsize=16)
def notebook(data: bytes) -> Notebook:
    """The notebook in a file's content. One of another language, and an empty file, has no cells.

    Raises NotebookError.
    """
    try:
        content = json.loads(data) if data.strip() else {"cells": []}
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"is no notebook: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise NotebookError("is no notebook of format 4: it has no list of cells")
    parts: list[str] = []
    indents: list[str] = []
    cells: list[int] = []
    begins: list[int] = []
    row = 1
    for number, code in _code(content) if _is_python(content) else ():
        written = split_lines(code)
        indent = _indent(written)
        taken = [indent if row.startswith(indent) else "" for row in written] or [""]
        rows = _as_python(tuple(row.removeprefix(indent) for row in written)) or ("",)
        indents += taken
        cells.append(number)
        begins.append(row)
        parts += rows
        row += len(rows)
    return Notebook("".join(f"{each}\n" for each in parts), tuple(cells), tuple(begins), tuple(indents))


def _indent(rows: tuple[str, ...]) -> str:
    """The white space before the first row that is not blank."""
    first = next((row for row in rows if row.strip()), "")
    return first[: len(first) - len(first.lstrip())]


def _is_python(content: dict[str, Any]) -> bool:
    """Whether the kernel is one of Python, or none is named."""
    metadata = content.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    names = [each.get(key) for each, key in ((info, "name"), (kernel, "language")) if isinstance(each, dict)]
    return all(name is None or str(name).lower() in ("python", "ipython") for name in names)


def _code(content: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """The code cells with their numbers."""
    for number, cell in enumerate(content["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            yield number, "".join(map(str, source)) if isinstance(source, list) else str(source)


def _as_python(rows: tuple[str, ...]) -> tuple[str, ...]:
    """The rows of a cell, with what is not Python replaced by rows that do nothing."""
    first = next((at for at, row in enumerate(rows) if row.strip()), None)
    if first is not None and rows[first].startswith("%%"):
        name = rows[first][2:].partition(" ")[0].strip()
        if name not in _WITH_PYTHON:
            return ("",) * len(rows)
        rows = (*rows[:first], "", *rows[first + 1 :])
    return rows if _parses(rows) else tuple(_plain(rows))


def _plain(rows: tuple[str, ...]) -> Iterator[str]:
    """The rows without magics, one row for each."""
    goes_on = False
    for row in rows:
        indent = row[: len(row) - len(row.lstrip())]
        assigned = _ASSIGNED.match(row)
        if goes_on:
            yield ""
        elif assigned is not None:
            yield f"{assigned[1]}..."
        elif _MAGIC.match(row):
            yield f"{indent}pass"
        else:
            yield row
            continue
        goes_on = row.rstrip().endswith("\\")


def _parses(rows: tuple[str, ...]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("\n".join(rows))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
