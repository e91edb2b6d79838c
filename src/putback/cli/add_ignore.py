"""`putback check --add-ignore`: a comment at every finding, for the day when putback is taken into use."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Sequence

import click

from putback.cli.options import CheckOptions
from putback.cli.output import to_show, warn
from putback.fixes.write import write
from putback.model.config import Config
from putback.model.errors import SourceError, UsageError, WriteError
from putback.model.finding import Finding
from putback.model.report import Report
from putback.report import Traits
from putback.report.counts import number
from putback.source.suppress import Suppressions
from putback.source.text import SourceText, read_source

OURS = re.compile(r"(#\s*putback:\s*ignore\[)([^\]]*)(\])")


def run(options: CheckOptions, config: Config, reason: str) -> int:
    """Write the comments, say how many, and give the exit code."""
    if options.paths == ("-",) or options.fix or options.fix_only or options.diff or options.interactive:
        raise UsageError(
            "--add-ignore writes comments into files: it goes neither with fixes nor with standard input (-)"
        )
    if "\n" in reason or "#" in reason:
        raise UsageError("the reason of --add-ignore must be one line without `#`")
    from putback.pipeline.check import check

    result = check(options.paths, config)
    shown = to_show(Report(result.findings), Traits(from_root=False), config).findings
    wanted = [each for each in shown if not each.code.startswith("PB0")]
    added = 0
    for path in dict.fromkeys(each.filename for each in wanted):
        added += in_file(path, [each for each in wanted if each.filename == path], reason)
    for error in result.errors:
        warn(error)
    if not options.quiet:
        click.echo(f"Added {number(added, 'comment')} for {number(len(wanted), 'problem')}.")
    return 2 if result.internal_error else 0


def in_file(path: str, findings: Sequence[Finding], reason: str) -> int:
    """Write the comments of one file, as many as take effect; how many rows have one now."""
    if findings[0].cell:
        warn(f"{findings[0].path} is left as it is: putback does not write notebooks")
        return 0
    source = read_source(path)
    rows = source.text.splitlines(keepends=True) if source.newline != "\r" else None
    if rows is None or os.path.islink(path):
        warn(f"{findings[0].path} is left as it is: it is a link, or its line ends are unusual")
        return 0
    changed: set[int] = set()
    for finding in findings:
        place = commented(rows, finding, reason)
        if place is None:
            warn(f"no comment can be put at {finding.path}:{finding.span.start.row}: use `# putback: ignore-file`")
            continue
        changed.add(place[0])
        rows = place[1]
    try:
        write(path, source.data, encoded(source, "".join(rows)))
    except WriteError as error:
        raise UsageError(f"{findings[0].path} cannot be written: {error}") from error
    return len(changed)


def commented(rows: list[str], finding: Finding, reason: str) -> tuple[int, list[str]] | None:
    """The row that a comment for `finding` went to, and all rows then: the first place where it takes effect."""
    first, last = finding.span.start.row, finding.span.end.row
    for row in (last, first, *range(last + 1, min(last + 30, len(rows)) + 1)):
        after = [*rows[: row - 1], with_comment(rows[row - 1], finding.code, reason), *rows[row:]]
        text = "".join(after)
        if Suppressions.parse(text).hides(finding.code, finding.name, first, last) and is_same("".join(rows), text):
            return row, after
    return None


def with_comment(row: str, code: str, reason: str) -> str:
    """A row with a comment that names `code`, one that is there already extended."""
    body = row.rstrip("\r\n")
    end = row[len(body) :]
    if there := OURS.search(body):
        codes = [each.strip() for each in there[2].split(",") if each.strip()]
        listed = ", ".join([*codes, *([] if code in codes else [code])])
        return f"{body[: there.start()]}{there[1]}{listed}{there[3]}{body[there.end() :]}{end}"
    return f"{body}  # putback: ignore[{code}]{' ' + reason if reason else ''}{end}"


def is_same(before: str, after: str) -> bool:
    """Whether two texts are the same program."""
    try:
        return ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def encoded(source: SourceText, text: str) -> bytes:
    """The bytes of a file with another text."""
    try:
        return b"\xef\xbb\xbf" * source.bom + text.encode(source.encoding)
    except UnicodeEncodeError as error:
        raise SourceError(f"{source.path}: the reason cannot be written in {source.encoding}") from error
