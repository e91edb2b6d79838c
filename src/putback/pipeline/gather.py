"""What there is to run in a project, portion by portion: what is kept of one that is done are its subjects, packed.

So what is held at once follows the files that are at work together, not all files.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from putback.model.config import Config
from putback.model.finding import Finding, Step
from putback.model.fix import Applicability
from putback.model.packed import Packed, packed
from putback.pipeline.check import Checked
from putback.pipeline.fix import checked_for_fixes, fixed
from putback.pipeline.verify import Progress, Subject, is_fixed, place_of, subjects

_ENOUGH = 500
"""So many findings are at work at once."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is to run, in the order of files and rows, and what is to be said of the files that were looked at.

    `is_broken`: one could not be parsed, so that nothing is known of its functions.
    """

    subjects: Packed[Subject]
    files: int
    errors: tuple[str, ...]
    internal_error: bool
    is_broken: bool


def gather(paths: Sequence[str], config: Config, progress: Progress, enough: int = _ENOUGH) -> Gathered:
    """What the safe fixes do, and what there is to run: where only an unsafe fix helps, that one. Runs none of it."""
    gathered = _gathered(checked_for_fixes(paths, config, progress=progress), config, enough)
    gc.collect()
    return gathered


def _gathered(project: Checked, config: Config, enough: int) -> Gathered:
    found: list[tuple[tuple[str, int], bytes]] = []
    broken = False
    for files in _portions(project, enough):
        run = fixed(project, replace(config, unsafe_fixes=False), among=files)
        broken = broken or any(finding.code == "PB001" for finding in run.before)
        safe = subjects(project, run)
        mended = {subject.scope for subject in safe if is_fixed(subject, run)}
        others: list[Subject] = []
        if any(_is_unsafe(f) and (f.filename, f.function) not in mended for f in run.before):
            vetoes = dict.fromkeys(mended, "safe fixes are enough")
            further = fixed(project, replace(config, unsafe_fixes=True), vetoes=vetoes, among=files)
            others = [s for s in subjects(project, further) if s.scope not in mended]
            safe = [s for s in safe if s.scope in mended]
        found += ((place_of(subject), packed(subject)) for subject in (*safe, *others))
        del run, safe, others
        gc.collect()
    found.sort(key=lambda each: each[0])
    result = project.result
    return Gathered(Packed(part for _, part in found), result.files, result.errors, result.internal_error, broken)


def _is_unsafe(finding: Finding) -> bool:
    return finding.fix is not None and finding.fix.applicability is Applicability.UNSAFE


def _portions(project: Checked, enough: int) -> Iterator[Collection[str]]:
    """The files with findings, in portions of about as many findings as are `enough`.

    Together stay those of which one imports the other or is led through by the other's paths, and the names of one
    file: a fix in one of them may hang on a fix in the other.
    """
    counts: dict[str, int] = {}
    for finding in project.result.findings:
        counts[finding.filename] = counts.get(finding.filename, 0) + 1
    portion: set[str] = set()
    for together in _tied(project, counts.keys()):
        portion.update(together)
        if sum(map(counts.__getitem__, portion)) >= enough:
            yield portion
            portion = set()
    if portion:
        yield portion


def _tied(project: Checked, files: Collection[str]) -> Iterable[Sequence[str]]:
    """The files, those that have to do with each other together."""
    first = {file: file for file in files}

    def leader(file: str) -> str:
        while first[file] != file:
            first[file] = file = first[first[file]]
        return file

    def tie(file: str, other: str | None) -> None:
        if other in first:
            first[leader(other)] = leader(file)

    real: dict[str, str] = {}
    for file in files:
        tie(file, real.setdefault(os.path.realpath(file), file))
        for imported in project.analysis.scan.imports.get(file, ()):
            tie(file, imported)
    by_path = {finding.path: finding.filename for finding in project.result.findings}
    for finding in project.result.findings:
        for step in _steps(finding.trace):
            tie(finding.filename, by_path.get(step.path))
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(leader(file), []).append(file)
    return groups.values()


def _steps(trace: Iterable[Step]) -> Iterator[Step]:
    """The stations of a path, and those inside of what is called there."""
    for step in trace:
        yield step
        yield from _steps(step.via)
