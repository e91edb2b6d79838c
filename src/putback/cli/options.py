"""The options of `putback check`, `putback fix` and `putback verify`, and the settings they amount to."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import click

from putback.model.config import Config, FixStyle
from putback.model.finding import Confidence, Severity
from putback.report import FORMATS
from putback.source import cache, settings
from putback.source.selection import EXACT, strength

Command = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the user typed about files, rules and settings; None and () where an option was not given."""

    paths: tuple[str, ...]
    select: tuple[str, ...]
    extend_select: tuple[str, ...]
    ignore: tuple[str, ...]
    exclude: tuple[str, ...]
    extend_exclude: tuple[str, ...]
    min_confidence: str | None
    min_severity: str | None
    respect_gitignore: bool | None
    force_exclude: bool | None
    config: tuple[str, ...]
    isolated: bool
    jobs: int | None
    no_cache: bool
    no_gates: bool
    fixable: tuple[str, ...]
    unfixable: tuple[str, ...]
    unsafe_fixes: bool | None
    stdin_filename: str | None
    style: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Selection):
    """What the user typed after `check` and `fix`."""

    exit_zero: bool
    fail_on: str | None
    show_info: bool | None
    fix: bool
    fix_only: bool
    diff: bool
    show_fixes: bool
    interactive: bool
    exit_non_zero_on_fix: bool
    verify: bool
    output_format: tuple[str, ...]
    output: tuple[str, ...]
    output_file: str | None
    statistics: bool
    color: str
    quiet: bool
    debug: bool
    show_files: bool
    show_settings: bool
    holders: str | None = None
    add_ignore: str | None = None
    baseline: str | None = None
    no_baseline: bool = False
    update_baseline: bool = False
    fail_on_stale: bool = False
    diff_base: str | None = None
    whole_function: bool = False


def words(ctx: click.Context, option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """The values of an option that may be repeated or hold a comma-separated list."""
    return tuple(word.strip() for value in given for word in value.split(",") if word.strip())


def placed(ctx: click.Context, option: click.Parameter, given: str | None) -> None:
    """Keep the cache where the option says."""
    if given:
        cache.placed([f"{cache.OPTION}={given}"])


def list_option(name: str, text: str) -> Callable[[Command], Command]:
    """An option that takes a list."""
    return click.option(name, multiple=True, metavar="LIST", callback=words, help=text)


SELECTING = (
    click.argument("paths", nargs=-1, metavar="[PATHS]..."),
    list_option("--select", "Rules to run: codes, prefixes, names or ALL. Replaces what the configuration selects."),
    list_option("--extend-select", "Rules to run on top of those."),
    list_option("--ignore", "Rules not to run."),
    list_option("--exclude", "Files and directories to leave out, as gitignore patterns. Replaces the defaults."),
    list_option("--extend-exclude", "Files and directories to leave out on top of those."),
    click.option(
        "--min-confidence", type=click.Choice([each.value for each in Confidence]), help="Leave out less sure findings."
    ),
    click.option(
        "--min-severity", type=click.Choice([each.value for each in Severity]), help="Leave out milder findings."
    ),
    click.option("--respect-gitignore/--no-respect-gitignore", default=None, help="Leave out what git ignores [yes]."),
    click.option(
        "--force-exclude/--no-force-exclude", default=None, help="Exclude files even if they are named as PATHS."
    ),
    click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help="A configuration file, or one setting."),
    click.option("--isolated", is_flag=True, help="Read no configuration file."),
    click.option("-j", "--jobs", type=click.IntRange(min=0), metavar="N", help="Processes; 0: one per processor."),
    click.option("--no-cache", is_flag=True, help="Neither read nor write the cache."),
    click.option(
        "--cache-dir",
        metavar="DIR",
        expose_value=False,
        callback=placed,
        help="Keep the cache there [.putback_cache in the project; PUTBACK_CACHE_DIR].",
    ),
    click.option("--no-gates", is_flag=True, hidden=True),
    list_option("--fixable", "Rules whose findings may be fixed. Replaces what the configuration says."),
    list_option("--unfixable", "Rules whose findings are left alone."),
)
"""The options that say which files and rules count."""

STYLE = click.option(
    "--style",
    type=click.Choice([each.value for each in FixStyle]),
    help="How fixes hold a connection [fix-style]. explicit: rollback and cursor, too, each if it is there (a plain"
    " rollback raises where the connection is lost); with: also what is given back by hand (PB114).",
)
PRINTING = (
    click.option("-o", "--output-file", metavar="FILE", help="Write the report there."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True),
)
"""The options that say where the report goes."""

SHARED = (
    *SELECTING,
    click.option("--exit-zero", is_flag=True, help="Exit with 0 even if something was found."),
    click.option(
        "--fail-on", type=click.Choice([each.value for each in Severity]), help="What exits with 1 [warning]."
    ),
    click.option("--show-info/--no-show-info", default=None, help="Show and fix hints (severity info) as well [no]."),
    click.option("--baseline", metavar="FILE", help="What is known and not reported [.putback/baseline.json]."),
    click.option("--no-baseline", is_flag=True, help="Report what is in the baseline, too."),
    click.option("--update-baseline", is_flag=True, help="Take what is gone out of the baseline."),
    click.option("--fail-on-stale", is_flag=True, help="Exit with 1 if the baseline lists what is gone."),
    click.option("--diff-base", metavar="REF", help="Report only what new code since this commit of git is part of."),
    click.option("--whole-function", is_flag=True, help="With --diff-base: new code anywhere in the function."),
    click.option("--fix", is_flag=True, help="Apply the safe fixes: what `putback fix` does."),
    click.option(
        "--unsafe-fixes/--no-unsafe-fixes", default=None, help="Also apply fixes that may change what the program does."
    ),
    STYLE,
    click.option("--fix-only", is_flag=True, help="Fix, and do not report what remains. Implies --fix."),
    click.option(
        "--diff", is_flag=True, help="Print what would be fixed as a diff and write nothing. Implies --fix-only."
    ),
    click.option("--show-fixes", is_flag=True, help="List what was fixed."),
    click.option("--interactive", is_flag=True, help="Show each fix and ask, as git add -p does. Implies --fix."),
    click.option(
        "--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 if something was fixed, even if nothing remains."
    ),
    click.option(
        "--verify", is_flag=True, help="Run each fixed function in a sandbox and keep only fixes that are proved."
    ),
    click.option(
        "--output-format",
        type=click.Choice(FORMATS),
        metavar="FORMAT",
        multiple=True,
        envvar="PUTBACK_OUTPUT_FORMAT",
        help=f"How to report: {', '.join(FORMATS)} [full, or what the name of --output-file says].",
    ),
    click.option(
        "--output",
        multiple=True,
        metavar="FORMAT[:FILE]",
        help="A report, and the file for it; FILE alone if its name tells the format. May be repeated.",
    ),
    *PRINTING,
    click.option("--statistics", is_flag=True, help="Count findings instead of listing them."),
    click.option("--stdin-filename", metavar="FILE", help="The name of the file on standard input (PATHS: -)."),
    click.option("-q", "--quiet", is_flag=True, help="Print findings and errors only."),
    click.option("--debug", is_flag=True, help="Print how putback understands each file."),
    click.option("--show-files", is_flag=True, help="Print the files that would be checked."),
    click.option("--show-settings", is_flag=True, help="Print the settings that would be used."),
)
"""The options that `check` and `fix` share."""


def shared_options(command: Command) -> Command:
    """`command` with the options in `SHARED`."""
    return with_options(command, SHARED)


def with_options(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    """`command` with these options, in this order on its help page."""
    for option in reversed(options):
        command = option(command)
    return command


def configured(options: Selection) -> Config:
    """The settings of the run: the configuration file with the options laid over it. Raises ConfigError."""
    paths = [options.stdin_filename or "."] if options.paths == ("-",) else options.paths
    return overlaid(settings.load(paths, options.config, options.isolated), options)


def overlaid(config: Config, options: Selection) -> Config:
    """`config` with the options laid over it. `--select` starts anew, `--ignore` adds to what the file ignores."""
    if isinstance(options, CheckOptions):
        config = judged(config, options)
    if options.style:
        config = styled(config, FixStyle(options.style))
    if options.select:
        config = replace(config, select=options.select, extend_select=(), ignore=())
    kept = tuple(each for each in config.ignore if not taken_back(each, options.extend_select))
    exclude = rooted(options.exclude, config.root) if options.exclude else config.exclude
    return replace(
        config,
        extend_select=(*config.extend_select, *options.extend_select),
        ignore=(*kept, *options.ignore),
        exclude=(*exclude, *rooted(options.extend_exclude, config.root)),
        min_confidence=Confidence(options.min_confidence or config.min_confidence),
        min_severity=Severity(options.min_severity or config.min_severity),
        respect_gitignore=given(options.respect_gitignore, config.respect_gitignore),
        force_exclude=given(options.force_exclude, config.force_exclude),
        fixable=options.fixable or config.fixable,
        unfixable=(*config.unfixable, *options.unfixable),
        unsafe_fixes=given(options.unsafe_fixes, config.unsafe_fixes),
        jobs=config.jobs if options.jobs is None else options.jobs,
        gates=config.gates and not options.no_gates,
        cache="" if options.no_cache else cache.folder(config.root or os.getcwd()),
    )


def styled(config: Config, style: FixStyle) -> Config:
    """`config` with fixes of a style; who asks for `with` means what is right already and by hand, too."""
    if style is not FixStyle.WITH:
        return replace(config, fix_style=style)
    from putback.rules.pb114_released_by_hand import RULE

    return replace(config, fix_style=style, extend_select=(*config.extend_select, RULE.code))


def judged(config: Config, options: CheckOptions) -> Config:
    """`config` with the options about hints and the exit code. Who asks for hints, or fails on them, sees them."""
    fail_on = Severity(options.fail_on or config.fail_on)
    asked = Severity.INFO.value in (fail_on.value, options.min_severity)
    show_info = True if asked and options.show_info is None else given(options.show_info, config.show_info)
    return replace(config, fail_on=fail_on, show_info=show_info)


def taken_back(ignored: str, selected: Sequence[str]) -> bool:
    """Whether one of the selectors on the command line names the very rule that the file ignores."""
    if not selected:
        return False
    from putback.rules import ALL

    same = [rule for rule in ALL if strength(ignored, rule.code, rule.name) == EXACT]
    return any(strength(each, rule.code, rule.name) == EXACT for each in selected for rule in same)


def given(option: bool | None, otherwise: bool) -> bool:
    """The option if it was given."""
    return otherwise if option is None else option


def rooted(patterns: Sequence[str], root: str) -> tuple[str, ...]:
    """Patterns typed in the working directory, as seen from the configuration's directory above it."""
    inside = os.path.relpath(os.getcwd(), root)
    if inside == "." or inside.startswith(".."):
        return tuple(patterns)
    return tuple(f"{inside}/{each.lstrip('/')}" if "/" in each.rstrip("/") else each for each in patterns)
