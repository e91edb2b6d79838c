"""Packages as they are, and their files damaged: no crash, no check without end, no wrong word about syntax.

    python tests/bench/campaign.py FOLDER... [--packages N] [--mutations N] [--seed N] [--limit S]
                                   [--package-limit S] [--memory MB] [--seconds S] [--keep FOLDER]

Every folder and file in a FOLDER is a package: a folder of site-packages is one of packages. Each package is checked
as a whole, in a process of its own. Then files are drawn from all of them, damaged by `mutations.py` and checked one by
one, as `fuzz.py` does it. `PB001` has to come exactly where the running Python cannot parse a file, or the parser for
the analysis cannot parse a part of it; syntax that only that parser knows is analysed.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "generated"))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from fuzz import checked
from mutations import mutated, taken
from programs import LEAK
from watching import refusal

SOURCES = Path(__file__).parents[2] / "src"
SLOW = 20.0
BATCH = 25
TRIES = 20
LARGEST = 200_000  # bytes of a file to be damaged


def packages(folders: list[Path]) -> Iterator[Path]:
    """What is to be checked as a whole."""
    for folder in folders:
        for each in sorted(folder.iterdir()):
            if each.suffix == ".py" or (each.is_dir() and next(each.rglob("*.py"), None) is not None):
                yield each


def files_of(package: Path) -> list[Path]:
    """The Python files of a package."""
    return [package] if package.is_file() else sorted(each for each in package.rglob("*.py") if each.is_file())


def check(package: Path, limit: int, memory: int) -> tuple[float, int, list[str]]:
    """Seconds of processor time that the check of a package takes, how often it says PB001, and what is wrong.

    It is looked at alone: a copy of it, which is marked as a project.
    """
    with tempfile.TemporaryDirectory() as made:
        Path(made, "pyproject.toml").touch()
        for each in files_of(package):
            there = Path(made, each.relative_to(package.parent))
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(each, there)
        return run(Path(made), limit, memory)


def run(project: Path, limit: int, memory: int) -> tuple[float, int, list[str]]:
    """The same for a project, all of it."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))

    command = [sys.executable, "-m", "putback", "check", "--isolated", "--no-cache", "--output-format=json", "--jobs=1"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as told:
        child = subprocess.Popen(
            [*command, "."], stdout=out, stderr=told, env=environment, preexec_fn=bounded, cwd=project
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = used.ru_utime + used.ru_stime
        out.seek(0)
        told.seek(0)
        text, errors = out.read().decode(), told.read().decode("utf-8", "replace")
    try:
        findings: list[dict[str, Any]] = json.loads(text)
    except ValueError:
        return seconds, 0, [f"exit {child.returncode} after {seconds:.0f} s: {text[-300:]} {errors[-300:]}"]
    wrong = [f"PB009: {each['filename']}: {each['message']}" for each in findings if each["code"] == "PB009"]
    broken = [each for each in findings if each["code"] == "PB001"]
    for each in broken:
        if refusal(project / each["filename"]) == "":
            wrong.append(f"PB001 is wrong: {each['filename']}: {each['message']}")
    return seconds, len(broken), wrong


def all_packages(given: argparse.Namespace, ends: float) -> list[Path]:
    """Check the packages; the files that they have."""
    every, seconds, broken, bad, lines = list[Path](), list[float](), 0, 0, 0
    for package in list(packages(given.folders))[: given.packages]:
        if time.monotonic() > ends:
            break
        files = files_of(package)
        taken_time, told, wrong = check(package, int(given.package_limit), given.memory)
        every += files
        seconds.append(taken_time)
        broken += told
        lines += sum(each.read_bytes().count(b"\n") for each in files)
        bad += len(wrong)
        for each in wrong[:10]:
            print(f"{package.name}: {each}", flush=True)
        if taken_time > SLOW:
            print(f"{package.name}: {taken_time:.1f} s for {len(files)} files", flush=True)
    longest = max(seconds, default=0)
    print(
        f"{len(seconds)} packages, {len(every)} files, {lines} lines: {sum(seconds):.0f} s, a package at most", end=" "
    )
    print(f"{longest:.1f} s; PB001 {broken} times; {bad} wrong", flush=True)
    return every


def programs(files: list[Path], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Damaged files, each with what was done to it; in every second one functions take connections first."""
    chance = random.Random(seed)
    while count:
        one, two = chance.choice(files), chance.choice(files)
        if max(one.stat().st_size, two.stat().st_size) > LARGEST:
            continue
        text, other = (each.read_bytes().decode("utf-8", "replace") for each in (one, two))
        whole = taken(text, chance=chance) if count % 2 else text
        text, names = mutated(whole, other, chance)
        for _ in range(TRIES if count % 4 > 1 else 0):  # half of them should be Python all the same
            if parses(text):
                break
            text, names = mutated(whole, other, chance)
        yield f"{one.name} {names}", f"import psycopg2\n{text}{LEAK}"
        count -= 1


def parses(text: str) -> bool:
    """Whether Python accepts a text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def all_mutations(files: list[Path], given: argparse.Namespace, ends: float) -> None:
    """Check damaged files, and tell what went wrong."""
    sorts, wrong, times, done = Counter[str](), 0, list[float](), 0
    waiting = programs(sorted(files), given.mutations, given.seed)
    while time.monotonic() < ends:
        with tempfile.TemporaryDirectory() as made:
            batch: dict[Path, str] = {}
            for _, (name, text) in zip(range(BATCH), waiting, strict=False):
                path = Path(made, f"m{given.seed}_{done}", "it.py")
                path.parent.mkdir()
                path.write_text(text, encoding="utf-8", errors="replace", newline="")
                sorts.update(name.split()[1:])
                batch[path] = name
                done += 1
            if not batch:
                break
            for path, seconds, what in checked(list(batch), given.limit):
                times.append(seconds)
                if what or seconds > SLOW:
                    wrong += 1
                    shutil.copy(path, given.keep / f"{path.parent.name}.py")
                    print(f"{path.parent.name} ({batch[path]}): {seconds:.2f} s {what}", flush=True)
    print(f"{len(times)} damaged files: {wrong} wrong; a file {sum(times) / max(len(times), 1):.2f} s,", end=" ")
    print(f"at most {max(times, default=0):.2f} s; {dict(sorts)}", flush=True)


def main() -> None:
    """Packages, then mutations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--packages", type=int, default=10_000, help="how many packages at most")
    parser.add_argument("--mutations", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds on the clock for a damaged file")
    parser.add_argument("--package-limit", type=int, default=300, help="seconds of processor time for a package")
    parser.add_argument("--memory", type=int, default=4_000, help="megabytes of a process for a package")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to stop")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "putback-campaign")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + given.seconds
    files = all_packages(given, ends) if given.packages else []
    all_mutations(files or [f for each in packages(given.folders) for f in files_of(each)], given, ends)


if __name__ == "__main__":
    main()
