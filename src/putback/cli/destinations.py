"""Which reports are wanted, and where each goes: what `--output`, `--output-format` and `--output-file` amount to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from putback.cli.options import CheckOptions
from putback.model.errors import UsageError
from putback.report import FORMATS, format_for, format_named
from putback.source.selection import did_you_mean

_PRINTED = "-"
_USUAL = "full"


@dataclass(frozen=True, slots=True)
class Destination:
    """One report: its format, and the file that it goes to; None for standard output."""

    format: str
    file: str | None = None


def destinations(options: CheckOptions) -> tuple[Destination, ...]:
    """The reports that the options ask for. Raises UsageError for those that get into each other's way."""
    wanted = tuple(dict.fromkeys(_wanted(options)))
    files = [each.file for each in wanted if each.file is not None]
    if twice := next((file for file in files if files.count(file) > 1), None):
        raise UsageError(f"{twice} cannot hold several reports: give each its own, as in --output sarif:FILE")
    printed = [each.format for each in wanted if each.file is None]
    whole = next((name for name in printed if format_named(name).TRAITS.document), None)
    if whole is not None and len(printed) > 1:
        others = " and ".join(printed)
        raise UsageError(
            f"standard output cannot hold {others}: {whole} is one document; give it a file: --output {whole}:FILE"
        )
    return wanted


def _wanted(options: CheckOptions) -> Iterator[Destination]:
    file = None if options.output_file == _PRINTED else options.output_file
    for name in options.output_format:
        yield Destination(name, file)
    for given in options.output:
        yield parsed(given)
    if not options.output_format and (file is not None or not options.output):
        yield Destination((file and format_for(file)) or _USUAL, file)


def parsed(given: str) -> Destination:
    """What FORMAT, FORMAT:FILE or FILE means; a file is known by the ending of its name. Raises UsageError."""
    name, colon, file = given.partition(":")
    if name in FORMATS and (file or not colon):
        return Destination(name, file if file and file != _PRINTED else None)
    found = format_for(given)
    if found is None:
        raise UsageError(
            f"--output {given}: is neither FORMAT[:FILE] nor a file known by its name{did_you_mean(name, FORMATS)} "
            f"(formats: {', '.join(FORMATS)})"
        )
    return Destination(found, given)
