"""Which rows of a file are other than in a commit of git: for who wants to hear of new code only.

The old content is asked of git and compared here: git itself may run what a repository tells it to, to make a diff.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher

from putback.model.errors import UsageError
from putback.model.finding import Finding
from putback.source.ignored import repository_of, run_git
from putback.source.prefilter import read_bytes

Rows = Collection[int]


class Changed:
    """The rows of files that are new since the common ancestor of `reference` and the checkout. Raises UsageError."""

    def __init__(self, reference: str, directory: str) -> None:
        self.repository = repository_of(directory)
        if not self.repository:
            raise UsageError(f"--diff-base needs a git repository, and {directory} is in none")
        code, found, _ = run_git(
            self.repository, "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}"
        )
        base = found.decode().strip()
        if code == 0:
            code, found, _ = run_git(self.repository, "merge-base", base, "HEAD")
        if code != 0:
            raise UsageError(f"--diff-base {reference}: git knows no such commit, or none that this one comes from")
        self.base = found.decode().strip()
        self.known: dict[str, Rows] = {}
        self.functions: dict[str, list[range]] = {}

    def concerns(self, finding: Finding, whole_function: bool) -> bool:
        """Whether a row on the path of `finding` is new; with `whole_function` any row of its function."""
        here = finding.filename
        places = [(here, finding.span.start.row)]
        directory = here.removesuffix(finding.path)
        places += [(os.path.join(directory, step.path), step.span.start.row) for step in finding.trace]
        if any(row in self.rows(path) for path, row in places):
            return True
        around = self.around(here, finding.span.start.row) if whole_function else range(0)
        return any(row in self.rows(here) for row in around)

    def rows(self, path: str) -> Rows:
        """The new rows of a file."""
        if path not in self.known:
            self.known[path] = self.compared(path)
        return self.known[path]

    def compared(self, path: str) -> Rows:
        """The rows of a file that its old version does not have."""
        try:
            now = lines(read_bytes(path))
        except OSError:
            return frozenset()
        inside = os.path.relpath(os.path.realpath(path), os.path.realpath(self.repository)).replace(os.sep, "/")
        code, data, _ = run_git(self.repository, "cat-file", "blob", f"{self.base}:{inside}")
        if code != 0:
            return range(1, len(now) + 1)
        blocks = SequenceMatcher(None, lines(data), now, autojunk=False).get_opcodes()
        return frozenset(row + 1 for kind, _, _, begin, end in blocks if kind != "equal" for row in range(begin, end))

    def around(self, path: str, row: int) -> range:
        """The rows of the innermost function that a row is in."""
        if path not in self.functions:
            self.functions[path] = list(functions_in(path))
        return min((each for each in self.functions[path] if row in each), key=len, default=range(0))


def lines(data: bytes) -> list[bytes]:
    """The rows of a file, whatever ends them."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def functions_in(path: str) -> Iterable[range]:
    """The rows of each function in a file, its decorators included; none when it does not parse."""
    try:
        tree = ast.parse(read_bytes(path))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield range(first, (node.end_lineno or node.lineno) + 1)
