"""The pipeline of fixes: check, apply in rounds, check again, write. `fix` is also the library's entry."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from putback.fixes.rounds import Rounds
from putback.fixes.write import sweep, write
from putback.model.config import Config
from putback.model.errors import Overtaken, WriteError
from putback.model.finding import Finding
from putback.model.fix import Applicability
from putback.model.fixing import Approve, Declined, FixResult, FixRun, Scope
from putback.model.report import StdinFile
from putback.model.span import Span
from putback.pipeline.check import Checked, Progress, checked
from putback.rules import ALL, MENDINGS
from putback.source.formatter import laid_out
from putback.source.selection import enabled
from putback.source.text import decode

_USUAL = frozenset(rule.code for rule in ALL if not rule.opt_in)


def fix_source(source: str, filename: str = "source.py", config: Config | None = None) -> FixResult:
    """Fix one source text as if it stood at `filename`, in its project; nothing is written.

    Safe fixes, and unsafe ones where `config` asks for them. Never raises for what `source` contains.
    """
    path = os.path.abspath(filename)
    data = source.encode("utf-8", "surrogatepass")
    run = fix([], config, stdin=StdinFile(path, data))
    text = decode(run.changes[0].after).text if run.changes else source
    return FixResult(text, run.applied, run.declined, run.findings)


def fix(
    paths: Sequence[str],
    config: Config | None = None,
    *,
    stdin: StdinFile | None = None,
    progress: Progress | None = None,
    approve: Approve | None = None,
) -> FixRun:
    """Work out the fixes of the files at and below `paths`; `written` writes them. Raises as `check.check` does."""
    config = config or Config()
    return fixed(checked_for_fixes(paths, config, stdin=stdin, progress=progress), config, approve)


def checked_for_fixes(
    paths: Sequence[str], config: Config, *, stdin: StdinFile | None = None, progress: Progress | None = None
) -> Checked:
    """What every rule finds in the files at and below `paths`: what a fix brings counts, whatever is selected.

    Of the rules that run only where they are asked for, those that are.
    """
    return checked(paths, config, _USUAL | enabled(ALL, config), stdin=stdin, progress=progress)


def fixed(
    project: Checked,
    config: Config,
    approve: Approve | None = None,
    vetoes: Mapping[Scope, str] | None = None,
    among: Collection[str] | None = None,
) -> FixRun:
    """Work out the fixes that `config` wants, `among` some files only if these are given.

    `vetoes` are functions that are not to be fixed, with the reason.
    """
    codes = enabled(ALL, config)
    refused = vetoes or {}
    explicit = project.project.explicit

    def offered(finding: Finding) -> bool:
        unsafe = finding.fix is not None and finding.fix.applicability is Applicability.UNSAFE
        has_fix = finding.fix is not None and finding.code in codes and (config.unsafe_fixes or not unsafe)
        return has_fix and not _leads_outside(finding, explicit)

    def wanted(finding: Finding) -> bool:
        return offered(finding) and _scope(finding) not in refused

    def vetoed(findings: Iterable[Finding]) -> tuple[Declined, ...]:
        return tuple(Declined(f, refused[_scope(f)]) for f in findings if _scope(f) in refused and offered(f))

    read, result = project.analysis.reader.data, project.result
    asked = [f for f in result.findings if f.code in codes and (among is None or f.filename in among)]
    before = _once(_inside(finding, explicit) for finding in asked)
    outcome = FixRun(
        before=before,
        findings=before,
        changes=(),
        applied=(),
        declined=(),
        files=result.files,
        candidates=result.candidates,
        errors=result.errors,
        internal_error=result.internal_error,
    )
    outcome = replace(outcome, root=result.root)
    texts = {path: read(path) for path in _concerned(before, wanted)}
    if not texts:
        declined = vetoed(before)
        return replace(outcome, findings=_with_reasons(before, declined), declined=declined)
    gc.freeze()  # what the run has built is there to stay, what the rounds build is not
    try:
        found = project.findings_in(texts.keys())
        rounds = Rounds(texts, found, read, project.again, wanted, MENDINGS, approve=approve, lay_out=laid_out)
        rounds.run()
    finally:
        gc.unfreeze()
    after = [finding for finding in before if finding.filename not in rounds.findings]
    after += [_inside(f, explicit) for found in rounds.findings.values() for f in found if f.code in codes]
    remaining = _once(sorted(after, key=_place))
    declined = (*rounds.declined(), *vetoed(remaining))
    return replace(
        outcome,
        findings=_with_reasons(remaining, declined),
        changes=rounds.changes(),
        applied=tuple(sorted(rounds.applied, key=lambda each: _place(each.finding))),
        declined=declined,
    )


def _concerned(before: Sequence[Finding], wanted: Callable[[Finding], bool]) -> Iterator[str]:
    """The files with a fix, and those where one may come when others are mended: a path leads through these."""
    mended = {finding.filename: finding.path for finding in before if wanted(finding)}
    yield from mended
    shown = set(mended.values())
    for finding in before:
        waits = finding.fix is None and finding.filename not in mended and MENDINGS[finding.code].waits
        if waits and any(step.path in shown for step in finding.trace):
            yield finding.filename


def written(run: FixRun) -> FixRun:
    """Write the changes. In the outcome only what was written is changed and applied; what was not is as before."""
    errors: dict[str, str] = {}
    overtaken: dict[str, str] = {}
    for directory in {os.path.dirname(os.path.realpath(change.path)) for change in run.changes}:
        sweep(directory)
    for change in run.changes:
        try:
            write(change.path, change.before, change.after)
        except Overtaken as error:
            overtaken[change.path] = f"{change.shown} is left as it is: {error}"
        except WriteError as error:
            errors[change.path] = f"{change.shown} cannot be written: {error}"
    left = errors.keys() | overtaken.keys()
    if not left:
        return run
    findings = [f for f in run.findings if f.filename not in left] + [f for f in run.before if f.filename in left]
    return replace(
        run,
        findings=tuple(sorted(findings, key=_place)),
        changes=tuple(change for change in run.changes if change.path not in left),
        applied=tuple(each for each in run.applied if each.finding.filename not in left),
        declined=tuple(each for each in run.declined if each.finding.filename not in left),
        unwritten=tuple(errors.values()),
        overtaken=tuple(overtaken.values()),
    )


def _leads_outside(finding: Finding, explicit: Collection[str]) -> bool:
    """Whether the file is a link that was met on the way, to a file that was not asked for."""
    return os.path.islink(finding.filename) and finding.filename not in explicit


def _inside(finding: Finding, explicit: Collection[str]) -> Finding:
    """`finding`, without its fix when that would change a file that was not asked for."""
    if finding.fix is None or not _leads_outside(finding, explicit):
        return finding
    return replace(finding, fix=None, no_fix_reason="the file is a link to one that was not asked for")


def _scope(finding: Finding) -> Scope:
    return finding.filename, finding.function


def _place(finding: Finding) -> tuple[str, Span, str]:
    return finding.path, finding.span, finding.code


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """`findings` without those of files that are second names (links) of others: they are the same."""
    names: dict[str, str] = {}
    return tuple(f for f in findings if names.setdefault(os.path.realpath(f.filename), f.filename) == f.filename)


def _with_reasons(findings: Sequence[Finding], declined: Sequence[Declined]) -> tuple[Finding, ...]:
    """`findings`, those whose fix was taken back with the reason in its place."""
    reasons = {each.finding: f"tried and taken back, because {each.reason}" for each in declined}
    return tuple(replace(f, fix=None, no_fix_reason=reasons[f]) if f in reasons else f for f in findings)
