"""The pipeline: discover, scan, analyse, report findings. `check` is also the library's entry.

The files are read in other processes while this one loads the analysis.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from putback.drivers import needles
from putback.model.config import Config
from putback.model.report import CheckResult, StdinFile
from putback.pipeline import workers
from putback.source.discover import Discovered, discover
from putback.source.prefilter import Prefilter, read_table
from putback.source.slices import Reader
from putback.source.survey import Survey, survey

if TYPE_CHECKING:
    from putback.model.finding import Finding
    from putback.ownership.analyzer import Analyzer
    from putback.pipeline.analyse import Analysis, Task
    from putback.pipeline.scan import Scan

Progress = Callable[[int, int], None]
_PROJECT_MARKS = (".git", "pyproject.toml", "putback.toml", ".putback.toml", "setup.py", "setup.cfg")
_WORTH_A_PROCESS = 300
_RECURSION = 2_500


def check(
    paths: Sequence[str],
    config: Config | None = None,
    *,
    stdin: StdinFile | None = None,
    progress: Progress | None = None,
) -> CheckResult:
    """Find the leaks in the files at and below `paths`.

    The index covers the project around the paths; findings are reported for the paths only. Raises UsageError for a
    path that does not exist and ConfigError for settings that make no sense. Never raises for the content of a file.
    """
    with at_full_speed():
        return Run(config or Config(), None, stdin, progress).run(paths)


@contextmanager
def at_full_speed() -> Iterator[None]:
    """Neither look for garbage, of which one run makes little, nor stop at deeply nested code."""
    collecting = gc.isenabled()
    gc.disable()
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION))
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def prepared(
    paths: Sequence[str],
    config: Config,
    *,
    stdin: StdinFile | None = None,
    texts: Mapping[str, bytes] | None = None,
) -> tuple[Analyzer, list[Task]]:
    """The analyzer of the project around `paths`, and the functions at and below them that can hold a connection.

    `texts` are looked at in place of what these files contain.
    """
    run = Run(config, stdin=stdin)
    run.reader = Reader({**run.reader.given, **(texts or {})})
    return run.prepare(paths)


class Run:
    """One run of the rules `codes`, or of those that `config` selects: what its stages share.

    Once it has run there are its `scan`, the files `wanted`, and those that were named one by one (`explicit`).
    """

    scan: Scan
    wanted: frozenset[str]
    explicit: frozenset[str]
    _analysis: Analysis

    def __init__(
        self,
        config: Config,
        codes: frozenset[str] | None = None,
        stdin: StdinFile | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.config = config
        self.codes = codes
        self.stdin = stdin
        self.progress = progress
        self.reader = Reader({os.path.abspath(stdin.path): stdin.data} if stdin is not None else {})
        self.errors: list[str] = []

    def prepare(self, paths: Sequence[str]) -> tuple[Analyzer, list[Task]]:
        """What the rules would look at in the files at and below `paths`."""
        self._scan(self._asked(paths))
        analyzer = self._analysis.analyzer(self.scan)
        analyzer.notes += [f"{b.path} is not analysed: {b.message} (row {b.row})" for b in self.scan.broken]
        return analyzer, list(self._analysis.named(self.scan, [p for p in self.scan.imports if p in self.wanted]))

    def run(self, paths: Sequence[str]) -> CheckResult:
        """Check the files at and below `paths`."""
        self._scan(self._asked(paths))
        analysis, scan, wanted = self._analysis, self.scan, self.wanted
        found = analysis.broken(scan, wanted) + analysis.found(scan, wanted, self.progress)
        internal = any(each.code == "PB009" for each in found)
        candidates = len(scan.candidates & wanted)
        return CheckResult(analysis.reported(found), len(wanted), candidates, tuple(self.errors), internal)

    def again(
        self, texts: Mapping[str, bytes], changed: Mapping[str, bytes] = MappingProxyType({})
    ) -> dict[str, tuple[Finding, ...]]:
        """The findings, by file, if `texts` were the content of these files; after `run`, with its index.

        Looks at the files of `texts` and at those that import from them, while those of `changed` have their new
        content as well. Whatever is selected or suppressed, a file of `texts` that does not parse has the finding
        PB001.
        """
        return self._analysis.again(self.scan, self.wanted, texts, changed)

    def _asked(self, paths: Sequence[str]) -> list[Discovered]:
        if self.stdin is not None:
            return [Discovered(os.path.abspath(self.stdin.path), True)]
        return discover(paths or ["."], self.config, self.errors.append)

    def _scan(self, asked: Sequence[Discovered]) -> None:
        """Index the project around the files `asked`; the analysis is loaded while others read."""
        self.wanted = frozenset(each.path for each in asked)
        self.explicit = frozenset(each.path for each in asked if each.explicit)
        every = _project_files([each.path for each in asked], self.explicit, self.config)
        seen = _started_survey(every, self.explicit, self.reader, self.config)

        from putback.pipeline.analyse import Analysis

        self._analysis = Analysis(self.config, self.reader, every, self.codes)
        self.scan = self._analysis.scan(seen())


def _project_files(wanted: Sequence[str], explicit: Collection[str], config: Config) -> list[str]:
    """The files that the index covers: those asked for, and the project around files named one by one."""
    root = config.root or os.getcwd()
    around = [root] if any(os.path.exists(os.path.join(root, mark)) for mark in _PROJECT_MARKS) else []
    inside = [p for p in wanted if p.startswith(root + os.sep)]
    if not around or not inside:
        around = sorted({os.path.dirname(p) for p in explicit})
    known = dict.fromkeys(wanted)
    if around:
        settings = replace(config, force_exclude=False)
        known.update(dict.fromkeys(d.path for d in discover(around, settings, lambda message: None)))
    return list(known)


def _started_survey(
    paths: Sequence[str], explicit: Collection[str], reader: Reader, config: Config
) -> Callable[[], Survey]:
    """Begin to look at all files, in other processes if there are many; what is returned waits for the result."""
    prefilter = _prefilter(config)

    def work(files: Sequence[int]) -> Survey:
        return survey(paths, files, reader.data, prefilter, explicit)

    hands = workers.cores(config.jobs) if len(paths) > _WORTH_A_PROCESS else 1
    if hands == 1:
        return lambda: work(range(len(paths)))
    results = workers.started(work, [range(hand, len(paths), hands) for hand in range(hands)])

    def whole() -> Survey:
        found = Survey()
        for part in results():
            found.add(part)
        return found

    return whole


def _prefilter(config: Config) -> Prefilter:
    if not config.drivers:
        return Prefilter(read_table(needles.PATH.read_text(encoding="utf-8")))
    from putback.drivers.catalog import load_catalog

    drivers = load_catalog(config.drivers).drivers.values()
    return Prefilter([(each.name, each.imports, each.needles) for each in drivers])
