"""Findings and their places as the language server protocol spells them: rows from 0, columns in the client's units."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from inspect import cleandoc

from lsprotocol import types as lsp
from pygls.uris import from_fs_path

from putback.model.finding import Finding, Severity, Step
from putback.model.fix import Applicability
from putback.model.span import Position, Span
from putback.rules import ALL
from putback.source.text import split_lines

Rows = Callable[[str], Sequence[str]]
"""The rows of the file at an absolute path."""
Units = Callable[[str], int]
"""How many units of the client a text has."""

SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Hint,
}
_RULES = {rule.code: rule for rule in ALL}


def utf16(text: str) -> int:
    """The units that clients count in unless they agree on others."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


UNITS: dict[object, Units] = {
    lsp.PositionEncodingKind.Utf16: utf16,
    lsp.PositionEncodingKind.Utf8: utf8,
    lsp.PositionEncodingKind.Utf32: len,
}


def position(place: Position, rows: Sequence[str], units: Units) -> lsp.Position:
    """A place; columns behind the end of a row stay there."""
    row = rows[place.row - 1] if 0 < place.row <= len(rows) else ""
    return lsp.Position(max(place.row - 1, 0), units(row[: place.column - 1]))


def range_of(span: Span, rows: Sequence[str], units: Units) -> lsp.Range:
    """A stretch of text."""
    return lsp.Range(position(span.start, rows, units), position(span.end, rows, units))


def uri_of(path: str) -> str:
    """The address of a file, by its absolute path or as seen from the working directory."""
    whole = os.path.abspath(path)
    return from_fs_path(whole) or whole


def stations(finding: Finding) -> Iterator[Step]:
    """The path of a finding with what happens inside of the functions that it calls."""
    for step in finding.trace:
        yield step
        yield from step.via


def diagnostic(finding: Finding, rows: Rows, units: Units) -> lsp.Diagnostic:
    """A finding; the stations of its path are related places, those in wrappers included."""
    related = [
        lsp.DiagnosticRelatedInformation(
            lsp.Location(uri_of(step.path), range_of(step.span, rows(os.path.abspath(step.path)), units)), step.text
        )
        for step in stations(finding)
        if (os.path.abspath(step.path), step.span) != (finding.filename, finding.span)
    ]
    return lsp.Diagnostic(
        range=range_of(finding.span, rows(finding.filename), units),
        message=f"{finding.name}: {finding.message}" + (f"\nhelp: {finding.help}" if finding.help else ""),
        severity=SEVERITIES[finding.severity],
        code=finding.code,
        code_description=lsp.CodeDescription(finding.url) if finding.url else None,
        source="putback",
        related_information=related or None,
        data=finding.fingerprint,
    )


def hover(finding: Finding) -> str:
    """The finding in words, its path, and what its rule says."""
    lines = [f"**{finding.code} {finding.name}** ({finding.severity.value})", "", finding.message, ""]
    for number, step in enumerate(finding.trace, 1):
        lines.append(f"{number}. line {step.span.start.row}{_elsewhere(step, finding)}: {step.text}")
        lines += [f"   - {each.path}:{each.span.start.row}: {each.text}" for each in step.via]
    if finding.help:
        lines += ["", f"**help:** {finding.help}"]
    if finding.fix is None and finding.no_fix_reason:
        lines += ["", f"**no fix:** {finding.no_fix_reason}"]
    rule = _RULES.get(finding.code)
    if rule is not None:
        lines += ["", "---", "", cleandoc(rule.page).partition("\n\n")[0], "", f"More: `putback rule {finding.code}`"]
    return "\n".join(lines)


def _elsewhere(step: Step, finding: Finding) -> str:
    return "" if os.path.abspath(step.path) == finding.filename else f" of {step.path}"


def quick_fix(finding: Finding, text: str, version: int | None, units: Units) -> lsp.CodeAction:
    """The finding's own fix."""
    assert finding.fix is not None
    safe = finding.fix.applicability is Applicability.SAFE
    rows = split_lines(text)
    edits = [lsp.TextEdit(range_of(edit.span, rows, units), edit.content) for edit in finding.fix.edits]
    return lsp.CodeAction(
        title=f"putback: {finding.fix.message}{'' if safe else ' (unsafe)'}",
        kind=lsp.CodeActionKind.QuickFix,
        is_preferred=safe,
        edit=edit_of(finding.filename, edits, version),
    )


def ignoring(finding: Finding, text: str, version: int | None, units: Units) -> lsp.CodeAction:
    """A comment that suppresses the finding where it stands."""
    rows = split_lines(text)
    row = rows[finding.span.start.row - 1] if finding.span.start.row <= len(rows) else ""
    end = Position(finding.span.start.row, len(row) + 1)
    edit = lsp.TextEdit(range_of(Span(end, end), rows, units), f"  # putback: ignore[{finding.code}]")
    return lsp.CodeAction(
        title=f"putback: ignore {finding.code} here",
        kind=lsp.CodeActionKind.QuickFix,
        edit=edit_of(finding.filename, [edit], version),
    )


def whole_edit(path: str, before: str, after: str, version: int | None, units: Units) -> lsp.WorkspaceEdit:
    """What turns one text of a file into another: the rows between the first and the last that differ."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    head = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    span = lsp.Range(lsp.Position(head, 0), lsp.Position(len(old) - tail, 0))
    if tail == 0 and old and not old[-1].endswith(("\n", "\r")):
        span.end = lsp.Position(len(old) - 1, units(old[-1]))
    return edit_of(path, [lsp.TextEdit(span, "".join(new[head : len(new) - tail]))], version)


def edit_of(path: str, edits: Sequence[lsp.TextEdit], version: int | None) -> lsp.WorkspaceEdit:
    """Edits of one file, good for one version of it."""
    document = lsp.OptionalVersionedTextDocumentIdentifier(uri=uri_of(path), version=version)
    return lsp.WorkspaceEdit(document_changes=[lsp.TextDocumentEdit(document, list(edits))])
