"""The pipeline: discover, scan, analyse, report findings. `check` is also the library's entry.

The files are read in other processes while this one loads the analysis.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from putback.drivers import needles
from putback.model.config import Config
from putback.model.report import CheckResult, StdinFile
from putback.pipeline import workers
from putback.source.discover import Discovered, discover
from putback.source.homes import homes, outside_of_packages
from putback.source.packaging import Packaging, packaging_of
from putback.source.prefilter import Prefilter, read_table
from putback.source.root import project_root
from putback.source.slices import Reader
from putback.source.survey import Survey, content_digest, survey

if TYPE_CHECKING:
    from putback.model.finding import Finding
    from putback.pipeline.analyse import Analysis
    from putback.pipeline.kept import Past
    from putback.pipeline.telling import Task

Progress = Callable[[int, int], None]
_PROJECT_MARKS = (".git", "pyproject.toml", "putback.toml", ".putback.toml", "setup.py", "setup.cfg")
_WORTH_A_PROCESS = 300
_FEW = 200
_RECURSION = 12_000


@dataclass(frozen=True, slots=True)
class Scanned:
    """A project around what was asked for: the files `wanted`, and of those the ones named one by one (`explicit`).

    `errors` are lines about what could not be looked at.
    """

    analysis: Analysis
    wanted: frozenset[str]
    explicit: frozenset[str]
    errors: tuple[str, ...]

    def tasks(self) -> list[Task]:
        """The functions in the files asked for that have a name in them which can mean a connection."""
        scan = self.analysis.scan
        return list(self.analysis.named([path for path in scan.imports if path in self.wanted]))


@dataclass(frozen=True, slots=True)
class Checked:
    """A project with what was found in the files asked for: `found` as the rules say it, `result` as it is shown."""

    project: Scanned
    found: Sequence[Finding]
    result: CheckResult

    @property
    def analysis(self) -> Analysis:
        """The project as it was found."""
        return self.project.analysis

    def findings_in(self, paths: Collection[str]) -> dict[str, tuple[Finding, ...]]:
        """The findings, by file, in the files `paths` and in those asked for that import from them."""
        found: dict[str, tuple[Finding, ...]] = dict.fromkeys(self.analysis.affected(paths, self.project.wanted), ())
        for finding in self.result.findings:
            if finding.filename in found:
                found[finding.filename] += (finding,)
        return found

    def again(
        self, texts: Mapping[str, bytes], changed: Mapping[str, bytes] = MappingProxyType({})
    ) -> dict[str, tuple[Finding, ...]]:
        """The findings, by file, if `texts` were the content of these files.

        Looks at the files of `texts` and at those that import from them, while those of `changed` have their new
        content as well. Whatever is selected or suppressed, a file of `texts` that does not parse has the finding
        PB001.
        """
        return self.analysis.again(self.found, self.project.wanted, texts, changed)


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
    return checked(paths, config or Config(), stdin=stdin, progress=progress).result


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


def checked(
    paths: Sequence[str],
    config: Config,
    codes: frozenset[str] | None = None,
    *,
    stdin: StdinFile | None = None,
    progress: Progress | None = None,
) -> Checked:
    """What the rules `codes`, or those that `config` selects, find in the files at and below `paths`."""
    with at_full_speed():
        project = scanned(paths, config, codes, stdin=stdin)
        analysis, wanted = project.analysis, project.wanted
        found = analysis.found(wanted, progress)
        internal = any(each.code == "PB009" for each in found)
        candidates = len(analysis.scan.candidates & wanted)
        reported = analysis.reported(analysis.broken(wanted) + found, wanted)
        result = CheckResult(reported, len(wanted), candidates, project.errors, internal, analysis.root)
        return Checked(project, found, result)


def scanned(
    paths: Sequence[str], config: Config, codes: frozenset[str] | None = None, *, stdin: StdinFile | None = None
) -> Scanned:
    """The project around the files at and below `paths`; the analysis is loaded while other processes read."""
    reader = Reader({os.path.abspath(stdin.path): stdin.data} if stdin is not None else {})
    errors: list[str] = []
    if stdin is not None:
        asked = [Discovered(os.path.abspath(stdin.path), True)]
    else:
        asked = discover(paths or ["."], config, errors.append)
    named = [stdin.path] if stdin is not None else paths or ["."]
    explicit = frozenset(each.path for each in asked if each.explicit)
    every = sorted(_project_files(named, [each.path for each in asked], explicit, config))
    packaging = packaging_of(every, reader.data)
    before = _past(config, every, reader, packaging) if config.cache and stdin is None else None
    seen = _started_survey(every, explicit, reader, config, before, packaging)

    from putback.pipeline.analyse import analysis_of

    root = project_root([os.path.abspath(path) for path in named], config.file)
    analysis = analysis_of(every, seen, reader, config, codes, root, before)
    return Scanned(analysis, frozenset(each.path for each in asked), explicit, tuple(errors))


def _project_files(paths: Sequence[str], wanted: Sequence[str], explicit: Collection[str], config: Config) -> list[str]:
    """The files that the index covers: those asked for by `paths`, and the project around them.

    Where no mark says what the project is, it is the folders that the files import from.
    """
    root = config.root or os.getcwd()
    around = [root] if any(os.path.exists(os.path.join(root, mark)) for mark in _PROJECT_MARKS) else []
    inside = [p for p in wanted if p.startswith(root + os.sep)]
    if not around or not inside:
        around = homes(wanted, outside_of_packages(os.getcwd())) if explicit or len(wanted) <= _FEW else []
    elif not config.force_exclude and root in map(os.path.abspath, paths):
        around = []  # all of it was asked for
    known = dict.fromkeys(wanted)
    if around:
        settings = replace(config, force_exclude=False)
        known.update(dict.fromkeys(d.path for d in discover(around, settings, lambda message: None)))
    return list(known)


def _past(config: Config, paths: Sequence[str], reader: Reader, packaging: Packaging) -> Past | None:
    """What is kept of an earlier scan of this project."""
    if not config.gates:
        return None
    from putback.pipeline.kept import past

    return past(config.cache, config, paths, reader.data, packaging)


def _started_survey(
    paths: Sequence[str],
    explicit: Collection[str],
    reader: Reader,
    config: Config,
    before: Past | None,
    packaging: Packaging,
) -> Callable[[], Survey]:
    """Begin to look at the files that are not as they were `before`, in other processes if there are many; what is
    returned waits for the result."""
    prefilter = _prefilter(config)
    files = before.to_look_at(paths) if before is not None else range(len(paths))
    hands = workers.cores(config.jobs) if len(files) > _WORTH_A_PROCESS else 1
    digest = content_digest if before is not None else None

    def work(share: Sequence[int]) -> Survey:
        return survey(paths, share, reader.data, prefilter, explicit, digest, packaging)

    results = workers.started(work, [files[hand::hands] for hand in range(hands)]) if hands > 1 else None

    def whole() -> Survey:
        found = Survey(packaging=packaging)
        if before is not None and len(files) < len(paths):
            before.add_to(found, paths, explicit)
        if results is None:
            found.add(work(files))
            return found
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
