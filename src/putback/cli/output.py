"""What commands have in common of what goes out: the report in its format, files, warnings; and standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TextIO

import click

from putback.cli.destinations import Destination, destinations
from putback.cli.options import CheckOptions
from putback.cli.terminal import colour_wanted, terminal_width
from putback.model.config import Config
from putback.model.errors import SourceError, UsageError
from putback.model.finding import Finding
from putback.model.fixing import Change
from putback.model.printable import harmless
from putback.model.report import Report, Sources, StdinFile
from putback.model.spelling import seen_from
from putback.report import Traits, format_named
from putback.report.order import ranked, without_hints
from putback.source.excludes import Excludes
from putback.source.notebook import notebook
from putback.source.prefilter import read_bytes
from putback.source.text import decode, read_source

Arrange = Callable[[Report], Report]


def fails(findings: Iterable[Finding], config: Config) -> bool:
    """Whether one of `findings` is as bad as the run may not find."""
    return any(each.severity.rank >= config.fail_on.rank for each in findings)


def to_show(report: Report, traits: Traits, config: Config) -> Report:
    """`report` with the findings that a format shows, in its order and as it spells files."""
    findings = report.findings
    if not config.show_info and not traits.complete:
        findings = without_hints(findings)
    hidden = len(report.findings) - len(findings)
    findings = ranked(findings) if traits.for_people else findings
    return rooted(replace(report, findings=findings, hidden=hidden), traits)


def rooted(report: Report, traits: Traits) -> Report:
    """`report`, whose files are spelled for the working directory, spelled as the format does."""
    root, read = report.root, report.sources
    if not traits.from_root or not root:
        return replace(report, root=os.getcwd())
    spelled = (seen_from(each, root) for each in report.findings)
    findings = tuple(sorted(spelled, key=lambda each: (each.path, each.cell, each.span, each.code)))
    return replace(report, findings=findings, sources=lambda path: read(os.path.join(root, path)))


def as_file(options: CheckOptions, config: Config, data: bytes) -> StdinFile | None:
    """The file that `data` on standard input stands for; None when its name is excluded, as a file would be."""
    name = os.path.abspath(options.stdin_filename or "-")
    if options.stdin_filename and config.force_exclude and Excludes(config.exclude, config.root).covers(name):
        return None
    return StdinFile(name, data)


def warn(message: str) -> None:
    """Say `message` on stderr."""
    click.echo(harmless(f"putback: warning: {message}"), err=True)


def write_reports(
    options: CheckOptions, config: Config, report: Report, arranged: Arrange | None = None, stream: TextIO | None = None
) -> str:
    """Put the report, in each format that is wanted, where it is wanted; `arranged` has a say in what is shown.

    What goes to no file is the result as well.
    """
    printed = ""
    for each in destinations(options):
        shown = to_show(report, format_named(each.format).TRAITS, config)
        text = rendered(options, each, arranged(shown) if arranged else shown, stream is None)
        write(text, each.file, stream)
        printed += text if each.file is None else ""
    return printed


def rendered(options: CheckOptions, wanted: Destination, report: Report, to_stdout: bool = True) -> str:
    """The report in the chosen format, as it suits the place that it goes to."""
    to_terminal = to_stdout and wanted.file is None
    colour = to_terminal and colour_wanted(options.color)
    width = terminal_width() if to_terminal else 0
    chosen = format_named(wanted.format)
    report = replace(
        report,
        rules=rule_cards() if chosen.TRAITS.with_rules else (),
        version=own_version() if chosen.TRAITS.document else "",
        colour=colour,
        links=colour and width > 0,
        width=width,
        quiet=options.quiet,
    )
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
        file, _, cell = path.partition(".ipynb:cell ")
        whole = os.path.abspath(f"{file}.ipynb" if cell else path)
        try:
            if cell:
                return notebook(stdin.data if stdin and stdin.path == whole else read_bytes(whole)).rows(int(cell))
            return decode(stdin.data).lines if stdin and stdin.path == whole else read_source(whole).lines
        except (SourceError, OSError):
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


def as_diff(change: Change, colour: bool, terminal: bool) -> str:
    """A change as a unified diff."""
    from putback.report.diff import diff

    before, after = (text_of(data) for data in (change.before, change.after))
    return diff(change.shown, before, after, colour, terminal)


def text_of(data: bytes) -> str:
    """The whole text of a file, its byte order mark included."""
    source = decode(data)
    return "\ufeff" * source.bom + source.text
