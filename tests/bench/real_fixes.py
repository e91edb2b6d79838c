"""Commits that mended a leak: is it found before, and is it silent after?

    python tests/bench/real_fixes.py CLONES [--only TEXT] [--missed]

`real_fixes.tsv` names what was mended: repository, commit, path, function, the row of the acquire before and after.
CLONES holds the repositories as bare or usual clones, in folders named `owner+name` or `owner/name`; what is not there
is left out and counted. A connection is found when a finding of the first group stands at the row of its acquire before
the commit, and silent when none does after it: of what is printed by default, and (`--hints`) of everything.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from putback.model.config import Config
from putback.model.finding import Severity
from putback.pipeline.check import check

TABLE = Path(__file__).with_name("real_fixes.tsv")
_READ = (".py", ".toml", ".cfg", ".txt", ".ini")


@dataclass(frozen=True, slots=True)
class Mended:
    """One connection that a commit made safe; rows count from 1."""

    repository: str
    commit: str
    path: str
    function: str
    before: int
    after: int


def table() -> Iterator[Mended]:
    """The rows of the table."""
    for row in TABLE.read_text(encoding="utf-8").splitlines():
        if row and not row.startswith("#"):
            repository, commit, path, function, before, after = row.split("\t")
            yield Mended(repository, commit, path, function, int(before), int(after))


def clone_of(clones: Path, repository: str) -> Path | None:
    """The git folder of a repository, if it is there."""
    for name in (repository.replace("/", "+"), repository):
        for inside in ("repo", ".git", ""):
            folder = clones / name / inside
            if (folder / "HEAD").exists():
                return folder
    return None


def run_git(clone: Path, *arguments: str) -> bytes:
    """What git answers."""
    command = ["git", "--git-dir", str(clone), *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=600).stdout


def laid_out(clone: Path, commit: str, folder: Path) -> None:
    """The files that putback reads, as they were at a commit."""
    listed = run_git(clone, "ls-tree", "-r", "--name-only", commit).decode("utf-8", "replace")
    endings = {ending for ending in _READ if any(name.endswith(ending) for name in listed.splitlines())}
    patterns = (f":(glob)**/*{ending}" for ending in sorted(endings))  # a clone may lack its largest files
    packed = run_git(clone, "archive", commit, "--", *patterns)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        wanted = [each for each in archive if each.isfile() and each.name.endswith(_READ)]
        archive.extractall(folder, wanted, filter="data")
    (folder / "pyproject.toml").touch()


def rows_found(clone: Path, commit: str, paths: set[str], hints: bool) -> set[tuple[str, int]]:
    """Path and row of each acquire that is reported."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        laid_out(clone, commit, folder)
        there = [str(folder / path) for path in sorted(paths) if (folder / path).exists()]
        findings = check(there, Config(gates=False, root=str(folder), jobs=1)).findings
        return {
            (str(Path(each.filename).resolve().relative_to(folder)), each.span.start.row)
            for each in findings
            if each.code.startswith("PB1") and (hints or each.severity is not Severity.INFO)
        }


def main() -> None:
    """Look at both sides of each commit, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("--only", default="", help="a part of the repository's name")
    parser.add_argument("--missed", action="store_true", help="print what was not found or is not silent")
    parser.add_argument("--hints", action="store_true", help="count hints, too")
    given = parser.parse_args()
    by_commit = defaultdict[tuple[str, str], list[Mended]](list)
    for each in table():
        if given.only in each.repository:
            by_commit[each.repository, each.commit].append(each)
    seen = found = silent = both = absent = 0
    for (repository, commit), rows in by_commit.items():
        clone = clone_of(given.clones, repository)
        if clone is None:
            absent += len(rows)
            continue
        paths = {each.path for each in rows}
        try:
            old, new = (rows_found(clone, side, paths, given.hints) for side in (f"{commit}^", commit))
        except subprocess.SubprocessError:
            absent += len(rows)
            continue
        for each in rows:
            was, still = (each.path, each.before) in old, (each.path, each.after) in new
            seen, found, silent, both = seen + 1, found + was, silent + (not still), both + (was and not still)
            if given.missed and (not was or still):
                word = "not silent" if was else "not found" if not still else "not found, and not silent"
                print(f"{word}: {repository} {commit[:9]} {each.path}:{each.before} {each.function}", flush=True)
    print(f"{seen} connections: {found} found before, {silent} silent after, {both} both; {absent} not there")


if __name__ == "__main__":
    main()
