"""`putback check`: find the leaks and report them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TextIO

import click

from putback.cli.options import CheckOptions, configured, shared_options
from putback.cli.terminal import Progress, colour_wanted, terminal_width
from putback.model.config import Config
from putback.model.errors import SourceError, UsageError
from putback.model.finding import Finding
from putback.model.printable import harmless, harmless_lines
from putback.model.report import CheckResult, Report, Sources, StdinFile
from putback.report import COMPLETE, FOR_PEOPLE, format_named
from putback.report.order import ranked, without_hints
from putback.source.discover import discover, shown
from putback.source.excludes import Excludes
from putback.source.text import decode, read_source


@click.command("check")
@shared_options
@click.option(
    "--holders", metavar="FILE", help="What putback.pool.watch dumped: findings there come first, the others are named."
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
    config = configured(options)
    if options.show_settings:
        print_settings(config)
    elif options.show_files:
        print_files(options, config)
    elif options.debug:
        print_debug(options, config)
    elif options.fix or options.fix_only or options.diff or options.interactive:
        from putback.cli import fix

        click.get_current_context().exit(fix.run(options, config))
    else:
        click.get_current_context().exit(run(options, config))


def run(options: CheckOptions, config: Config) -> int:
    """Check, report, and give the exit code."""
    from putback.pipeline import check as pipeline

    stdin = as_file(options, config, sys.stdin.buffer.read()) if options.paths == ("-",) else None
    progress = Progress()
    try:
        if options.paths == ("-",) and stdin is None:
            result = CheckResult()
        else:
            result = pipeline.check([] if stdin else options.paths, config, stdin=stdin, progress=progress)
    finally:
        progress.clear()
    if not result.files and not result.errors and stdin is None and not options.quiet:
        warn("no Python files found")
    report = Report(result.findings, sources(stdin), result.files, unsafe_fixes=config.unsafe_fixes)
    shown_report = to_show(report, options.output_format, config)
    if options.holders is not None:
        shown_report = with_holders(shown_report, report, options.holders)
    write(rendered(options, shown_report), options.output_file)
    for error in result.errors:
        warn(error)
    if result.internal_error:
        return 2
    return int(fails(result.findings, config) and not options.exit_zero)


def fails(findings: Iterable[Finding], config: Config) -> bool:
    """Whether one of `findings` is as bad as the run may not find."""
    return any(each.severity.rank >= config.fail_on.rank for each in findings)


def to_show(report: Report, output_format: str, config: Config) -> Report:
    """`report` with the findings that this format shows, in its order."""
    findings = report.findings
    if not config.show_info and output_format not in COMPLETE:
        findings = without_hints(findings)
    hidden = len(report.findings) - len(findings)
    return replace(report, findings=ranked(findings) if output_format in FOR_PEOPLE else findings, hidden=hidden)


def with_holders(shown_report: Report, report: Report, path: str) -> Report:
    """The report with the findings first at whose places a running program lost connections; says where nothing is
    found."""
    from putback.cli import holders

    seen = holders.read(path)
    for place in holders.without_finding(report.findings, seen):
        warn(f"seen at run time, but nothing is found there: {place}")
    return replace(shown_report, findings=holders.seen_first(shown_report.findings, seen))


def as_file(options: CheckOptions, config: Config, data: bytes) -> StdinFile | None:
    """The file that `data` on standard input stands for; None when its name is excluded, as a file would be."""
    name = os.path.abspath(options.stdin_filename or "-")
    if options.stdin_filename and config.force_exclude and Excludes(config.exclude, config.root).covers(name):
        return None
    return StdinFile(name, data)


def warn(message: str) -> None:
    """Say `message` on stderr."""
    click.echo(harmless(f"putback: warning: {message}"), err=True)


def rendered(options: CheckOptions, report: Report, to_stdout: bool = True) -> str:
    """The report in the chosen format, as it suits the place that it goes to."""
    to_terminal = to_stdout and options.output_file is None
    colour = to_terminal and colour_wanted(options.color)
    width = terminal_width() if to_terminal else 0
    with_rules = options.output_format == "sarif"
    report = replace(
        report,
        rules=rule_cards() if with_rules else (),
        version=own_version() if with_rules else "",
        colour=colour,
        links=colour and width > 0,
        width=width,
        quiet=options.quiet,
    )
    chosen = format_named(options.output_format)
    return chosen.statistics(report) if options.statistics else chosen.render(report)


def rule_cards() -> tuple[Any, ...]:
    """The rules, for a format that describes them."""
    from putback.cli.cards import cards

    return tuple(cards())


def own_version() -> str:
    """putback's version, for a format that states it."""
    from putback.cli.version import version

    return version()


def sources(stdin: StdinFile | None) -> Sources:
    """The lines of a path as findings spell it; each file is read once, and only to be shown."""

    @lru_cache(maxsize=64)
    def lines(path: str) -> Sequence[str]:
        whole = os.path.abspath(path)
        try:
            return decode(stdin.data).lines if stdin and stdin.path == whole else read_source(whole).lines
        except SourceError:
            return ()

    return lines


def write(text: str, output_file: str | None, stream: TextIO | None = None) -> None:
    """Put the report where it was asked for, else on `stream`; raises UsageError when the file cannot be written."""
    if output_file is None:
        (stream or sys.stdout).write(text)  # click.echo would take the colours out again
        return
    try:
        with open(output_file, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {output_file}: {error.strerror or error}") from error


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
