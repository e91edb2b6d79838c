"""The options of `putback check`, and the settings they amount to."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import click

from putback.model.config import Config
from putback.model.finding import Confidence, Severity
from putback.source import settings
from putback.source.selection import EXACT, strength

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What the user typed; None and () where an option was not given."""

    paths: tuple[str, ...]
    select: tuple[str, ...]
    extend_select: tuple[str, ...]
    ignore: tuple[str, ...]
    extend_ignore: tuple[str, ...]
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
    exit_zero: bool
    output_format: str
    output_file: str | None
    statistics: bool
    stdin_filename: str | None
    color: str
    quiet: bool
    debug: bool
    show_files: bool
    show_settings: bool


def words(ctx: click.Context, option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """The values of an option that may be repeated or hold a comma-separated list."""
    return tuple(word.strip() for value in given for word in value.split(",") if word.strip())


def list_option(name: str, text: str) -> Callable[[Command], Command]:
    """An option that takes a list."""
    return click.option(name, multiple=True, metavar="LIST", callback=words, help=text)


def configured(options: CheckOptions) -> Config:
    """The settings of the run: the configuration file with the options laid over it. Raises ConfigError."""
    paths = [options.stdin_filename or "."] if options.paths == ("-",) else options.paths
    return overlaid(settings.load(paths, options.config, options.isolated), options)


def overlaid(config: Config, options: CheckOptions) -> Config:
    """`config` with the options laid over it. `--select` starts anew, `--ignore` adds to what the file ignores."""
    if options.select:
        config = replace(config, select=options.select, extend_select=(), ignore=())
    kept = tuple(each for each in config.ignore if not taken_back(each, options.extend_select))
    exclude = rooted(options.exclude, config.root) if options.exclude else config.exclude
    return replace(
        config,
        extend_select=(*config.extend_select, *options.extend_select),
        ignore=(*kept, *options.ignore, *options.extend_ignore),
        exclude=(*exclude, *rooted(options.extend_exclude, config.root)),
        min_confidence=Confidence(options.min_confidence or config.min_confidence),
        min_severity=Severity(options.min_severity or config.min_severity),
        respect_gitignore=given(options.respect_gitignore, config.respect_gitignore),
        force_exclude=given(options.force_exclude, config.force_exclude),
        jobs=config.jobs if options.jobs is None else options.jobs,
        gates=config.gates and not options.no_gates,
    )


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
