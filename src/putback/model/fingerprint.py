"""The identity of a finding, without line numbers: it survives edits elsewhere in the file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from putback.model.finding import Finding
from putback.model.span import Span
from putback.model.spelling import inside


def fingerprint(path: str, code: str, function: str, expression: str, occurrence: int) -> str:
    """24 hex digits for the `occurrence`-th (from 0) finding of `code` on `expression` in `function`.

    White space and trailing commas in `expression` do not count: reformatting keeps the identity.
    """
    parts = (path, code, function, plain(expression), str(occurrence))
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def plain(expression: str) -> str:
    """`expression` without what formatting changes."""
    return "".join(expression.split()).replace(",)", ")")


def expression_at(rows: Sequence[str], span: Span) -> str:
    """The source text of a span's first row, "" where there is none."""
    if span.start.row > len(rows):
        return ""
    row = rows[span.start.row - 1]
    return row[span.start.column - 1 : span.end.column - 1 if span.end.row == span.start.row else None]


def fingerprinted(
    findings: Iterable[Finding], expression: Callable[[Finding], str], root: str = ""
) -> tuple[Finding, ...]:
    """`findings` in the order of path and place, each with its fingerprint.

    `expression(finding)` is the source text that the finding is about (the acquire). Equal ones in one
    function are told apart by their order. The files are named as seen from `root`, "" for the working directory.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    done = []
    for finding in sorted(findings, key=lambda each: (each.path, each.span, each.code)):
        text = expression(finding)
        path = inside(finding.filename, root)
        same = (path, finding.code, finding.function, plain(text))
        mark = fingerprint(path, finding.code, finding.function, text, seen[same])
        seen[same] += 1
        done.append(replace(finding, fingerprint=mark))
    return tuple(done)
