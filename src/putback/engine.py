"""The pipeline: discover, scan, analyse, report findings. `check` is also the library's entry."""

from __future__ import annotations

import copy
import gc
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from putback import workers
from putback.drivers.catalog import load_catalog
from putback.flow.ir import MODULE
from putback.frameworks.catalog import load_frameworks
from putback.model.config import Config, FixStyle
from putback.model.finding import Confidence, Finding, Severity
from putback.model.fingerprint import expression_at, fingerprinted
from putback.model.report import CheckResult, StdinFile
from putback.model.span import Position, Span
from putback.ownership.analyzer import Analyzer
from putback.ownership.facts import FunctionFacts
from putback.ownership.module import FunctionInfo, Import, ModuleInfo
from putback.ownership.resolver import Resolver
from putback.rules import ALL
from putback.rules.rule import Rule
from putback.scan import Broken, Scan, Scanner
from putback.source.discover import discover, shown
from putback.source.selection import enabled, ignored_in_file, severity_of, with_configured_fix
from putback.source.slices import Reader
from putback.source.suppress import Suppressions

Progress = Callable[[int, int], None]
_PROJECT_MARKS = (".git", "pyproject.toml", "putback.toml", ".putback.toml", "setup.py", "setup.cfg")
_WORTH_A_PROCESS = 40
_RECURSION = 2_500
_BY_CODE = {rule.code: rule for rule in ALL}


@dataclass(frozen=True, slots=True)
class Task:
    """One outermost function of a file, or its top level, to analyse. `size` in rows."""

    path: str
    key: str
    size: int


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
    config = config or Config()
    with at_full_speed():
        return Run(config, enabled(ALL, config), stdin, progress).run(paths)


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
    run = Run(config, enabled(ALL, config), stdin)
    run.reader = Reader({**run.reader.given, **(texts or {})})
    return run.prepare(paths)


class Run:
    """One run of the rules `codes`: what its stages share.

    Once it has run there are its `scan`, the files `wanted`, and those that were named one by one (`explicit`).
    """

    scan: Scan
    wanted: frozenset[str]
    explicit: frozenset[str]

    def __init__(
        self,
        config: Config,
        codes: frozenset[str],
        stdin: StdinFile | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.config = config
        self.progress = progress
        self.codes = codes
        self.catalog = load_catalog(config.drivers)
        self.frameworks = load_frameworks()
        self.stdin = stdin
        given = {os.path.abspath(stdin.path): stdin.data} if stdin is not None else {}
        self.reader = Reader(given)
        self.errors: list[str] = []
        self.renamed: dict[str, frozenset[str]] = {}

    # -- stages

    def prepare(self, paths: Sequence[str]) -> tuple[Analyzer, list[Task]]:
        """What the rules would look at in the files at and below `paths`."""
        asked = self._asked(paths)
        wanted = frozenset(d.path for d in asked)
        explicit = frozenset(d.path for d in asked if d.explicit)
        scan = self._scanner().run(self._project_files(list(wanted), explicit), explicit)
        analyzer = self._analyzer(scan)
        analyzer.notes += [f"{b.path} is not analysed: {b.message} (row {b.row})" for b in scan.broken]
        return analyzer, self._tasks(scan, wanted)

    def run(self, paths: Sequence[str]) -> CheckResult:
        """Check the files at and below `paths`."""
        asked = self._asked(paths)
        wanted = [d.path for d in asked]
        self.explicit = frozenset(d.path for d in asked if d.explicit)
        every = self._project_files(wanted, self.explicit)
        self.scan = self._scanner().run(every, self.explicit)
        self.wanted = frozenset(wanted)
        found = self._broken(self.scan, self.wanted) + self._found(self.wanted)
        internal = any(f.code == "PB009" for f in found)
        candidates = len(self.scan.candidates & self.wanted)
        return CheckResult(self._reported(found), len(wanted), candidates, tuple(self.errors), internal)

    def again(
        self, texts: Mapping[str, bytes], changed: Mapping[str, bytes] = MappingProxyType({})
    ) -> dict[str, tuple[Finding, ...]]:
        """The findings, by file, if `texts` were the content of these files; after `run`, with its index.

        Looks at the files of `texts` and at those that import from them, while those of `changed` have their new
        content as well. Whatever is selected or suppressed, a file
        that does not parse has the finding PB001.
        """
        other = copy.copy(self)
        other.reader, other.renamed, other.progress = Reader({**self.reader.given, **changed, **texts}), {}, None
        other.scan = other._scanner().again(self.scan, texts.keys() | changed.keys())
        affected = texts.keys() | (_importers(self.scan, texts.keys()) & self.wanted)
        findings: dict[str, tuple[Finding, ...]] = dict.fromkeys(affected, ())
        for finding in other._reported(other._found(affected)):
            findings[finding.filename] += (finding,)
        for broken in other.scan.broken:
            if broken.path in texts:
                findings[broken.path] = (_syntax_error(broken),)
        return findings

    def _scanner(self) -> Scanner:
        return Scanner(self.reader, self.catalog, self.frameworks, self.config.gates, self.config.jobs)

    def _found(self, paths: Collection[str]) -> list[Finding]:
        """What the rules find in `paths`, as they say it."""
        analyzer = self._analyzer(self.scan)
        tasks = self._tasks(self.scan, paths)
        return [finding for part in self._analyse(analyzer, tasks) for finding in part]

    def _asked(self, paths: Sequence[str]) -> list[_Asked]:
        if self.stdin is not None:
            return [_Asked(os.path.abspath(self.stdin.path), True)]
        found = discover(paths or ["."], self.config, self.errors.append)
        return [_Asked(d.path, d.explicit) for d in found]

    def _project_files(self, wanted: Sequence[str], explicit: Collection[str]) -> list[str]:
        """The files that the index covers: those asked for, and the project around files named one by one."""
        root = self.config.root or os.getcwd()
        around = [root] if any(os.path.exists(os.path.join(root, mark)) for mark in _PROJECT_MARKS) else []
        inside = [p for p in wanted if p.startswith(root + os.sep)]
        if not around or not inside:
            around = sorted({os.path.dirname(p) for p in explicit})
        known = dict.fromkeys(wanted)
        if around:
            settings = replace(self.config, force_exclude=False)
            known.update(dict.fromkeys(d.path for d in discover(around, settings, lambda message: None)))
        return list(known)

    def _analyzer(self, scan: Scan) -> Analyzer:
        analyzer = Analyzer(Resolver(scan.project, self.catalog, self.frameworks), scan.carriers, self.reader)
        analyzer.context.prepare(scan.carriers.resolver)
        return analyzer

    def _tasks(self, scan: Scan, wanted: Collection[str]) -> list[Task]:
        """The functions that can hold a connection, by their names alone."""
        tasks = []
        for module in scan.modules:
            if module.path not in wanted:
                continue
            for info in module.functions.values():
                if not info.outer and self._can_matter(info.mentions, scan, module, info):
                    tasks.append(Task(module.path, info.key, info.end_row - info.row))
            if self._can_matter(module.top_mentions, scan, module, None):
                tasks.append(Task(module.path, MODULE, 50))
        return tasks

    def _can_matter(self, mentions: set[str], scan: Scan, module: ModuleInfo, info: FunctionInfo | None) -> bool:
        if not self.config.gates or not scan.names.isdisjoint(mentions):
            return True
        if info is not None and any(self._renames(i, scan) for i in info.imports.values()):
            return True
        return not self._renamed(module, scan).isdisjoint(mentions)

    def _renamed(self, module: ModuleInfo, scan: Scan) -> frozenset[str]:
        """The names under which a module imports names that matter."""
        if module.path not in self.renamed:
            self.renamed[module.path] = frozenset(
                n for n, found in module.imports.items() if self._renames(found, scan)
            )
        return self.renamed[module.path]

    def _renames(self, found: Import, scan: Scan) -> bool:
        """Whether an import brings in a name that matters, under whatever name."""
        return (found.name or found.module.rpartition(".")[2]) in scan.names

    def _analyse(self, analyzer: Analyzer, tasks: Sequence[Task]) -> list[list[Finding]]:
        hands = workers.cores(self.config.jobs) if len(tasks) > _WORTH_A_PROCESS else 1
        if self.config.gates:
            gate = partial(_through_the_gate, analyzer)
            tasks = [t for part in workers.shared_out(gate, workers.dealt(tasks, _size, hands)) for t in part]
        if tasks and hands > 1:
            import putback.flow.lower  # noqa: F401  the children inherit the loaded parser
        shares = workers.dealt(tasks, _size, hands)
        done = 0

        def work(share: Sequence[Task]) -> list[Finding]:
            nonlocal done
            found: list[Finding] = []
            for task in share:
                found += findings_of(analyzer, task, self.codes, self.config.fix_style)
                done += 1
                if self.progress is not None and share is shares[0]:
                    self.progress(done * hands, len(tasks))
            return found

        return workers.shared_out(work, shares)

    def _broken(self, scan: Scan, wanted: frozenset[str]) -> list[Finding]:
        if "PB001" not in self.codes:
            return []
        return [_syntax_error(b) for b in scan.broken if b.path in wanted]

    # -- what is shown

    def _reported(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        ignored = ignored_in_file(ALL, self.config)
        comments: dict[str, Suppressions] = {}
        kept: dict[tuple[str, Span, str], Finding] = {}
        for finding in found:
            if finding.filename not in comments:
                comments[finding.filename] = Suppressions.parse("\n".join(self.reader.rows(finding.filename)))
            finding = replace(finding, severity=severity_of(_BY_CODE[finding.code], finding.severity, self.config))
            finding = with_configured_fix(finding, self.config)
            if self._is_shown(finding, ignored(finding.filename), comments[finding.filename]):
                kept.setdefault((finding.path, finding.span, finding.code), finding)
        return fingerprinted(kept.values(), lambda f: expression_at(self.reader.rows(f.filename), f.span))

    def _is_shown(self, finding: Finding, ignored: frozenset[str], comments: Suppressions) -> bool:
        rows = (finding.span.start.row, finding.span.end.row)
        return (
            finding.code not in ignored
            and finding.confidence.rank >= self.config.min_confidence.rank
            and finding.severity.rank >= self.config.min_severity.rank
            and not comments.hides(finding.code, finding.name, *rows)
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    path: str
    explicit: bool


def _importers(scan: Scan, paths: Collection[str]) -> set[str]:
    """The files that import from one of `paths`, at their top level or in a function."""
    return {m.path for m in scan.modules if any(_imports(scan, m, each, paths) for each in m.all_imports())}


def _imports(scan: Scan, module: ModuleInfo, found: Import, paths: Collection[str]) -> bool:
    """Whether an import of `module` means one of `paths`: by its module, or by its name when that is a module."""
    whole = ".".join(filter(None, (found.module, found.name)))
    names = (found.module, whole) if found.name else (whole,)
    return any(scan.project.resolve_import(replace(found, module=name), module.path) in paths for name in names)


def _size(task: Task) -> int:
    return task.size


def _through_the_gate(analyzer: Analyzer, tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if analyzer.may_acquire(task.path, task.key)]


def findings_of(analyzer: Analyzer, task: Task, codes: frozenset[str], style: FixStyle) -> list[Finding]:
    """The findings of all rules in one slice, their fixes written in `style`.

    A failure becomes the finding PB009 and hides nothing else.
    """
    found: list[Finding] = []
    rule: Rule | None = None
    try:
        for key in analyzer.nested(task.path, task.key):
            unit = analyzer.unit(task.path, key)
            if unit is None:
                continue
            facts = FunctionFacts(analyzer, unit, shown, style is FixStyle.WITH)
            for rule in ALL if facts.sites or facts.borrowed else ():
                if rule.code in codes:
                    found += rule.check(facts)
    except Exception as error:
        _end_if_told_to(error)
        found.append(_internal_error(analyzer, task, rule, error))
    return found


def _end_if_told_to(error: BaseException | None) -> None:
    """Raise what ends the process if `error` has come up on its way: clean-up code of the parser fails then."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        error = error.__context__


def _internal_error(analyzer: Analyzer, task: Task, rule: Rule | None, error: Exception) -> Finding:
    where = traceback.extract_tb(error.__traceback__)[-1]
    row = _row_of(analyzer, task)
    name = rule.code if rule is not None else "the analysis"
    return Finding(
        "PB009",
        "internal-error",
        f"putback failed here, please report it: {name}: {type(error).__name__}: {error} ({where.name}:{where.lineno})",
        Severity.ERROR,
        Confidence.HIGH,
        shown(task.path),
        task.path,
        Span(Position(row, 1), Position(row, 1)),
        task.key,
    )


def _row_of(analyzer: Analyzer, task: Task) -> int:
    module = analyzer.project.module(task.path)
    info: FunctionInfo | None = module.functions.get(task.key) if module is not None else None
    return info.def_row if info is not None else 1


def _syntax_error(broken: Broken) -> Finding:
    place = Position(broken.row, broken.column)
    return Finding(
        "PB001",
        "syntax-error",
        f"nothing in this file was checked: {broken.message}",
        Severity.ERROR,
        Confidence.HIGH,
        shown(broken.path),
        broken.path,
        Span(place, place),
        help="mend the syntax, or exclude the file",
        url=_BY_CODE["PB001"].url,
    )
