"""The explorer on real code: how many functions run, how much of them, and whether it agrees with the analysis.
Seconds are those of the processor.

python tests/bench/verify_project.py [-v] DIRECTORY...
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator

from putback.model.config import Config
from putback.model.errors import PutbackError
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.pipeline.cases import version_of
from putback.pipeline.check import scanned
from putback.source.discover import shown
from putback.verify import Bounds, verify_here
from putback.verify.roles import Case

_BOUNDS = Bounds(schedules=2_000, seconds=1.0)


def functions(directory: str) -> Iterator[FunctionFacts]:
    """Every function of a project that acquires a connection."""
    project = scanned([directory], Config(root=directory))
    analyzer, tasks = project.analysis.analyzer, project.tasks()
    for task in tasks:
        for key in analyzer.nested(task.path, task.key):
            unit = analyzer.unit(task.path, key)
            if unit is not None and unit.info is not None:
                facts = FunctionFacts(analyzer, unit, shown)
                if facts.sites:
                    yield facts


def main() -> None:
    """Print the running sums after each project."""
    verbose = "-v" in sys.argv
    sums: Counter[str] = Counter()
    seconds: list[float] = []
    coverage: list[float] = []
    each: list[float] = []
    for directory in [a for a in sys.argv[1:] if a != "-v"]:
        for facts in functions(directory):
            sums["functions"] += 1
            try:
                version = version_of(facts.analyzer, facts.unit)
            except PutbackError as error:
                print(f"{facts.path}: {facts.name}: {error}")
                continue
            assert version is not None
            started = time.process_time()
            found = verify_here(Case(version), _BOUNDS, time.process_time)
            seconds.append(time.process_time() - started)
            sums[found.verdict.value] += 1
            sums["executed"] += found.schedules > 0
            sums["exhaustive"] += found.exhaustive
            sums["schedules"] += found.schedules
            sums["unexplained"] += bool(found.unexplained)
            if found.schedules:
                coverage.append(found.coverage)
                each.append(seconds[-1] / found.schedules)
            leaks = any(not leak.cancelled for site in facts.sites for leak in site.leaks)
            defects = (Wrong.TWICE, Wrong.AFTER, Wrong.UNBOUND, Wrong.UNENTERED)
            static = leaks or any(s.wrong_closes or any(map(s.has, defects)) for s in facts.sites)
            dynamic = found.leak is not None
            sums[f"static {'leak' if static else 'clean'}, explorer {'leak' if dynamic else 'clean'}"] += 1
            if verbose and (static != dynamic or found.unexplained or not found.schedules or found.coverage < 0.8):
                print(f"{facts.unit.path}:{version.first_row}: {facts.name}: static {static}, {found.title}")
                print(f"    {found.reason}; coverage {found.coverage:.2f}, unreached {found.unreached[:6]}")
                print(f"    {found.unexplained[:2]}")
                for line in (found.leak.story if found.leak is not None else ())[:12]:
                    print(f"      {line}")
        _report(sums, sorted(seconds), coverage, each)


def _report(sums: Counter[str], seconds: list[float], coverage: list[float], each: list[float]) -> None:
    """The figures so far."""
    print(dict(sums))
    if seconds:
        print(f"coverage {sum(coverage) / len(coverage):.4f}, a schedule {sum(each) / len(each) * 1e3:.2f} ms")
        print(f"median {seconds[len(seconds) // 2] * 1e3:.1f} ms, p95 {seconds[int(len(seconds) * 0.95)] * 1e3:.0f} ms")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
