"""`putback check`: find the leaks and report them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import click

from putback.cli.options import CheckOptions, configured, list_option
from putback.cli.terminal import Progress, colour_wanted, terminal_width
from putback.model.config import Config
from putback.model.errors import SourceError, UsageError
from putback.model.finding import Confidence, Severity
from putback.model.report import CheckResult, Report, Sources, StdinFile
from putback.report import FORMATS, format_named
from putback.source.discover import discover, shown
from putback.source.excludes import Excludes
from putback.source.text import decode, read_source


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@list_option("--select", "Rules to run: codes, prefixes, names or ALL. Replaces what the configuration selects.")
@list_option("--extend-select", "Rules to run on top of those.")
@list_option("--ignore", "Rules not to run.")
@list_option("--extend-ignore", "The same as --ignore.")
@list_option("--exclude", "Files and directories to leave out, as gitignore patterns. Replaces the defaults.")
@list_option("--extend-exclude", "Files and directories to leave out on top of those.")
@click.option(
    "--min-confidence", type=click.Choice([each.value for each in Confidence]), help="Leave out less sure findings."
)
@click.option("--min-severity", type=click.Choice([each.value for each in Severity]), help="Leave out milder findings.")
@click.option("--respect-gitignore/--no-respect-gitignore", default=None, help="Leave out what git ignores [yes].")
@click.option("--force-exclude/--no-force-exclude", default=None, help="Exclude files even if they are named as PATHS.")
@click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help="A configuration file, or one setting.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("-j", "--jobs", type=click.IntRange(min=0), metavar="N", help="Processes; 0: one per processor.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
@click.option("--no-gates", is_flag=True, hidden=True)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if something was found.")
@click.option(
    "--output-format", type=click.Choice(FORMATS), default="full", show_default=True, envvar="PUTBACK_OUTPUT_FORMAT"
)
@click.option("-o", "--output-file", metavar="FILE", help="Write the report there.")
@click.option("--statistics", is_flag=True, help="Count findings instead of listing them.")
@click.option("--stdin-filename", metavar="FILE", help="The name of the file on standard input (PATHS: -).")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Print findings and errors only.")
@click.option("--debug", is_flag=True, help="Print how putback understands each file.")
@click.option("--show-files", is_flag=True, help="Print the files that would be checked.")
@click.option("--show-settings", is_flag=True, help="Print the settings that would be used.")
def command(**given: Any) -> None:
    """Find database connections that are taken and not given back.

    PATHS are files and directories; without any, the working directory. Exits with 0 when nothing is found,
    1 when something is, 2 when it cannot be told: wrong usage, a broken configuration, an internal error.
    """
    options = CheckOptions(**{**given, "paths": given["paths"] or (".",)})
    if "-" in options.paths and len(options.paths) > 1:
        raise UsageError("standard input (-) cannot be checked together with files")
    config = configured(options)
    if options.show_settings:
        print_settings(config)
    elif options.show_files:
        print_files(options, config)
    elif options.debug:
        print_debug(options, config)
    else:
        click.get_current_context().exit(run(options, config))


def run(options: CheckOptions, config: Config) -> int:
    """Check, report, and give the exit code."""
    from putback import engine

    stdin = read_stdin(options, config) if options.paths == ("-",) else None
    progress = Progress()
    try:
        if options.paths == ("-",) and stdin is None:
            result = CheckResult()
        else:
            result = engine.check([] if stdin else options.paths, config, stdin=stdin, progress=progress)
    finally:
        progress.clear()
    if not result.files and not result.errors and stdin is None and not options.quiet:
        click.echo("putback: warning: no Python files found", err=True)
    write(rendered(options, result, stdin), options.output_file)
    for error in result.errors:
        click.echo(f"putback: warning: {error}", err=True)
    if result.internal_error:
        return 2
    return int(bool(result.findings) and not options.exit_zero)


def read_stdin(options: CheckOptions, config: Config) -> StdinFile | None:
    """The file on standard input; None when its name is excluded, which is then as with a file."""
    name = os.path.abspath(options.stdin_filename or "-")
    data = sys.stdin.buffer.read()
    if options.stdin_filename and config.force_exclude and Excludes(config.exclude, config.root).covers(name):
        return None
    return StdinFile(name, data)


def rendered(options: CheckOptions, result: CheckResult, stdin: StdinFile | None) -> str:
    """The report in the chosen format."""
    to_terminal = options.output_file is None
    colour = to_terminal and colour_wanted(options.color)
    width = terminal_width() if to_terminal else 0
    with_rules = options.output_format == "sarif"
    report = Report(
        findings=result.findings,
        sources=sources(stdin),
        files=result.files,
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


def write(text: str, output_file: str | None) -> None:
    """Put the report where it was asked for; raises UsageError when the file cannot be written."""
    if output_file is None:
        sys.stdout.write(text)  # click.echo would take the colours out again
        return
    try:
        with open(output_file, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {output_file}: {error.strerror or error}") from error


def print_files(options: CheckOptions, config: Config) -> None:
    """The files that a run would look at, one a line."""
    for each in discover(options.paths, config):
        click.echo(shown(each.path))


def print_settings(config: Config) -> None:
    """The settings in TOML, with the file that they come from."""
    from putback.cli.show import as_toml

    click.echo(as_toml(config), nl=False)


def print_debug(options: CheckOptions, config: Config) -> None:
    """The engine's own view of each file."""
    from putback.debug import debug

    for each in discover(options.paths, config):
        click.echo(debug(each.path, config), nl=False)
