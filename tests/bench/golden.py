"""What `check` and `fix --diff` say of many trees, and how long they take: written down, and two such records compared.

    python tests/bench/golden.py run --to OUT.json [--packages LIST] [--downloads FOLDER] [--sources SRC]
                                 [--limit S] [--memory MB] [--jobs N] [--no-fixes] [TREE...]
    python tests/bench/golden.py compare BEFORE.json AFTER.json
    python tests/bench/golden.py stages TREE...

A tree is a directory that is a project. `--packages` names a file with one package of PyPI a line, such as
`golden_packages.txt`: those that are not in the folder for downloads yet are fetched by pip, without what they depend
on, and unpacked there. `--sources` is the `src` of the state that is to be run, so that one record can be made of each
of two checkouts. Each run is one process without a cache or configuration, with a limit of processor time and memory; a
tree that reaches it is in the record as failed.

`compare` prints every finding and every fix that is in only one record, with the row of code that it is about, then the
processor time by tree; it exits with 1 if anything but the time differs. `stages` profiles one check of each tree and
prints the seconds by stage and rule. A stage includes those that it asks (`solve` asks for types), and the profiler
slows all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import resource
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parents[2] / "src"
CHECK = ["check", "--output-format=json", "--show-info"]
FIX = ["fix", "--diff", "--quiet"]
ALONE = ["--isolated", "--no-cache", "--jobs=1", "."]
PROFILED = """
import cProfile, os, sys
out, profile, leave = sys.argv.pop(1), cProfile.Profile(), os._exit
def ended(code):
    profile.disable()
    profile.dump_stats(out)
    leave(0)
os._exit = ended
from putback.__main__ import main
try:
    profile.runcall(main)
finally:
    ended(0)
"""
# Where a stage is entered: the end of the file's name, and the function.
STAGES = {
    "read and survey": ("source/survey.py", "survey"),
    "scan": ("pipeline/scan.py", "run"),
    "parse (ast)": ("python/ast.py", "parse"),
    "parse (libcst)": ("_parser/entrypoints.py", "_parse"),
    "lower": ("flow/lower.py", "lower"),
    "types": ("resolve/resolver.py", "types"),
    "solve": ("flow/solve.py", "explore"),
    "rules": ("pipeline/telling.py", "findings_of"),
}

Record = dict[str, Any]


def main() -> int:
    """Read the command line; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    run = modes.add_parser("run")
    run.add_argument("--to", type=Path, required=True, help="the record to be written")
    run.add_argument("trees", nargs="*", type=Path)
    run.add_argument("--packages", type=Path, help="a file with one package of PyPI a line")
    run.add_argument("--downloads", type=Path, default=Path("golden-packages"), help="where packages are unpacked")
    run.add_argument("--sources", type=Path, default=SOURCES, help="the src of the state that is run")
    run.add_argument("--limit", type=int, default=300, help="seconds of processor time for one run")
    run.add_argument("--memory", type=int, default=4_000, help="megabytes for one run")
    run.add_argument("--jobs", type=int, default=1, help="trees at a time")
    run.add_argument("--no-fixes", action="store_true", help="check alone")
    compare = modes.add_parser("compare")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    stages = modes.add_parser("stages")
    stages.add_argument("trees", nargs="+", type=Path)
    given = parser.parse_args()
    if given.mode == "compare":
        return compared(json.loads(given.before.read_text()), json.loads(given.after.read_text()))
    if given.mode == "stages":
        for tree in given.trees:
            print_stages(tree)
        return 0
    trees = [*given.trees, *(downloaded(given.packages, given.downloads) if given.packages else ())]
    record: dict[str, Record] = {}
    with ThreadPoolExecutor(given.jobs) as pool:
        for tree, what in zip(trees, pool.map(lambda tree: recorded(tree, given), trees), strict=True):
            record[tree.name] = what
            print(f"{tree.name}: {what['check seconds']:.1f} s, {len(what['findings'])} findings", flush=True)
            given.to.write_text(json.dumps(record, indent=1))
    return 0


def downloaded(names: Path, folder: Path) -> Iterator[Path]:
    """The packages named in a file, each unpacked as a project of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names.read_text().split():
        tree = folder / name
        if not tree.exists():
            with tempfile.TemporaryDirectory() as made:
                fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", made, name]
                if subprocess.run(fetch, check=False).returncode:
                    print(f"{name}: cannot be downloaded", file=sys.stderr)
                    continue
                tree.mkdir()
                for archive in Path(made).iterdir():
                    unpack(archive, tree)
            (tree / "pyproject.toml").touch()
        yield tree


def unpack(archive: Path, tree: Path) -> None:
    """Lay the content of a wheel or a source distribution into a folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(tree)
    else:
        with tarfile.open(archive) as source:
            source.extractall(tree, filter="data")


def recorded(tree: Path, given: argparse.Namespace) -> Record:
    """Everything that is kept of one tree."""
    text, errors, seconds, memory = ran(CHECK, tree, given)
    record: Record = {"tree": str(tree.absolute()), "check seconds": seconds, "memory": memory, "failed": errors}
    record["findings"] = [] if errors else sorted(told(tree, each) for each in json.loads(text))
    if not given.no_fixes:
        text, errors, record["fix seconds"], _ = ran(FIX, tree, given)
        record["failed"] += errors
        record["fixes"] = fixes_of(text)
    return record


def ran(command: list[str], tree: Path, given: argparse.Namespace) -> tuple[str, str, float, float]:
    """One run: its output, what went wrong, seconds of processor time, and its peak memory in megabytes."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (given.memory << 20, given.memory << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (given.limit, given.limit))

    environment = {**os.environ, "PYTHONPATH": str(given.sources.absolute()), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as beside:
        child = subprocess.Popen(
            [sys.executable, "-m", "putback", *command, *ALONE],
            stdout=out,
            stderr=beside,
            env=environment,
            preexec_fn=bounded,
            cwd=tree,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        beside.seek(0)
        text, errors = out.read().decode(), beside.read().decode("utf-8", "replace")
    wrong = "" if child.returncode in (0, 1) else f"{command[0]} exits with {child.returncode}: {errors[-500:]}\n"
    return text, wrong, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def told(tree: Path, finding: dict[str, Any]) -> str:
    """A finding as a text that begins with its place and has all of it, and its row of code at the end."""
    row, column = finding["location"]["row"], finding["location"]["column"]
    try:
        code = (tree / finding["path"]).read_text("utf-8", "replace").splitlines()[row - 1].strip()
    except (OSError, IndexError):
        code = ""
    all_of_it = json.dumps({name: each for name, each in finding.items() if name != "filename"}, sort_keys=True)
    return f"{finding['path']}:{row}:{column}: {finding['code']} {all_of_it}\n    {code}"


def fixes_of(text: str) -> list[str]:
    """The parts of a difference, one a file."""
    parts = text.split("--- ")
    return sorted(f"--- {part}" for part in parts[1:])


def compared(before: dict[str, Record], after: dict[str, Record]) -> int:
    """Print what differs; the exit code."""
    different = Counter[str]()
    for name in before.keys() & after.keys():
        for what in ("findings", "fixes"):
            old = Counter[str](before[name].get(what, []))
            new = Counter[str](after[name].get(what, []))
            for sign, texts in (("-", old - new), ("+", new - old)):
                for each in sorted(texts.elements()):
                    print(f"{sign} {name} {each}")
                    different[f"{sign} {what}"] += 1
        if before[name]["failed"] != after[name]["failed"]:
            print(f"{name}: {before[name]['failed']!r} before, {after[name]['failed']!r} after")
            different["failed"] += 1
    for name in before.keys() ^ after.keys():
        print(f"{name} is in one record alone")
        different["trees"] += 1
    for what in ("check seconds", "fix seconds"):
        both = [name for name in before if what in before[name] and what in after.get(name, {})]
        print(f"\n{what:30}   before    after")
        for name in sorted(both, key=lambda name: -float(before[name][what])):
            print(f"{name[:30]:30} {before[name][what]:8.1f} {after[name][what]:8.1f}")
        print(f"{'all':30}", *(f"{sum(record[name][what] for name in both):8.1f}" for record in (before, after)))
    print("\nnothing differs" if not different else f"\n{dict(different)}")
    return 1 if different else 0


def print_stages(tree: Path) -> None:
    """Profile one check of a tree, and print the seconds by stage and rule."""
    with tempfile.TemporaryDirectory() as made:
        kept = Path(made, "profile")
        environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
        command = [sys.executable, "-c", PROFILED, str(kept), *CHECK, *ALONE]
        subprocess.run(command, env=environment, cwd=tree, stdout=subprocess.DEVNULL, check=True)
        profile: Any = pstats.Stats(str(kept))
    print(f"{tree.name}: {profile.total_tt:.1f} s in the profiler")
    rows = Counter[tuple[str, int]]()
    for (file, _, function), (_, calls, _, seconds, _) in profile.stats.items():
        for stage, (where, entry) in STAGES.items():
            if function == entry and (file.endswith(where) or (where == "python/ast.py" and file.endswith("/ast.py"))):
                rows[stage, calls] += seconds
        if "/rules/pb" in file and function == "check":
            rows[Path(file).stem[:5].upper(), calls] += seconds
    for (stage, calls), seconds in rows.most_common():
        print(f"  {seconds:8.2f} s  {calls:9} calls  {stage}")


if __name__ == "__main__":
    sys.exit(main())
