"""The second half of the pipeline: the functions that can hold a connection are analysed, and findings reported.

Everything that takes long to import comes with this module; `check` loads it while the files are being read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from putback.drivers.catalog import load_catalog
from putback.flow.ir import MODULE
from putback.flow.names import mentioned
from putback.frameworks.catalog import load_frameworks
from putback.model.config import Config
from putback.model.finding import Confidence, Finding, Place, Severity
from putback.model.fingerprint import expression_at, fingerprinted
from putback.model.span import Position, Span
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.module import FunctionInfo, Import, ModuleInfo
from putback.ownership.index.places import is_put_aside, place_by_path
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.sessions.scoped import sessions_of
from putback.pipeline.exceeding import exceeding
from putback.pipeline.held import Held, keeps_findings
from putback.pipeline.indexing import Broken
from putback.pipeline.kept import Past
from putback.pipeline.remarks import Comments, comments_of, in_order
from putback.pipeline.scan import Scan, Scanner
from putback.pipeline.stale import Changes, Spot, stale
from putback.pipeline.telling import Agenda, Progress, Task, Told, chosen, told
from putback.rules import ALL
from putback.source.cells import in_cells
from putback.source.discover import shown
from putback.source.notebook import ENDING
from putback.source.prefilter import is_commented
from putback.source.python2 import is_python_2
from putback.source.selection import enabled, ignored_in_file, severity_of, with_configured_fix
from putback.source.slices import Reader, without_prose, words
from putback.source.survey import Survey

_BY_CODE = {rule.code: rule for rule in ALL}


class Analysis:
    """A project with its index, and what the rules `codes` find in it. Programs know its files as seen from `root`."""

    def __init__(
        self, config: Config, codes: frozenset[str], scanner: Scanner, scan: Scan, reader: Reader, root: str
    ) -> None:
        self.config = config
        self.root = root
        self.codes = codes
        self.scanner = scanner
        self.scan = scan
        self.reader = reader
        self.analyzer = _analyzer(scanner, scan, reader, root)
        reader.noted = scan.project.footprint.file

    def found(self, wanted: Collection[str], progress: Progress | None) -> list[Finding]:
        """What the rules find in the files `wanted`, as they say it."""
        beside = self._beside(wanted)
        held = Held(self.analyzer, self.scanner, self.scan, self.config, self.codes, wanted)
        told = held.of(wanted, beside, lambda path: self.named([path]))
        agendas = self._agendas(frozenset(wanted).difference(each.agenda.path for each in told), beside)
        told += self._told(agendas, progress)
        held.keep(told)
        found = [finding for each in told for finding in each.findings]
        if self.config.deployment and "PB406" in self.codes:
            places = [(task.path, task.key) for agenda in agendas for task in agenda.tasks]
            found += exceeding(self.analyzer, places, self.config)
        return found

    def changed(self, texts: Mapping[str, bytes]) -> Analysis:
        """The same project with `texts` as the content of these files; what is known of the others stays."""
        reader = Reader({**self.reader.given, **texts})
        scan = self.scanner.again(self.scan, texts.keys(), reader)
        return Analysis(self.config, self.codes, self.scanner, scan, reader, self.root)

    def affected(self, paths: Collection[str], wanted: Collection[str]) -> set[str]:
        """The files `paths`, and those `wanted` that import from them."""
        return {*paths, *(self.scan.importers(paths).intersection(wanted))}

    def again(
        self,
        found: Iterable[Finding],
        wanted: Collection[str],
        texts: Mapping[str, bytes],
        changed: Mapping[str, bytes],
    ) -> dict[str, tuple[Finding, ...]]:
        """The findings to be shown, by file, in those of `texts` and in those `wanted` that import from them.

        `texts` stand in for the content of these files and `changed` for that of others. `found` is what the rules have
        found before; functions that the changes do not concern are not looked at again. Whatever is selected or
        suppressed, a file of `texts` that does not parse has the finding PB001.
        """
        other = self.changed({**changed, **texts})
        affected = self.affected(texts.keys(), wanted)
        findings: dict[str, tuple[Finding, ...]] = dict.fromkeys(affected, ())
        for finding in other.reported(other._found_since(self, found, affected, {**changed, **texts}), affected):
            findings[finding.filename] += (finding,)
        for broken in other.scan.broken:
            if broken.path in texts and not broken.part:
                findings[broken.path] = (other._syntax_error(broken),)
        return findings

    def _found_since(
        self, before: Analysis, found: Iterable[Finding], wanted: Collection[str], texts: Mapping[str, bytes]
    ) -> list[Finding]:
        """What the rules find in the files `wanted`, where `found` was found before the files of `texts` changed."""
        known: dict[Spot, list[Finding]] = {}
        for each in found:
            key = each.site.function if each.site is not None else each.function
            known.setdefault((each.filename, before.analyzer.outermost(each.filename, key)), []).append(each)
        changes = Changes()
        for path, data in texts.items():
            if before.reader.data(path) != data:
                modules = before.scan.project.module(path), self.scan.project.module(path)
                changes.note(*modules, before.reader, self.reader)
        again = stale(changes, self.scan.modules(wanted), self.reader, known, self.scan.project.importers)
        agendas = self._agendas(wanted, self._beside(wanted), again)
        places = {(task.path, task.key) for agenda in agendas for task in agenda.tasks} | again
        still = (place for place in known if place[0] in wanted and place not in places and self._is_there(place))
        kept = [finding for place in still for finding in known[place]]
        return kept + [finding for each in self._told(agendas, None) for finding in each.findings]

    def _is_there(self, place: Spot) -> bool:
        """Whether the project has this function, or this file for a top level."""
        path, key = place
        module = self.scan.project.module(path)
        return module is not None and (key == MODULE or key in module.functions)

    # -- which functions

    def tasks(self, wanted: Collection[str]) -> list[Task]:
        """The functions in the files `wanted` that can hold a connection, or that a rule has something to say of."""
        return [task for agenda in self._agendas(wanted, self._beside(wanted)) for task in agenda.tasks]

    def _agendas(
        self, wanted: Collection[str], beside: Mapping[str, Sequence[Task]], among: Collection[Spot] | None = None
    ) -> list[Agenda]:
        """What there is to look at in some files, by the names and the light types of what is called.

        Those functions `among` some, and those `beside`, whatever they acquire.
        """

        def work(paths: Sequence[str]) -> list[Agenda]:
            by_path: dict[str, list[Task]] = {path: [] for path in paths}
            for task in self.named(paths):
                if among is None or (task.path, task.key) in among:
                    by_path[task.path].append(task)
            gates = self.config.gates
            return [
                chosen(self.analyzer, path, named, gates, beside.get(path, ()), self._keeps)
                for path, named in by_path.items()
            ]

        paths = [
            *(path for path in self.scan.imports if path in wanted),
            *sorted((beside.keys() - self.scan.imports).intersection(wanted)),
        ]
        return [agenda for part in self.scanner.shared_out(work, paths) for agenda in part]

    def _beside(self, wanted: Collection[str]) -> dict[str, list[Task]]:
        """The functions, by file, that a rule has something to say of whatever they acquire: they neglect a scoped
        session, or give a framework what is no dependency."""
        concerned = {(ref.path, ref.key) for ref in sessions_of(self.analyzer).concerned(wanted)}
        misgiven = self.analyzer.context.misgiven
        concerned |= {(path, each.scope or MODULE) for path in misgiven.keys() & wanted for each in misgiven[path]}
        found: dict[str, list[Task]] = {}
        for path, key in sorted({(path, self.analyzer.outermost(path, key)) for path, key in concerned}):
            found.setdefault(path, []).append(Task(path, key, 50))
        return found

    def named(self, paths: Iterable[str]) -> Iterator[Task]:
        """The functions in some files that have a name in them which can mean a connection."""
        known = self.scan.names | self.scanner.frameworks.context_names
        names = frozenset(name.encode() for name in known)
        working = self.analyzer.ambients.telling_words
        for module in self.scan.modules(paths):
            here = names | {name.encode() for name, found in module.imports.items() if _bare(found) in known}
            for task, code in self._functions(module):
                is_named = self._is_named(code, here) or self._works(code, working)
                if is_named or not self.config.gates or _says_one(module.functions.get(task.key), known):
                    yield task

    @staticmethod
    def _is_named(code: bytes, names: frozenset[bytes]) -> bool:
        return not names.isdisjoint(words(code)) and not names.isdisjoint(words(without_prose(code)))

    @staticmethod
    def _works(code: bytes, words_for_it: frozenset[bytes]) -> bool:
        """Whether a function catches something and runs statements, on whatever it is."""
        return b"except" in code and not words_for_it.isdisjoint(words(code))

    def _functions(self, module: ModuleInfo) -> Iterator[tuple[Task, bytes]]:
        """The outermost functions of a module and its top level, each with its text."""
        rows = [row.encode("utf-8", "replace") for row in self.reader.rows(module.path)]
        outermost = [info for info in module.functions.values() if not info.outer]
        for info in outermost:
            yield Task(module.path, info.key, info.end_row - info.row), b"\n".join(rows[info.row - 1 : info.end_row])
        for info in outermost:
            rows[info.row - 1 : info.end_row] = [b""] * (info.end_row - info.row + 1)
        yield Task(module.path, MODULE, 50), b"\n".join(rows)

    # -- what is in them

    def _told(self, agendas: Sequence[Agenda], progress: Progress | None) -> list[Told]:
        config = self.config
        return told(self.analyzer, agendas, self.codes, config.fix_style, config.jobs, progress, self._keeps)

    @property
    def _keeps(self) -> bool:
        """Whether what is found is kept for later runs."""
        return keeps_findings(self.scanner, self.config)

    def broken(self, wanted: Collection[str]) -> list[Finding]:
        """The findings for files `wanted` that cannot be read or parsed."""
        if "PB001" not in self.codes:
            return []
        return [self._syntax_error(b) for b in self.scan.broken if b.path in wanted]

    def _syntax_error(self, broken: Broken) -> Finding:
        """PB001; a hint where nobody means all of the file to run: tests, templates, what is put aside or of Python 2,
        and notebooks, whose cells are tried out one by one."""
        place = Position(broken.row, broken.column)
        what = "a statement of this file was not" if broken.part else "nothing in this file was"
        rows = self.reader.rows(broken.path) if broken.row else ()
        here = rows[broken.row - 1] if 0 < broken.row <= len(rows) else ""
        path = inside(broken.path, self.root)
        by_path = place_by_path(path)
        is_template = "{{" in broken.path or "{%" in here or "{{" in here
        is_old = is_python_2(rows, broken.row)
        is_tried_out = by_path in (Place.TEST, Place.EXAMPLE) or path.endswith(ENDING)
        is_aside = is_template or is_old or is_tried_out or is_put_aside(path)
        return Finding(
            code="PB001",
            name="syntax-error",
            message=f"{what} checked: {'it is written for Python 2' if is_old else broken.message}",
            severity=Severity.INFO if is_aside else Severity.ERROR,
            confidence=Confidence.HIGH,
            path=shown(broken.path),
            filename=broken.path,
            span=Span(place, place),
            help="mend the syntax, or exclude the file",
            url=_BY_CODE["PB001"].url,
            place=by_path,
        )

    # -- what is shown

    def reported(self, found: Iterable[Finding], wanted: Collection[str]) -> tuple[Finding, ...]:
        """Those of `found` that are to be shown, in the order of path and place, with what is to be said of the
        comments in the files `wanted`, in which they were found."""
        comments = {path: comments_of(path, self.reader.rows(path)) for path in self._commented(wanted)}
        shown_findings = self._shown(found, comments)
        remarks = self._shown(in_order(comments.values(), self.codes), comments)
        every = sorted({**remarks, **shown_findings}.values(), key=lambda each: (each.path, each.span, each.code))
        marked = fingerprinted(every, lambda f: expression_at(self.reader.rows(f.filename), f.span), self.root)
        return tuple(in_cells(each, self.reader.raw) for each in marked)

    def _commented(self, wanted: Collection[str]) -> Iterator[str]:
        """The files `wanted` that may have comments for putback: as they were read first, or stand in for that."""
        yield from self.scan.commented.intersection(wanted).difference(self.reader.given)
        yield from (path for path, data in self.reader.given.items() if path in wanted and is_commented(data))

    def _shown(self, found: Iterable[Finding], comments: dict[str, Comments]) -> dict[tuple[str, Span, str], Finding]:
        """Those of `found` that are to be shown, once each; those that a comment hides are noted in `comments`."""
        ignored = ignored_in_file(ALL, self.config)
        kept: dict[tuple[str, Span, str], Finding] = {}
        for finding in found:
            if finding.filename not in comments:
                comments[finding.filename] = comments_of(finding.filename, self.reader.rows(finding.filename))
            finding = replace(finding, severity=severity_of(_BY_CODE[finding.code], finding.severity, self.config))
            finding = with_configured_fix(finding, self.config)
            is_hidden = comments[finding.filename].hides(finding)
            if not is_hidden and self._is_wanted(finding, ignored(finding.filename)):
                kept.setdefault((finding.path, finding.span, finding.code), finding)
        return kept

    def _is_wanted(self, finding: Finding, ignored: frozenset[str]) -> bool:
        return (
            finding.code not in ignored
            and finding.confidence.rank >= self.config.min_confidence.rank
            and finding.severity.rank >= self.config.min_severity.rank
        )


def analysis_of(
    paths: Sequence[str],
    seen: Callable[[], Survey],
    reader: Reader,
    config: Config,
    codes: frozenset[str] | None,
    root: str,
    past: Past | None = None,
) -> Analysis:
    """The project of the files `paths`, from a first look at them that may still be under way; `past` is an earlier."""
    catalog, frameworks, survey = load_catalog(config.drivers), load_frameworks(), seen()
    scanner = Scanner(paths, reader, catalog, frameworks, config.gates, config.jobs, past, packaging=survey.packaging)
    scan = scanner.run(survey)
    return Analysis(config, enabled(ALL, config) if codes is None else codes, scanner, scan, reader, root)


def _analyzer(scanner: Scanner, scan: Scan, reader: Reader, root: str) -> Analyzer:
    """What answers questions about the functions of a project."""
    analyzer = Analyzer(Resolver(scan.project, scanner.catalog, scanner.frameworks), scan.carriers, reader)
    analyzer.is_alone, analyzer.importing, analyzer.root, analyzer.texts = (
        scan.is_alone,
        scan.may_import,
        root,
        scan.texts,
    )
    registries, closed = sessions_of(analyzer).registries, scan.carriers.resolver
    analyzer.context.prepare(closed, lambda module: registries.note(module, closed))
    return analyzer


def _says_one(function: FunctionInfo | None, names: frozenset[str]) -> bool:
    """Whether an annotation means one of these names where its text does not say so: in quotes, by a type parameter."""
    params = function.params if function is not None else ()
    return any(not names.isdisjoint(mentioned(param.annotation)) for param in params)


def _bare(found: Import) -> str:
    """The name that an import brings in, whatever it is called afterwards."""
    return found.name or found.module.rpartition(".")[2]
