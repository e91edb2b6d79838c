"""`putback check`: find the leaks and report them."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import click

from putback.cli import results
from putback.cli.destinations import destinations
from putback.cli.narrowed import Narrowed, baseline_file, narrowed
from putback.cli.options import CheckOptions, Selection, configured, shared_options
from putback.cli.output import Arrange, as_file, fails, sources, warn, write_reports
from putback.cli.remembered import Memory
from putback.cli.terminal import Progress
from putback.model.config import Config
from putback.model.errors import UsageError
from putback.model.printable import harmless, harmless_lines
from putback.model.report import CheckResult, Report
from putback.source import settings
from putback.source.discover import discover, shown
from putback.source.excludes import SPECIAL


@click.command("check")
@shared_options
@click.option(
    "--holders", metavar="FILE", help="What putback.pool.watch dumped: findings there come first, the others are named."
)
@click.option(
    "--add-ignore", metavar="[=REASON]", help="Write a `# putback: ignore` comment, with the reason, at every finding."
)
def command(**given: Any) -> None:
    """Find database connections that are taken and not given back.

    PATHS are files and directories; without any, the working directory. Exits with 0 when nothing worse than a hint is
    found (see --fail-on), 1 when something is, 2 when it cannot be told: wrong usage, a broken configuration, an
    internal error.
    """
    execute(CheckOptions(**{**given, "paths": given["paths"] or (".",)}))


def execute(options: CheckOptions) -> None:
    """Do what the options ask for, and end the command with its exit code."""
    if "-" in options.paths and len(options.paths) > 1:
        raise UsageError("standard input (-) cannot be checked together with files")
    destinations(options)  # what cannot be written is said before the work begins
    config = configured(options)
    if selects_nothing(config) and not options.quiet:
        warn("`select` is empty, so no rule runs: leave it out to run all of them")
    if options.show_settings:
        print_settings(config)
    elif options.show_files:
        print_files(options, config)
    elif options.debug:
        print_debug(options, config)
    elif options.add_ignore is not None:
        from putback.cli.add_ignore import run as add

        click.get_current_context().exit(add(options, config, options.add_ignore))
    elif options.fix or options.fix_only or options.diff or options.interactive:
        from putback.cli import fixing

        click.get_current_context().exit(fixing.run(options, config))
    else:
        click.get_current_context().exit(run(options, config))


def run(options: CheckOptions, config: Config) -> int:
    """Check, report, and give the exit code."""
    from putback.pipeline import check as pipeline

    stdin = as_file(options, config, sys.stdin.buffer.read()) if options.paths == ("-",) else None
    memory = memory_of(options, config)
    progress = Progress()
    try:
        known = results.recalled(memory, options.paths, config) if memory is not None else None
        if known is not None:
            result = known
        elif options.paths == ("-",) and stdin is None:
            result = CheckResult()
        else:
            if memory is not None:
                memory.begin()
            result = pipeline.check([] if stdin else options.paths, config, stdin=stdin, progress=progress)
    finally:
        progress.clear()
    if not result.files and not result.errors and stdin is None and not options.quiet:
        warn("no Python files found")
    counted = narrowed(result.findings, options, config) if stdin is None else Narrowed(result.findings)
    report = Report(
        counted.findings,
        sources(stdin),
        result.files,
        unsafe_fixes=config.unsafe_fixes,
        root=result.root,
        known=counted.known,
    )
    arranged = None
    if options.holders is not None:
        report, arranged = held_first(report, options.holders)
    text = write_reports(options, config, report, arranged)
    for error in result.errors:
        warn(error)
    own = [] if stdin or options.isolated or options.config else passed_over(report, options)
    if result.internal_error:
        return 2
    code = int((fails(report.findings, config) or counted.fails) and not options.exit_zero)
    if memory is not None and result.files and not result.errors:
        again = None if own or counted.gone else text  # what is printed again has no warnings
        memory.keep(again, code, result.files, results.name_of(options.paths, config), results.packed(result))
    return code


def passed_over(report: Report, options: CheckOptions) -> list[str]:
    """The configuration files nearer to a finding than the run's own; each is named, with the command that reads it."""
    found = settings.passed_over((each.filename for each in report.findings), options.paths)
    if not options.quiet:
        for path in found:
            folder = shlex.quote(shown(os.path.dirname(path)))
            warn(f"{shown(path)} is not read, a run has the settings of one file: putback check {folder} reads it")
    return found


PRINTS_ALONE = frozenset(
    field.name for field in fields(Selection) if field.name not in ("stdin_filename", "no_cache", "no_gates")
) | {"exit_zero", "fail_on", "show_info", "output_format", "statistics", "color", "quiet", "no_baseline"}
"""The options with which a run does nothing but print, and what it prints rests on the files of the project alone."""


def selects_nothing(config: Config) -> bool:
    """Whether the settings leave no rule to run."""
    return config.select == () and not config.extend_select


def memory_of(options: CheckOptions, config: Config) -> Memory | None:
    """What keeps the output of a run over directories for when nothing has changed; None where it rests on more."""
    others = (getattr(options, field.name) for field in fields(options) if field.name not in PRINTS_ALONE)
    if any(others) or selects_nothing(config) or not any(os.path.isdir(path) for path in options.paths):
        return None
    arguments = click.get_current_context().obj
    if not arguments:
        return None
    files = [*([config.file] if config.file else []), *config.extended, baseline_file(config, options.baseline)]
    return Memory(arguments, config.root or os.getcwd(), options.paths, names_left_out(config.exclude), files)


def names_left_out(exclude: Sequence[str]) -> frozenset[str]:
    """The names, among patterns, of folders that no file is read in."""
    never = {".git", "__pycache__", ".putback_cache"}
    takes_back = any(pattern.startswith("!") for pattern in exclude)
    return frozenset(never if takes_back else never.union(each for each in exclude if SPECIAL.isdisjoint(each)))


def held_first(report: Report, path: str) -> tuple[Report, Arrange]:
    """The findings as they are where a running program lost connections, and what puts those first; says where nothing
    is found."""
    from putback.cli import holders

    seen = holders.read(path)
    for place in holders.without_finding(report.findings, seen):
        warn(f"seen at run time, but nothing is found there: {place}")
    return (
        replace(report, findings=holders.no_hints(report.findings, seen)),
        lambda shown_report: replace(shown_report, findings=holders.seen_first(shown_report.findings, seen)),
    )


def print_files(options: CheckOptions, config: Config) -> None:
    """The files that a run would look at, one a line."""
    for each in discover(options.paths, config):
        click.echo(harmless(shown(each.path)))


def print_settings(config: Config) -> None:
    """The settings in TOML, with the file that they come from."""
    from putback.cli.show import as_toml

    click.echo(as_toml(config), nl=False)


def print_debug(options: CheckOptions, config: Config) -> None:
    """The engine's own view of each file."""
    from putback.pipeline.debug import debug

    for each in discover(options.paths, config):
        click.echo(harmless_lines(debug(each.path, config)), nl=False)
