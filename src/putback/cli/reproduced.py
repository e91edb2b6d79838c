"""`putback verify --tests`: each leak as a test module of its own, in files that belong to nobody else."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator
from itertools import count

from putback.cli import output
from putback.model.errors import UsageError
from putback.verify.reproduce import as_test, heading
from putback.verify.verdict import Proof

_LONGEST_NAME = 180  # bytes: what most file systems take, with a number behind it


def write_tests(proofs: Collection[Proof], directory: str) -> None:
    """Write the tests. What is there already is only replaced when it is the test of the same function."""
    try:
        os.makedirs(directory, exist_ok=True)
        taken = {name.casefold() for name in os.listdir(directory)}
    except OSError as error:
        raise UsageError(f"cannot use {directory}: {error.strerror or error}") from error
    own = _by_first_line(directory)
    for proof in proofs:
        text = as_test(proof, _seen_from(directory, proof.case.path))
        if text is not None:
            same = own.get(heading(proof))
            name = same.pop() if same else next(n for n in _names(proof) if n.casefold() not in taken)
            taken.add(name.casefold())
            output.write(text, os.path.join(directory, name))


def _by_first_line(directory: str) -> dict[str, list[str]]:
    """The files of a directory, the last one first."""
    found: dict[str, list[str]] = {}
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name, reverse=True):
        if entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError), open(entry.path, encoding="utf-8", errors="replace") as file:
                found.setdefault(file.readline().rstrip("\n"), []).append(entry.name)
    return found


def _seen_from(directory: str, path: str) -> str:
    """The way from a directory to a file, wherever the command and the tests are run; whole where there is none."""
    place = os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(path))), os.path.basename(path))
    try:
        return os.path.relpath(place, os.path.realpath(directory)).replace(os.sep, "/")
    except ValueError:  # another drive
        return place


def _names(proof: Proof) -> Iterator[str]:
    """File names for a test, the plainest first."""
    folded = re.sub(r"\W+", "_", f"{proof.case.path.removesuffix('.py')}_{proof.case.before.function}")
    stem = folded.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore")
    yield f"test_{stem}.py"
    yield from (f"test_{stem}_{number}.py" for number in count(2))
