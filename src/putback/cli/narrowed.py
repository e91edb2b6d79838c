"""Which findings count: those that are not in the baseline, and with `--diff-base` only those in new code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import click

from putback.cli.options import CheckOptions
from putback.cli.output import sources, warn
from putback.model.config import Config
from putback.model.errors import UsageError
from putback.model.finding import Finding
from putback.report.counts import number
from putback.source import baseline


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The findings that count, how many are known and so do not, how many are gone that the baseline lists, and whether
    the run fails for them."""

    findings: tuple[Finding, ...]
    known: int = 0
    gone: int = 0
    fails: bool = False


def baseline_file(config: Config, given: str | None = None) -> str:
    """Where the baseline is, or would be."""
    if given:
        return os.path.abspath(given)
    return os.path.join(config.root or os.getcwd(), config.baseline or baseline.PLACE)


def narrowed(findings: Iterable[Finding], options: CheckOptions, config: Config, whole: bool = True) -> Narrowed:
    """Those of `findings` that count. What is gone is told by a run over everything (`whole`), and taken out of the
    baseline on request. Raises UsageError for options that do not go together."""
    every = tuple(findings)
    if options.diff_base is not None:
        from putback.source.changed import Changed

        changed = Changed(options.diff_base, config.root or os.getcwd())
        return Narrowed(tuple(each for each in every if changed.concerns(each, options.whole_function)))
    if options.whole_function:
        raise UsageError("--whole-function widens --diff-base REF: name the commit to compare with")
    if options.no_baseline:
        return Narrowed(every)
    path = baseline_file(config, options.baseline)
    entries = baseline.read(path)
    if entries is None:
        if options.baseline:
            raise UsageError(f"no such baseline: {options.baseline}; `putback baseline` makes one")
        return Narrowed(every)
    root = config.root or os.getcwd()
    found = baseline.compared(baseline.identified(every, root, sources(None)), entries, root)
    is_all = whole and is_about_all(options, root)
    if options.update_baseline and not is_all:
        raise UsageError("--update-baseline needs a run over the whole project, with the rules that are configured")
    gone = len(found.gone) if is_all else 0
    if options.update_baseline and frozenset(found.entries) != frozenset(entries):
        baseline.written(path, found.entries)
        click.echo(f"putback: {number(gone, 'problem')} less in the baseline: {os.path.relpath(path)}", err=True)
    elif gone and (options.fail_on_stale or not options.quiet):
        warn(f"the baseline lists {number(gone, 'problem')} not found any more: `putback baseline --prune`")
    new = frozenset(found.new)
    fails = bool(gone) and options.fail_on_stale and not options.update_baseline
    return Narrowed(tuple(each for each in every if each in new), len(found.known), gone, fails)


def is_about_all(options: CheckOptions, root: str) -> bool:
    """Whether the run looks at the whole project with the rules and levels that are configured."""
    chosen = (options.select, options.ignore, options.exclude, options.extend_exclude)
    leveled = (options.min_confidence, options.min_severity, options.config, options.isolated)
    return not any((*chosen, *leveled)) and root in map(os.path.abspath, options.paths)
