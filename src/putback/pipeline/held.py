"""What was found in files by an earlier run, as far as it holds: nothing that it rests on differs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from putback.model.config import Config
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.requirements import requirements_around
from putback.ownership.sessions.scoped import sessions_of
from putback.pipeline.kept import KeptFile, KeptFindings
from putback.pipeline.scan import Scan, Scanner
from putback.pipeline.telling import Agenda, Task, Told
from putback.source.cache import digest


def keeps_findings(scanner: Scanner, config: Config) -> bool:
    """Whether what is found in each file is kept: from the second run on, for the first would be dearer by it.

    Not where all pools are summed up.
    """
    return scanner.reuse is not None and not scanner.reuse.past.is_empty and not config.deployment


class Held:
    """The findings of one run beside those that are kept; `codes` are the rules that find them."""

    def __init__(
        self,
        analyzer: Analyzer,
        scanner: Scanner,
        scan: Scan,
        config: Config,
        codes: Collection[str],
        wanted: Collection[str],
    ) -> None:
        self.scanner, self.scan, self.project = scanner, scan, analyzer.project
        self.reuse = scanner.reuse if keeps_findings(scanner, config) else None
        self.is_whole = frozenset(wanted) >= scan.imports.keys()
        self.findings = KeptFindings()
        if self.reuse is not None:
            found_with = (sorted(codes), config.fix_style.value, analyzer.root, os.getcwd())
            every = [*analyzer.context.compared(), *sessions_of(analyzer).compared(wanted)]
            compared = {f"{kind} {name}": answer for kind, name, answer in every}
            self.findings = KeptFindings(
                digest([ascii(found_with).encode()]).encode(), sorted(scan.names), compared=compared
            )

    def of(
        self, wanted: Collection[str], beside: Mapping[str, Sequence[Task]], named: Callable[[str], Iterable[Task]]
    ) -> list[Told]:
        """What holds of what was said of the files `wanted`: where the same functions have to be looked at, for what
        stands in them (`named`) or for another reason (`beside`)."""
        if self.reuse is None:
            return []
        kept = self.reuse.told(
            self.findings, wanted, self.scanner.seen, self.scanner.paths, self._packages, self.scanner.reader
        )
        has_same_names = self.reuse.past.scan.found.names == self.findings.names
        found = []
        for path, (each, seen) in kept.items():
            is_same = each.beside == tuple(task.key for task in beside.get(path, ()))
            if is_same and (has_same_names or each.named == tuple(task.key for task in named(path))):
                found.append(Told(Agenda(path, each.named, (), each.beside, 0), each.findings, seen, {}))
        return found

    def keep(self, told: Sequence[Told]) -> None:
        """Keep what was said of all files, if a later run is quicker for it, and the scan."""
        reuse, self.scanner.reuse = self.scanner.reuse, None
        if reuse is None:
            return
        kept: dict[str, tuple[KeptFile, int]] = {}
        for each in told if self.is_whole and self.reuse is not None else ():
            if not any(finding.code == "PB009" for finding in each.findings):
                file = KeptFile(each.agenda.named, each.agenda.beside, each.findings, 0)
                kept[each.agenda.path] = file, each.seen | each.agenda.seen
        for each in told:
            for text, paths in each.saying.items():
                known = self.findings.saying.setdefault(text, [])
                known += sorted({reuse.past.numbers[path] for path in paths}.difference(known))
        packages = self.project.footprint.bit("all", "packages")
        if any(seen & packages for _, seen in kept.values()):
            self.findings.packages = self._packages()
        reuse.worked_out += sum(1 for each in told if each.agenda.tasks)
        reuse.keep(self.scanner.seen, self.scanner.paths, self.scan.broken, self.scan.texts, kept, self.findings)

    def _packages(self) -> bytes:
        return digest(
            text.encode("utf-8", "surrogateescape") for text in requirements_around(self.scanner.paths)
        ).encode()
