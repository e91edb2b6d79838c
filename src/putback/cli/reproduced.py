"""`putback verify --tests`: each leak as a test module of its own, in files that belong to nobody else."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence

from putback.cli import check
from putback.model.errors import UsageError
from putback.verify.reproduce import as_test, heading
from putback.verify.verdict import Proof

_LONGEST_NAME = 180  # bytes: what most file systems take, with a number behind it
_MOST_OF_A_NAME = 10_000


def write_tests(proofs: Sequence[Proof], directory: str) -> None:
    """Write the tests. What is there already is only replaced when it is the test of the same function."""
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {directory}: {error.strerror or error}") from error
    taken: set[str] = set()
    for proof in proofs:
        text = as_test(proof, _seen_from(directory, proof.case.path))
        if text is not None:
            name = next((n for n in _names(proof) if _is_free(directory, n, heading(proof), taken)), None)
            if name is None:
                raise UsageError(f"no test can be written to {directory}: the files there belong to others")
            taken.add(name.casefold())
            check.write(text, os.path.join(directory, name))


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
    yield from (f"test_{stem}_{number}.py" for number in range(2, _MOST_OF_A_NAME))


def _is_free(directory: str, name: str, first_line: str, taken: Collection[str]) -> bool:
    """Whether a test may be written there: to a new file, or in the place of what it was in an earlier run."""
    path = os.path.join(directory, name)
    if name.casefold() in taken or os.path.islink(path):
        return False
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().rstrip("\n") == first_line
    except FileNotFoundError:
        return True
    except OSError:
        return False
